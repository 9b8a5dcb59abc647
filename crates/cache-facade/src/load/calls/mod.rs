//! Calls of a loader: what they carry besides what is waited for, and what becomes of those that are refused.

mod besides;
pub(crate) mod filled;
mod halves;
pub(crate) mod put_off;
