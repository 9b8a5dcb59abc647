//! What is read of requests.

pub mod directives;
pub mod json_object;
pub mod query;
