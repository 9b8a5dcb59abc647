//! Scenarios for the cache as a whole, one module for each group of rules.

mod coalesce;
mod computed;
mod counts;
mod defaults;
mod facts;
mod filled;
mod freshness;
mod grace;
mod guard;
mod interrupted;
mod leases;
mod limits;
mod loaders;
mod local_tiers;
mod log_lines;
mod memory;
mod mishaps;
mod nodes;
mod races;
mod refusals;
mod retry_queue;
mod single_flight;
mod tags;
mod tiers;
mod updates;
