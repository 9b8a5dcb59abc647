//! Bodies that are JSON objects. serde reads an array as a struct too, whose items then mean fields by their
//! order.

use serde::de::{Deserialize, Error as _};

/// Deserializes a JSON object.
///
/// # Errors
///
/// If `bytes` are no JSON object, or not one of a `T`.
pub(crate) fn json_object<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> serde_json::Result<T> {
    match bytes.trim_ascii_start().first() {
        Some(b'{') | None => serde_json::from_slice(bytes),
        Some(_) => Err(serde_json::Error::custom("it is no JSON object")),
    }
}
