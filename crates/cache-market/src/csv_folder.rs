//! CSV.
mod columns;
mod rows;
pub use rows::RowFaults;
