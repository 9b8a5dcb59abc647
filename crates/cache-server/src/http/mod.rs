//! What the service adds to HTTP: strict query parameters, problems, caching headers, the guard, request log.

pub(crate) mod cache_control;
pub(crate) mod etag;
pub(crate) mod guard;
pub(crate) mod json_object;
pub(crate) mod not_modified;
pub(crate) mod problem;
pub(crate) mod query;
pub(crate) mod request_log;
