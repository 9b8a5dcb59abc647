//! What is read and written, and how it is told whether an answer is right.

pub(crate) mod quote;
pub(crate) mod versions;
