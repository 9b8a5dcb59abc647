//! The wire forms: values, entries and messages as bytes.

pub(crate) mod codec;
pub mod envelope;
pub(crate) mod fingerprint;
pub mod message;
pub(crate) mod probe;
mod reader;
