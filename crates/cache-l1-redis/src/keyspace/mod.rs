//! What keys are called on the server, and how long it keeps them.

pub(crate) mod expiry;
pub(crate) mod key_names;
