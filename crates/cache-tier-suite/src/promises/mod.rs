//! What every tier promises: one file a theme, one function a rule.

pub(crate) mod batches;
pub(crate) mod cancellation;
pub(crate) mod concurrency;
pub(crate) mod contents;
pub(crate) mod histories;
pub(crate) mod listing;
pub(crate) mod patterns;
pub(crate) mod removals;
pub(crate) mod steps;
pub(crate) mod writes;
