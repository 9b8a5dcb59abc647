//! The tiers behind memory: how they are called, and what happens when they fail.

pub(crate) mod copies;
pub(crate) mod guard;
pub(crate) mod handle;
pub(crate) mod retry_queue;
