//! The Redis tier, its bus and its lease on real servers that are paused, cut, killed and restarted.

mod bus;
mod client;
mod cluster;
mod failures;
mod fixture;
mod lease;
mod login;
mod patterns;
mod runtimes;
mod sentinel;
mod suite;
mod write_order;
