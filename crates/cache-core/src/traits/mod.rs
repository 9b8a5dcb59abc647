//! The traits that tiers, sources, buses, leases and observers implement.

pub(crate) mod bus;
pub(crate) mod figures;
pub(crate) mod lease;
pub(crate) mod listing;
pub(crate) mod loader;
pub(crate) mod miss_reason;
pub(crate) mod observer;
pub(crate) mod quota_store;
pub(crate) mod removal;
pub(crate) mod tier;
pub(crate) mod warm;
