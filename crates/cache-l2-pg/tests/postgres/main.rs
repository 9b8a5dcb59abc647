//! The PostgreSQL tier, its bus and its lease, on real servers.

mod bounds;
mod bus;
mod cancelled;
mod contents;
mod faults;
mod fixture;
mod lease;
mod migrations;
mod patterns;
mod plans;
mod runtimes;
mod suite;
mod tls;
mod wrong_server;
