//! Loading: one flight a key, through the tiers to the loader.

pub(crate) mod batch;
pub(crate) mod calls;
pub(crate) mod circular;
pub(crate) mod coalesce;
pub(crate) mod fetch;
pub(crate) mod flight;
pub(crate) mod late_loads;
pub(crate) mod lease;
pub(crate) mod loaders;
mod loom_shim;
pub(crate) mod pace;
pub(crate) mod reload;
mod store_loaded;
pub(crate) mod throttle;
pub(crate) mod warm;
