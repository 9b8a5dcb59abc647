//! After a failure: how long to wait before the next attempt, and when to hold off all calls.

pub(crate) mod backoff;
pub(crate) mod breaker;
