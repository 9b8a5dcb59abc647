//! The rules between nodes on real servers, with the bus and the lease of Redis and of PostgreSQL.

mod bus;
mod cancelled;
mod cut;
mod fixture;
mod leases;
mod marked;
mod panics;
mod poison;
mod reconnect;
mod recovery;
mod runtimes;
