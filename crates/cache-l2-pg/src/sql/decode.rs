//! Decodes the fields of rows, without copying.

use cache_core::{Error, ErrorKind, Result};
use diesel::{
    pg::Pg,
    row::{Field, Row as _},
};

use crate::connection::PooledRow;

/// Applies `read` to the bytes of a field; returns `None` if it is null.
pub(crate) fn with_bytes<T>(row: &PooledRow, at: usize, read: impl FnOnce(&[u8]) -> T) -> Option<T> {
    let field = row.get(at)?;
    Field::<Pg>::value(&field).map(|value| read(value.as_bytes()))
}

/// Returns a copy of the bytes of a field, empty if it is null.
pub(crate) fn bytes(row: &PooledRow, at: usize) -> Vec<u8> {
    with_bytes(row, at, <[u8]>::to_vec).unwrap_or_default()
}

/// Returns a `bigint`.
pub(crate) fn integer(row: &PooledRow, at: usize) -> Result<i64> {
    with_bytes(row, at, |bytes| bytes.try_into().map(i64::from_be_bytes).ok())
        .flatten()
        .ok_or_else(unexpected_row)
}

/// Returns a `boolean`.
pub(crate) fn boolean(row: &PooledRow, at: usize) -> Result<bool> {
    with_bytes(row, at, |bytes| bytes == [1]).ok_or_else(unexpected_row)
}

/// Returns the only row of a result.
pub(crate) fn single_row(rows: &[PooledRow]) -> Result<&PooledRow> {
    match rows {
        [row] => Ok(row),
        _ => Err(unexpected_row()),
    }
}

fn unexpected_row() -> Error {
    Error::new(
        ErrorKind::Unavailable,
        "read",
        "PostgreSQL returned rows of another form than the statement selects",
    )
}
