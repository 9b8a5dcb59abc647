//! What the service adds to HTTP of its own.

pub(crate) mod access;
pub(crate) mod description;
pub(crate) mod front;
pub(crate) mod problems;
pub(crate) mod request_span;
