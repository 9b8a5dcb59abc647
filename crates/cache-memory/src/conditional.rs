//! Writes that depend on what memory holds.

use cache_core::{Entry, Key, Meta, Timestamp, Tombstone};

use crate::memory::{Memory, Value};

impl Memory {
    /// Returns when the entry of a key was born, whatever its age. Counts nothing.
    #[must_use]
    pub fn born(&self, key: &Key) -> Option<Timestamp> {
        self.look(key, |held| held.meta().born)
    }

    /// As [`Memory::remove`] for one key, if it holds an entry born at `held`, or none where that is `None`.
    /// Returns whether that was so.
    pub fn remove_if(
        &self,
        key: &Key,
        held: Option<Timestamp>,
        tombstone: Tombstone,
        now: Timestamp,
    ) -> bool {
        let _told = self.evictions.tell_after();
        let mut stripe = self.stripe(key);
        if self.born(key) != held || stripe.refuses(key, tombstone.born, now) {
            return false;
        }
        stripe.tombstones.add(key, tombstone, now);
        self.store.remove_if(key, |old| old.born <= tombstone.born);
        true
    }

    /// As [`Memory::put_observed`], if the key holds an entry born at `held`, or none where that is `None`: what
    /// a reader saw of it before, with [`Memory::born`]. Returns whether it was stored.
    pub fn put_if(
        &self,
        key: Key,
        held: Option<Timestamp>,
        entry: Entry<Value>,
        now: Timestamp,
        stored: impl FnOnce(&Key, &Meta),
        refused: impl FnOnce(&Key),
    ) -> bool {
        let _told = self.evictions.tell_after();
        let stripe = self.stripe(&key);
        self.born(&key) == held && self.put_in(stripe, key, entry, now, stored, refused)
    }

    /// Whether a write of `key` is under way to other tiers.
    #[must_use]
    pub fn is_being_written(&self, key: &Key) -> bool {
        self.stripe(key).is_being_written(key)
    }
}
