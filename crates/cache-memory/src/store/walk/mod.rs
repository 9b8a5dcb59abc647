//! Walks over the shards, which let go of each lock every so often: those that read, those that change, and the
//! one that reclaims the dead.

mod change;
pub(crate) mod ended;
mod read;
pub(crate) mod reclaim;
pub(crate) mod steps;
