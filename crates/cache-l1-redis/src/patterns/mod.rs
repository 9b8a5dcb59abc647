//! Removal by pattern: the log of removed patterns on the server, its copy here, and the scans under way.

pub(crate) mod pattern_cache;
pub(crate) mod pattern_log;
pub(crate) mod scan_jobs;
mod scan_walk;
