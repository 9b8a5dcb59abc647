//! Ending what is cached: by tag, by kind, by pattern or all of it, on this node and on the others.

pub(crate) mod bus_client;
mod echo;
mod invalidate;
pub(crate) mod message_gaps;
pub(crate) mod publisher;
pub(crate) mod stamps;
pub(crate) mod subscriber;
