//! What answers say, field by field, without copying.

use cache_core::{Error, ErrorKind, Result};
use diesel::{
    pg::Pg,
    row::{Field, Row as _},
};

use crate::connection::Row;

/// The bytes of a field; `None` if it is null.
pub(crate) fn with_bytes<T>(row: &Row, at: usize, read: impl FnOnce(&[u8]) -> T) -> Option<T> {
    let field = row.get(at)?;
    Field::<Pg>::value(&field).map(|value| read(value.as_bytes()))
}

/// A copy of the bytes of a field; empty if it is null.
pub(crate) fn bytes(row: &Row, at: usize) -> Vec<u8> {
    with_bytes(row, at, <[u8]>::to_vec).unwrap_or_default()
}

/// A number of 8 bytes.
pub(crate) fn integer(row: &Row, at: usize) -> Result<i64> {
    with_bytes(row, at, |bytes| bytes.try_into().map(i64::from_be_bytes).ok())
        .flatten()
        .ok_or_else(unexpected_row)
}

/// A truth value.
pub(crate) fn boolean(row: &Row, at: usize) -> Result<bool> {
    with_bytes(row, at, |bytes| bytes == [1]).ok_or_else(unexpected_row)
}

/// The only row of an answer.
pub(crate) fn single_row(rows: &[Row]) -> Result<&Row> {
    match rows {
        [row] => Ok(row),
        _ => Err(unexpected_row()),
    }
}

fn unexpected_row() -> Error {
    Error::new(ErrorKind::Unavailable, "read", "PostgreSQL answered with something else than was asked for")
}
