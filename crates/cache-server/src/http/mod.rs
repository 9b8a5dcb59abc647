//! What the service adds to HTTP: strict query parameters, problems, caching headers, limits, request log.

pub(crate) mod cache_control;
pub(crate) mod etag;
pub(crate) mod host;
pub(crate) mod limits;
pub(crate) mod not_modified;
pub(crate) mod problem;
pub(crate) mod query;
pub(crate) mod request_log;
