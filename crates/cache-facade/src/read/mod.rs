//! Reading: memory first, then a flight that brings what memory can't answer.

pub(crate) mod get;
pub(crate) mod memory_lookup;
