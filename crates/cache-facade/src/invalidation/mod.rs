//! Ending what is cached: by tag, by kind, by pattern or all of it, on this node and on the others.

pub(crate) mod bus_client;
mod echo;
mod invalidate;
mod mark;
mod mark_stale;
pub(crate) mod marked;
mod marks;
pub(crate) mod message_gaps;
mod pattern_marks;
pub(crate) mod publisher;
pub(crate) mod stamps;
pub(crate) mod subscriber;
