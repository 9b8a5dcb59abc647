//! Looking at what memory and each tier hold, and at how much of it a removal would end.

mod count;
pub(crate) mod key_page;
pub(crate) mod key_report;
mod mark;
mod remove;
pub(crate) mod removed;
pub(crate) mod selection;
