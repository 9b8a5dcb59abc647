//! The near tier: who is held, who wins, who is protected.

use std::{
    any::Any,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use cache_core::{
    Entry, Error, ErrorKind, Key, LookupKey, Meta, Pattern, Result, Target, Timestamp, Tombstone,
};

use crate::{
    builder::MemoryBuilder,
    eviction::Eviction,
    protection::Protection,
    refusals::Stripe,
    stats::MemoryStats,
    stats::evictions::Departures,
    stats::hottest::HotKey,
    stats::reads::Reads,
    store::entry_ref::Held,
    store::{Bounds, Store},
};

/// A decoded value of any type. One that is replaced, removed or evicted may be dropped under a lock of
/// its key: its `drop` must not come back to the near tier.
pub type Value = Arc<dyn Any + Send + Sync>;

/// How many locks writers are spread over; reads take none of them.
const STRIPES: usize = 64;

/// The near tier. A write compares `born` under its key's lock; which entry goes when there is no room
/// is for the policy to say, chosen by [`Memory::builder`].
pub struct Memory {
    store: Store,
    protection: Protection,
    stripes: Box<[Mutex<Stripe>]>,
    reads: Reads,
    departures: Arc<Departures>,
    eviction: Eviction,
    budget: u64,
    protected_budget: u64,
}

impl Memory {
    /// Settings to begin with.
    #[must_use]
    pub fn builder() -> MemoryBuilder {
        MemoryBuilder::default()
    }

    /// A near tier whose entries weigh at most `bytes`, by the default policy.
    #[must_use]
    pub fn bytes(bytes: u64) -> Self {
        Self::builder().bytes(bytes).build()
    }

    /// A near tier whose entries weigh at most `mib` mebibytes, by the default policy.
    #[must_use]
    pub fn mib(mib: u64) -> Self {
        Self::builder().mib(mib).build()
    }

    pub(crate) fn new(eviction: Eviction, bounds: Bounds) -> Self {
        let departures = Arc::new(Departures::new(eviction));
        Self {
            store: Store::new(eviction, bounds, Arc::clone(&departures)),
            protection: Protection::default(),
            stripes: (0..STRIPES).map(|_| Mutex::new(Stripe::new())).collect(),
            reads: Reads::default(),
            departures,
            eviction,
            budget: bounds.limit,
            protected_budget: bounds.protected,
        }
    }

    /// The entry of a key, whatever its age; counted as a hit or a miss.
    #[must_use]
    pub fn get(&self, key: &impl LookupKey) -> Option<Entry<Value>> {
        let entry = self.peek(key);
        match entry {
            Some(_) => self.count_hit(key),
            None => self.count_miss(key),
        }
        entry
    }

    /// The entry of a key, whatever its age; not counted.
    #[must_use]
    pub fn peek(&self, key: &impl LookupKey) -> Option<Entry<Value>> {
        self.read(key, |held| held.entry())
    }

    /// Looks at the entry of a key without copying it; not counted. `look` runs under a lock: it must be
    /// short, and must not come back to this tier.
    #[inline]
    pub fn read<T>(&self, key: &impl LookupKey, look: impl FnOnce(Held<'_>) -> T) -> Option<T> {
        self.store.read(key, look)
    }

    /// Counts a read that found what could be served.
    #[inline]
    pub fn count_hit(&self, key: &impl LookupKey) {
        self.reads.hit(key);
    }

    /// Counts a read that did not.
    pub fn count_miss(&self, key: &impl LookupKey) {
        self.reads.miss(key);
    }

    /// Stores an entry unless the key was removed, or holds an entry born, at the same time or later.
    /// Answers whether it was; what is heavier than the whole budget is, and gone at once.
    pub fn put(&self, key: Key, entry: Entry<Value>, now: Timestamp) -> bool {
        self.put_observed(key, entry, now, |_| {})
    }

    /// As [`Memory::put`], and tells `refused` of a key that should have been protected and could not.
    pub fn put_observed(
        &self,
        key: Key,
        entry: Entry<Value>,
        now: Timestamp,
        refused: impl FnOnce(&Key),
    ) -> bool {
        let stripe = self.stripe(&key);
        let born = entry.meta.born;
        let held = |old: &Meta| old.born >= born;
        if stripe.refuse(&key, born, now) || self.store.holds(&key, held) {
            return false;
        }
        if self.protection.wants(&key) {
            if !self.store.put(key.clone(), entry, true) {
                drop(stripe);
                refused(&key);
            }
        } else {
            self.store.put(key, entry, false);
        }
        true
    }

    /// Removes keys and leaves `tombstone` in their place. Answers how many entries went.
    pub fn remove(&self, keys: &[Key], tombstone: Tombstone, now: Timestamp) -> u64 {
        let mut removed = 0;
        for key in keys {
            let mut stripe = self.stripe(key);
            stripe.tombstones.add(key, tombstone, now);
            removed += u64::from(self.store.remove_if(key, |old| old.born <= tombstone.born));
        }
        removed
    }

    /// Removes every key that matches, and refuses those that matching loads still bring. Answers how
    /// many entries went.
    pub fn remove_matching(&self, pattern: &Pattern, tombstone: Tombstone, now: Timestamp) -> u64 {
        let shared = Arc::new(pattern.clone());
        // Every stripe first: whoever put before its stripe was marked is found afterwards.
        for stripe in &self.stripes {
            lock(stripe).tombstones.add_matching(Arc::clone(&shared), tombstone, now);
        }
        let doomed = |key: &Key, meta: &Meta| meta.born <= tombstone.born && pattern.matches(key);
        self.store.remove_all(|key| self.stripe(key), doomed)
    }

    /// From now on, and until [`Memory::end_write`], refuses what is older than a write of `key` that
    /// is on its way to other tiers: they still hold what came before it, and memory may already have
    /// evicted it.
    pub fn begin_write(&self, key: Key, born: Timestamp) {
        self.stripe(&key).begin_write(key.clone(), born);
    }

    /// Every tier was asked to take the write.
    pub fn end_write(&self, key: &Key, born: Timestamp) {
        self.stripe(key).end_write(key, born);
    }

    /// Whether a value of `key` born at `born` was removed since, or is being replaced.
    #[must_use]
    pub fn refuses(&self, key: &Key, born: Timestamp, now: Timestamp) -> bool {
        self.stripe(key).refuse(key, born, now)
    }

    /// Reclaims what is dead, and forgets removals that no load can undo any more. Answers how many
    /// entries went. It takes a look at every entry of a shard in which something has died.
    pub fn sweep(&self, now: Timestamp) -> u64 {
        self.stripes.iter().for_each(|stripe| lock(stripe).tombstones.purge(now));
        self.store.sweep(now, |key| self.stripe(key))
    }

    /// Drops every entry, and keeps the tombstones and what is to be protected.
    pub fn clear(&self) {
        self.store.remove_all(|key| self.stripe(key), |_, _| true);
    }

    /// Protects keys, or all that match, from being evicted for space: those held now, and those put
    /// later. They still die, and may be removed. Answers with the held keys for which the share of
    /// protected entries has no room.
    ///
    /// # Errors
    ///
    /// `Config` if there is no such share.
    pub fn protect(&self, target: Target<'_>) -> Result<Vec<Key>> {
        if self.protected_budget == 0 {
            let what = match target {
                Target::Keys(keys) => keys.first().map_or_else(String::new, Key::to_string),
                Target::Matching(pattern) => pattern.to_string(),
            };
            let message = format!(
                "{what} can't be protected: no share of memory is kept for protected entries, set one with \
                 Memory::builder().protected_share()"
            );
            return Err(Error::new(ErrorKind::Config, "protect", message));
        }
        self.protection.add(target);
        self.pass_writers();
        Ok(self.store.protect(|key| self.stripe(key), |key| covers(target, key)))
    }

    /// Ends the protection of these keys, or by this very pattern. What is protected by another stays so.
    pub fn unprotect(&self, target: Target<'_>) {
        self.protection.remove(target);
        self.pass_writers();
        self.store.unprotect(|key| self.stripe(key), |key| self.protection.wants(key));
    }

    /// The `most` keys read most of late, the hottest first; at most 512. A sample of the reads is
    /// counted, within bounded memory, so shares are estimates.
    #[must_use]
    pub fn hottest(&self, most: usize) -> Vec<HotKey> {
        self.reads.hottest(most)
    }

    /// Applies what the policy's library has put off, so that what was put before is or is not held.
    pub fn settle(&self) {
        self.store.settle();
    }

    /// The tier in numbers. Settles first, so that they are right.
    #[must_use]
    pub fn stats(&self) -> MemoryStats {
        self.settle();
        let (entries, protected) = self.store.len();
        MemoryStats {
            eviction: self.eviction,
            entries,
            weight: self.store.weight(),
            budget: self.budget,
            hits: self.reads.hits(),
            misses: self.reads.misses(),
            evictions: self.departures.counts(),
            protected,
            protected_weight: self.store.protected_weight(),
            tombstones: self.stripes.iter().map(|stripe| lock(stripe).tombstones.len() as u64).sum(),
        }
    }

    /// Waits for the writers of now: whoever comes later knows what was said before.
    fn pass_writers(&self) {
        self.stripes.iter().for_each(|stripe| drop(lock(stripe)));
    }

    fn stripe(&self, key: &Key) -> MutexGuard<'_, Stripe> {
        lock(&self.stripes[key.hash() as usize % STRIPES])
    }
}

fn covers(target: Target<'_>, key: &Key) -> bool {
    match target {
        Target::Keys(keys) => keys.contains(key),
        Target::Matching(pattern) => pattern.matches(key),
    }
}

fn lock(stripe: &Mutex<Stripe>) -> MutexGuard<'_, Stripe> {
    stripe.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { eviction, budget, .. } = self;
        f.debug_struct("Memory").field("eviction", eviction).field("budget", budget).finish_non_exhaustive()
    }
}
