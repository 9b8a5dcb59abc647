//! Reading: memory first, then a flight that brings what memory can't answer.

mod awaited;
pub(crate) mod deadlines;
pub(crate) mod demand;
mod facts;
pub(crate) mod get;
mod held;
pub(crate) mod memory_lookup;
mod miss_reason;
mod or_load;
pub(crate) mod servable;
pub(crate) mod wanted;
