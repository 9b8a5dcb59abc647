//! Loading: one flight a key, through the tiers to the loader.

pub(crate) mod batch;
mod by_function;
pub(crate) mod circular;
pub(crate) mod closure_loader;
pub(crate) mod coalesce;
pub(crate) mod fetch;
pub(crate) mod flight;
pub(crate) mod function_loader;
pub(crate) mod instrumented;
pub(crate) mod late_loads;
pub(crate) mod lease;
mod loom_shim;
pub(crate) mod outcome;
pub(crate) mod shared_loader;
pub(crate) mod store_loaded;
pub(crate) mod throttle;
pub(crate) mod warm;
