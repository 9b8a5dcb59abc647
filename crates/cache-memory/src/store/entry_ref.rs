//! An entry as it is held: seen, not copied.

use cache_core::{Entry, Meta, Timestamp};

use crate::memory::Value;

/// An entry in its place. What a hit asks for lies together; [`Held::meta`] lies elsewhere, and is best
/// not touched without need.
#[derive(Clone, Copy)]
pub struct Held<'a> {
    value: Option<&'a Value>,
    stale_at: Timestamp,
    tagged: bool,
    meta: &'a Meta,
}

impl<'a> Held<'a> {
    #[inline]
    pub(crate) fn new(value: Option<&'a Value>, stale_at: Timestamp, tagged: bool, meta: &'a Meta) -> Self {
        Self { value, stale_at, tagged, meta }
    }

    /// The value; `None` if the source said that the key does not exist.
    #[must_use]
    #[inline]
    pub fn value(&self) -> Option<&'a Value> {
        self.value
    }

    /// Until when the value is fresh.
    #[must_use]
    #[inline]
    pub fn stale_at(&self) -> Timestamp {
        self.stale_at
    }

    /// Whether it has tags.
    #[must_use]
    #[inline]
    pub fn is_tagged(&self) -> bool {
        self.tagged
    }

    /// All that is promised about it.
    #[must_use]
    #[inline]
    pub fn meta(&self) -> &'a Meta {
        self.meta
    }

    /// A copy of the entry.
    #[must_use]
    pub fn entry(&self) -> Entry<Value> {
        Entry { value: self.value.cloned(), meta: self.meta.clone() }
    }
}

impl<'a> From<&'a Entry<Value>> for Held<'a> {
    fn from(entry: &'a Entry<Value>) -> Self {
        Self::new(entry.value.as_ref(), entry.meta.stale_at, !entry.meta.tags().is_empty(), &entry.meta)
    }
}
