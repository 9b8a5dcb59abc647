//! What is said to the server: statements, the names in them, and keys and rows as it has them.

pub(crate) mod decode;
mod identifiers;
mod key_bytes;
mod migrate;
mod prepared;
mod statements;

pub(crate) use identifiers::{Names, check, lock_number};
pub(crate) use key_bytes::{Stored, is_whole_range, range, text};
pub(crate) use migrate::migrate;
pub(crate) use prepared::{Bind, Call, Text};
pub(crate) use statements::{PAGE, Texts};
