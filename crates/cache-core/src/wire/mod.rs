//! The wire forms: values, entries and messages as bytes.

pub(crate) mod codec;
pub mod envelope;
pub mod message;
mod reader;
