//! The traits that tiers, sources, buses, leases and observers implement.

pub(crate) mod bus;
pub(crate) mod lease;
pub(crate) mod loader;
pub(crate) mod observer;
pub(crate) mod tier;
pub(crate) mod warm;
