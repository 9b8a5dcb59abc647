//! Ending what is cached: by tag, by kind or all of it, on this node and on the others.

pub(crate) mod publisher;
pub(crate) mod stamps;
pub(crate) mod subscriber;
