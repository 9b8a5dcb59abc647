//! What this service adds to HTTP: strict queries, problems, caching headers, limits, a log.

pub(crate) mod cache_control;
pub(crate) mod etag;
pub(crate) mod host;
pub(crate) mod limits;
pub(crate) mod not_modified;
pub(crate) mod problem;
pub(crate) mod query;
pub(crate) mod request_log;
