//! What failed: how long to wait before it is tried again, and when to leave it alone.

pub(crate) mod backoff;
pub(crate) mod breaker;
