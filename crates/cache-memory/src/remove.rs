//! Removes keys, or what matches a pattern, and leaves tombstones.

use std::{cell::Cell, sync::Arc};

use cache_core::{Entry, Freshness, Key, Meta, Pattern, Timestamp, Tombstone};

use crate::{
    memory::Memory,
    store::{entry_ref::EntryRef, stored::Stored},
};

impl Memory {
    /// Removes keys and leaves `tombstone` in their place. Returns how many values were removed that were alive:
    /// fresh or in grace.
    pub fn remove(&self, keys: &[Key], tombstone: Tombstone, now: Timestamp) -> u64 {
        let mut alive = 0;
        self.remove_each(keys, tombstone, now, |_, gone| alive += u64::from(is_alive(gone, now)));
        alive
    }

    /// As [`Memory::remove`]. Shows each entry that was removed to `gone`, with the place of its key among `keys`.
    /// It runs under the lock of the key: it must be short, and must not call this tier.
    pub fn remove_each(
        &self,
        keys: &[Key],
        tombstone: Tombstone,
        now: Timestamp,
        mut gone: impl FnMut(usize, EntryRef<'_>),
    ) {
        let _told = self.evictions.tell_after();
        for (at, key) in keys.iter().enumerate() {
            let mut stripe = self.stripe(key);
            stripe.tombstones.add(key, tombstone, now);
            if let Some(entry) = self.store.remove_if(key, |old| old.born <= tombstone.born) {
                gone(at, EntryRef::from(&entry));
            }
        }
    }

    /// Removes every key that matches and leaves `tombstone` for the pattern, which refuses what loads under
    /// way still bring. Returns how many values were removed that were alive.
    pub fn remove_matching(&self, pattern: &Pattern, tombstone: Tombstone, now: Timestamp) -> u64 {
        let alive = Cell::new(0);
        self.remove_matching_each(pattern, tombstone, now, |_, gone| {
            alive.set(alive.get() + u64::from(is_alive(gone, now)));
        });
        alive.get()
    }

    /// As [`Memory::remove_matching`]. Shows each entry that was removed to `gone`. It runs under a lock: it
    /// must be short, and must not call this tier.
    pub fn remove_matching_each(
        &self,
        pattern: &Pattern,
        tombstone: Tombstone,
        now: Timestamp,
        gone: impl Fn(&Key, EntryRef<'_>),
    ) {
        let _told = self.evictions.tell_after();
        let shared = Arc::new(pattern.clone());
        // Every stripe gets the tombstone first, so that the walk finds whatever was put before.
        for stripe in &self.stripes {
            stripe.lock().tombstones.add_matching(Arc::clone(&shared), tombstone, now);
        }
        let doomed = |key: &Key, meta: &Meta| meta.born <= tombstone.born && pattern.matches(key);
        let gone = |key: &Key, entry: &Entry<Stored>| gone(key, EntryRef::from(entry));
        self.store.remove_all(|key| self.stripe(key), doomed, gone);
    }
}

/// Whether an entry holds a value that is fresh or in grace, and not one that a newer one elsewhere replaced.
fn is_alive(entry: EntryRef<'_>, now: Timestamp) -> bool {
    let meta = entry.meta();
    entry.value().is_some() && meta.freshness(now) != Freshness::Dead && !meta.is_replaced()
}
