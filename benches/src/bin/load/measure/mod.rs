//! How operations are started and timed.

pub(crate) mod burst;
pub(crate) mod open_loop;
pub(crate) mod rate_search;
pub(crate) mod tally;
