//! After a failure: how long to wait before the next attempt, for how long to leave something alone, and when to
//! hold off all calls.

pub(crate) mod backoff;
pub(crate) mod breaker;
pub(crate) mod pause;
