//! What this service adds to HTTP: strict queries, problems, caching headers, limits, a log.

pub(crate) mod body;
pub(crate) mod etag;
pub(crate) mod freshness;
pub(crate) mod host;
pub(crate) mod limits;
pub(crate) mod log;
pub(crate) mod problem;
pub(crate) mod query;
