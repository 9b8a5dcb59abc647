//! Scenarios for the cache as a whole, one module for each group of rules.

mod cancelled;
mod coalesce;
mod freshness;
mod grace;
mod guard;
mod leases;
mod limits;
mod local_tiers;
mod log_lines;
mod memory;
mod mishaps;
mod nodes;
mod panics;
mod races;
mod refusals;
mod retry_queue;
mod runtimes;
mod single_flight;
mod tags;
mod tiers;
