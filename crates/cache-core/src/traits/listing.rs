//! What a tier says of what it holds: page by page, without the values.

use std::fmt;

use crate::{Blob, Entry, Meta};

/// What a tier holds under one key, without the value.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListItem {
    /// The whole text of the key, as [`Key::as_str`](crate::Key::as_str) returns it. Where in it the kind ends, a
    /// tier doesn't know.
    pub key: String,
    /// When the entry was born, until when it may be served, and its tags.
    pub meta: Meta,
    /// Whether it is the knowledge that there is no value.
    pub absent: bool,
    /// How many bytes the tier stores for it: the record with its metadata, or where there is no record, the
    /// encoded value.
    pub bytes: u64,
}

impl ListItem {
    /// Returns what is held under the key of this text.
    #[must_use]
    pub fn new(key: impl Into<String>, meta: Meta, absent: bool, bytes: u64) -> Self {
        Self { key: key.into(), meta, absent, bytes }
    }

    /// Returns the item of an entry that is kept as it is, whose bytes are those of its encoded value.
    #[must_use]
    pub fn of_entry(key: impl Into<String>, entry: &Entry<Blob>) -> Self {
        let bytes = entry.value.as_ref().map_or(0, |blob| blob.bytes.len() as u64);
        Self::new(key, entry.meta.clone(), entry.value.is_none(), bytes)
    }
}

/// A part of what a tier holds, and where the next part begins.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListPage {
    /// What was found, in no order that means something. It may be empty though more follows.
    pub items: Vec<ListItem>,
    /// From where to go on; `None` after the last part.
    pub next: Option<ListCursor>,
}

impl ListPage {
    /// Returns a page.
    #[must_use]
    pub fn new(items: Vec<ListItem>, next: Option<ListCursor>) -> Self {
        Self { items, next }
    }
}

/// Where a listing goes on. Its bytes mean something to the tier alone that made it, of the pattern that it was
/// made for. They may be kept, and sent elsewhere and back; a tier takes no others for granted.
#[derive(Clone, PartialEq, Eq)]
pub struct ListCursor(Box<[u8]>);

impl ListCursor {
    /// Returns the cursor of these bytes.
    #[must_use]
    pub fn new(bytes: impl Into<Box<[u8]>>) -> Self {
        Self(bytes.into())
    }

    /// Returns the bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Returns the cursor of a number.
    #[must_use]
    pub fn of_number(number: u64) -> Self {
        Self::new(number.to_be_bytes())
    }

    /// Returns the number of which [`ListCursor::of_number`] made it; `None` if that didn't.
    #[must_use]
    pub fn number(&self) -> Option<u64> {
        Some(u64::from_be_bytes(self.0.as_ref().try_into().ok()?))
    }
}

impl fmt::Debug for ListCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ListCursor({})", self.0.escape_ascii())
    }
}
