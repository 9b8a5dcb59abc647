//! The tiers behind memory: how they are called, and what happens when they fail.

pub(crate) mod byte_store;
pub(crate) mod call_health;
pub(crate) mod copies;
pub(crate) mod guard;
pub(crate) mod handle;
mod list;
mod pending;
pub(crate) mod put;
pub(crate) mod remove;
pub(crate) mod replay;
mod retry_queue;
mod unfinished;
pub(crate) mod walks;
