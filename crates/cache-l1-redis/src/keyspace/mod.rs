//! The keys on the server: what they are called, and when they expire.

pub(crate) mod expiry;
pub(crate) mod key_names;
mod list;
