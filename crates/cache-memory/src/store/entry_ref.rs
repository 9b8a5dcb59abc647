//! An entry as a reader sees it: borrowed, not copied.

use cache_core::{Entry, Meta, Timestamp};

use crate::{memory::Value, store::stored::Stored};

/// A borrowed entry. What every hit asks for lies in one cache line; [`EntryRef::meta`] lies in another,
/// and is best left alone where it is not needed.
#[derive(Clone, Copy)]
pub struct EntryRef<'a> {
    value: Option<&'a Value>,
    stale_at: Timestamp,
    tagged: bool,
    meta: &'a Meta,
}

impl<'a> EntryRef<'a> {
    #[inline]
    pub(crate) fn new(value: Option<&'a Value>, stale_at: Timestamp, tagged: bool, meta: &'a Meta) -> Self {
        Self { value, stale_at, tagged, meta }
    }

    /// Returns the value; `None` if the source said that the key does not exist.
    #[must_use]
    #[inline]
    pub fn value(&self) -> Option<&'a Value> {
        self.value
    }

    /// Returns the moment until which the value is fresh.
    #[must_use]
    #[inline]
    pub fn stale_at(&self) -> Timestamp {
        self.stale_at
    }

    /// Whether the entry has tags.
    #[must_use]
    #[inline]
    pub fn is_tagged(&self) -> bool {
        self.tagged
    }

    /// Returns the metadata of the entry.
    #[must_use]
    #[inline]
    pub fn meta(&self) -> &'a Meta {
        self.meta
    }

    /// Returns a copy of the entry.
    #[must_use]
    pub fn entry(&self) -> Entry<Value> {
        Entry { value: self.value.cloned(), meta: self.meta.clone() }
    }
}

impl<'a> From<&'a Entry<Stored>> for EntryRef<'a> {
    fn from(entry: &'a Entry<Stored>) -> Self {
        Self::new(
            entry.value.as_ref().and_then(Stored::get),
            entry.meta.stale_at,
            !entry.meta.tags().is_empty(),
            &entry.meta,
        )
    }
}

impl<'a> From<&'a Entry<Value>> for EntryRef<'a> {
    fn from(entry: &'a Entry<Value>) -> Self {
        Self::new(entry.value.as_ref(), entry.meta.stale_at, !entry.meta.tags().is_empty(), &entry.meta)
    }
}
