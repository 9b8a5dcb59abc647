//! Removes keys, or what matches a pattern, and leaves tombstones; removes all, and what is dead.
//!
//! Long walks let go of a shard's lock every few hundred slots, and give it first to those who wait for it. Those
//! whose name ends in `_pausing` wait for `pause` every few hundred entries, so that an async caller can yield to
//! its runtime. All that was there when they were called is gone when they return.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use cache_core::{Entry, Freshness, Key, Meta, Pattern, Timestamp, Tombstone};

use crate::{
    memory::Memory,
    store::{
        entry_ref::EntryRef,
        stored::Stored,
        walk::steps::{Pauses, no_pause, run},
    },
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
        let alive = AtomicU64::new(0);
        let gone = |_: &Key, gone: EntryRef<'_>| {
            alive.fetch_add(u64::from(is_alive(gone, now)), Ordering::Relaxed);
        };
        run(self.remove_matching_pausing(pattern, tombstone, now, gone, no_pause));
        alive.into_inner()
    }

    /// As [`Memory::remove_matching`]. Shows each entry that was removed to `gone`. It runs under a lock: it
    /// must be short, and must not call this tier.
    pub async fn remove_matching_pausing<F: Future<Output = ()>>(
        &self,
        pattern: &Pattern,
        tombstone: Tombstone,
        now: Timestamp,
        gone: impl Fn(&Key, EntryRef<'_>),
        pause: impl Fn() -> F,
    ) {
        let _told = self.evictions.tell_after();
        self.refuse_matching(pattern, tombstone, now);
        let doomed = |key: &Key, meta: &Meta| meta.born <= tombstone.born && pattern.matches(key);
        let gone = |key: &Key, entry: &Entry<Stored>| gone(key, EntryRef::from(entry));
        self.store.remove_all(|key| self.stripe(key), doomed, gone, &mut self.pauses(pause)).await;
    }

    /// Does a step of the same, for a tier: examines about `limit` entries, from the first or from a place on.
    /// Returns how many values it removed that were alive, and the place from which to go on.
    pub(crate) fn remove_matching_step(
        &self,
        pattern: &Pattern,
        tombstone: Tombstone,
        now: Timestamp,
        from: Option<u64>,
        limit: usize,
    ) -> (u64, Option<u64>) {
        let _told = self.evictions.tell_after();
        if from.is_none() {
            self.refuse_matching(pattern, tombstone, now);
        }
        let (held, next) = self.held_from(from.unwrap_or(0), limit, |key| pattern.matches(key));
        let removed = held.iter().filter(|(key, _)| {
            let _stripe = self.stripe(key);
            let gone = self.store.remove_if(key, |old| old.born <= tombstone.born);
            gone.is_some_and(|gone| is_alive(EntryRef::from(&gone), now))
        });
        (removed.count() as u64, next)
    }

    /// Leaves a tombstone for a pattern with every stripe, so that a walk that begins then finds whatever was put
    /// before.
    fn refuse_matching(&self, pattern: &Pattern, tombstone: Tombstone, now: Timestamp) {
        let shared = Arc::new(pattern.clone());
        for stripe in &self.stripes {
            stripe.lock().tombstones.add_matching(Arc::clone(&shared), tombstone, now);
        }
    }

    /// Removes every entry. Tombstones, and which keys are protected, stay.
    pub fn clear(&self) {
        self.clear_except(|_, _| false);
    }

    /// Removes every entry but those for which `keep` holds. It runs under a lock, and must not call this
    /// tier. Tombstones, and which keys are protected, stay.
    pub fn clear_except(&self, keep: impl Fn(&Key, &Meta) -> bool) {
        run(self.clear_pausing(keep, no_pause));
    }

    /// As [`Memory::clear_except`].
    pub async fn clear_pausing<F: Future<Output = ()>>(
        &self,
        keep: impl Fn(&Key, &Meta) -> bool,
        pause: impl Fn() -> F,
    ) {
        let _told = self.evictions.tell_after();
        let doomed = |key: &Key, meta: &Meta| !keep(key, meta);
        self.store.remove_all(|key| self.stripe(key), doomed, |_, _| {}, &mut self.pauses(pause)).await;
    }

    /// Removes dead entries and dead tombstones. Returns how many entries were removed. Every entry is visited of
    /// a shard in which one may be dead, with `lru` and `lfu` every entry of memory; none if none can be dead.
    pub fn sweep(&self, now: Timestamp) -> u64 {
        run(self.sweep_pausing(now, no_pause))
    }

    /// As [`Memory::sweep`].
    pub async fn sweep_pausing<F: Future<Output = ()>>(&self, now: Timestamp, pause: impl Fn() -> F) -> u64 {
        let _told = self.evictions.tell_after();
        self.reads.age(now);
        self.stripes.iter().for_each(|stripe| stripe.lock().tombstones.purge(now));
        self.store.sweep(now, |key| self.stripe(key), &mut self.pauses(pause)).await
    }

    /// Lets `judge` say which entries are dead otherwise than by age. It runs under locks: it must be short, and
    /// must not call this tier. Only the first judge is set; returns whether this one was.
    pub fn judge_by(&self, judge: impl Fn(&Key, &Meta) -> bool + Send + Sync + 'static) -> bool {
        self.ended.judge_by(Box::new(judge))
    }

    /// Notes that the [judge](Memory::judge_by) may find dead what was alive. Those are removed by the next sweep,
    /// and before that where there is no room, ahead of living entries. Returns whether a sweep should come soon
    /// since that is not so: with `lru` and `lfu`, where moka alone evicts, dead entries take room until then.
    pub fn note_ended(&self) -> bool {
        self.ended.note();
        self.eviction.has_fixed_budget()
    }

    /// Pauses for a walk, at which listeners are told of what has left so far.
    pub(crate) fn pauses<F: Future<Output = ()>>(&self, pause: impl Fn() -> F) -> Pauses<impl Fn() -> F> {
        Pauses::new(move || {
            drop(self.evictions.tell_after());
            pause()
        })
    }
}

/// Whether an entry holds a value that is fresh or in grace, and not one that a newer one elsewhere replaced.
fn is_alive(entry: EntryRef<'_>, now: Timestamp) -> bool {
    let meta = entry.meta();
    entry.value().is_some() && meta.freshness(now) != Freshness::Dead && !meta.is_replaced()
}
