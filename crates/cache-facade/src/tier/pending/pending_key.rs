//! A write that is pending, and what becomes of it when there are too many.

use cache_core::{Key, envelope::Record};

#[derive(Debug)]
pub(super) struct PendingKey {
    pub(super) number: u64,
    pub(super) record: Record,
    pub(super) failures: u32,
    /// Whether the tier refused it for good. It is served while it lives, and not sent again.
    pub(super) refused: bool,
    /// Whether another tier took it, which then knows whether it was removed since.
    pub(super) stored_elsewhere: bool,
}

/// What becomes of a pending write when there are too many.
#[derive(Clone, Copy)]
pub(super) enum Class {
    /// Dropped first: the tier will not get it anyway.
    Refused,
    /// Dropped, and what the tier holds from before it is removed.
    Entry,
    /// Given up last: what the tier holds from before it is removed later.
    Removal,
    /// An entry of the cache's own, which says what has ended or is stale. There is room for them apart.
    Stamp,
}

pub(super) const CLASSES: usize = Class::Stamp as usize + 1;

impl PendingKey {
    pub(super) fn class(&self, key: &Key) -> Class {
        match self.record {
            _ if self.refused => Class::Refused,
            Record::Entry(_) if key.is_reserved() => Class::Stamp,
            Record::Entry(_) => Class::Entry,
            Record::Tombstone(_) => Class::Removal,
        }
    }
}
