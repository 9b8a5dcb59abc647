//! Keys made of nothing but their text.

use cache_core::{Key, Prefix};

/// A key of this text. Which part of it is the kind can't be told, so it serves to open and seal
/// records, and to match patterns.
pub(crate) fn key_from_text(text: &str) -> Option<Key> {
    let (kind, id) = text.split_once(':')?;
    match kind.strip_prefix('!') {
        Some(kind) => Prefix::new(None, kind).ok()?.reserved().key(id).ok(),
        None => Key::new(kind, id).ok(),
    }
}
