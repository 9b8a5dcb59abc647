//! What was removed by pattern.

pub(crate) mod pattern_cache;
pub(crate) mod pattern_log;
pub(crate) mod scan_jobs;
