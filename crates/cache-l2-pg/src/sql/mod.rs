//! What is said to the server: statements, the names in them, and keys and rows as it has them.

pub(crate) mod decode;
mod identifiers;
mod key_bytes;
mod migrate;
mod prepared;
mod statements;

pub(crate) use identifiers::{Identifiers, advisory_lock_number, check_identifier};
pub(crate) use key_bytes::{KeyBytes, key_range, key_text, matches_whole_range};
pub(crate) use migrate::migrate;
pub(crate) use prepared::{Bind, Bound, Prepared};
pub(crate) use statements::{SWEEP_BATCH_ROWS, Statements};
