//! The near tier: which write wins, what is refused, what is protected, what is counted.

use std::{
    any::Any,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use cache_core::{
    Entry, Error, ErrorKind, EvictionCause, Freshness, Key, LookupKey, Meta, Result, Target, Timestamp,
    Tombstone,
    sync::{Mutex, MutexGuard},
};

use crate::{
    builder::MemoryBuilder,
    eviction::Eviction,
    protection::Protection,
    refusals::Refusals,
    stats::{
        MemoryStats,
        evictions::EvictionLog,
        hottest::HotKey,
        reads::{ReadCounter, Reads},
    },
    store::{
        Bounds, Store, entry_ref::EntryRef, stored::panicked_drops, walk::ended::EndJudge, weight::Weigher,
    },
};

/// A decoded value of any type. A value that is replaced, removed or evicted may be dropped under the lock
/// of its key, so its `drop` must not call the near tier.
pub type Value = Arc<dyn Any + Send + Sync>;

/// The number of locks over which writers are spread by key. Reads take none of them.
const WRITER_STRIPES: usize = 64;

/// Which part of a budget of bytes the tombstones may take beside it, and how much they may take of each stripe at
/// least. Past that all keys of a stripe share one tombstone for a while.
const TOMBSTONE_SHARE: u64 = 8;
const MIN_TOMBSTONE_BYTES: usize = 4 << 10;

/// The near tier. A write compares `born` under the lock of its key. The policy that [`Memory::builder`]
/// was told chooses which entry is evicted when there is no room.
pub struct Memory {
    pub(crate) store: Store,
    pub(crate) protection: Protection,
    pub(crate) stripes: Box<[Mutex<Refusals>]>,
    pub(crate) reads: Reads,
    pub(crate) evictions: Arc<EvictionLog>,
    pub(crate) ended: Arc<EndJudge>,
    pub(crate) eviction: Eviction,
    /// How much all entries may weigh, how much the protected ones, and their share of any budget.
    pub(crate) budget: AtomicU64,
    pub(crate) protected_budget: AtomicU64,
    pub(crate) protected_share: f64,
    /// Held while the budget changes.
    pub(crate) resizing: Mutex<()>,
    pub(crate) weigher: Weigher,
}

impl Memory {
    /// Returns the default settings, to be changed and built.
    #[must_use]
    pub fn builder() -> MemoryBuilder {
        MemoryBuilder::default()
    }

    /// Returns a near tier of at most `bytes`, with the default policy.
    #[must_use]
    pub fn bytes(bytes: u64) -> Self {
        Self::builder().bytes(bytes).build()
    }

    /// Returns a near tier of at most `mib` mebibytes, with the default policy.
    #[must_use]
    pub fn mib(mib: u64) -> Self {
        Self::builder().mib(mib).build()
    }

    /// Returns a near tier of at most this many entries, whatever their size, with the default policy.
    #[must_use]
    pub fn entries(entries: u64) -> Self {
        Self::builder().entries(entries).build()
    }

    pub(crate) fn new(eviction: Eviction, bounds: Bounds) -> Self {
        let (evictions, ended) = (Arc::new(EvictionLog::new(eviction)), Arc::new(EndJudge::default()));
        let tombstone_bytes = match bounds.weigher {
            Weigher::Entries => usize::MAX,
            Weigher::Bytes { .. } => {
                let share = bounds.limit / TOMBSTONE_SHARE / WRITER_STRIPES as u64;
                usize::try_from(share).unwrap_or(usize::MAX).max(MIN_TOMBSTONE_BYTES)
            }
        };
        Self {
            store: Store::new(eviction, bounds, Arc::clone(&evictions), Arc::clone(&ended)),
            protection: Protection::default(),
            stripes: (0..WRITER_STRIPES).map(|_| Mutex::new(Refusals::new(tombstone_bytes))).collect(),
            reads: Reads::default(),
            evictions,
            ended,
            eviction,
            budget: AtomicU64::new(bounds.limit),
            protected_budget: AtomicU64::new(bounds.protected),
            protected_share: bounds.protected_share,
            resizing: Mutex::default(),
            weigher: bounds.weigher,
        }
    }

    /// Tells `listener` the key of each entry that leaves, once, and why. It is called under no lock, by the call
    /// that made the entry leave, or with `lru` and `lfu` by a later one. It must return at once and not panic.
    /// Only the first listener is set; returns whether this one was.
    pub fn listen(&self, listener: impl Fn(&Key, EvictionCause) + Send + Sync + 'static) -> bool {
        self.evictions.listen(Box::new(listener))
    }

    /// Returns the entry of a key, whatever its age, and counts a hit or a miss.
    #[must_use]
    pub fn get(&self, key: &impl LookupKey) -> Option<Entry<Value>> {
        let entry = self.peek(key);
        match entry {
            Some(_) => self.count_hit(key),
            None => self.count_miss(key),
        }
        entry
    }

    /// Returns the entry of a key, whatever its age, and counts nothing.
    #[must_use]
    pub fn peek(&self, key: &impl LookupKey) -> Option<Entry<Value>> {
        self.read(key, |entry| entry.entry())
    }

    /// Shows the entry of a key to `look` without copying it, and counts nothing. `look` runs under a lock:
    /// it must be short, and must not call this tier.
    #[inline]
    pub fn read<T>(&self, key: &impl LookupKey, look: impl FnOnce(EntryRef<'_>) -> T) -> Option<T> {
        self.store.read(key, look)
    }

    /// As [`Memory::read`], for those who manage the cache: the look makes no entry worth more to the policy. With
    /// `lru` and `lfu` it does, which moka can't be spared.
    pub fn look<T>(&self, key: &Key, look: impl FnOnce(EntryRef<'_>) -> T) -> Option<T> {
        self.store.look(key, look)
    }

    /// Counts a read that found an entry that could be served.
    #[inline]
    pub fn count_hit(&self, key: &impl LookupKey) {
        self.reads.hit(self.reads.own(), key);
    }

    /// Counts a read that found none.
    pub fn count_miss(&self, key: &impl LookupKey) {
        self.reads.miss(self.reads.own(), key);
    }

    /// Returns a counter for the reads of a part of the keys. What it counts is part of the statistics, as long as
    /// this tier lives.
    #[must_use]
    pub fn read_counter(&self) -> Arc<ReadCounter> {
        self.reads.counter()
    }

    /// As [`Memory::count_hit`], with a counter that [`Memory::read_counter`] returned.
    #[inline]
    pub fn count_hit_of(&self, counter: &ReadCounter, key: &impl LookupKey) {
        self.reads.hit(counter, key);
    }

    /// As [`Memory::count_miss`], with a counter that [`Memory::read_counter`] returned.
    pub fn count_miss_of(&self, counter: &ReadCounter, key: &impl LookupKey) {
        self.reads.miss(counter, key);
    }

    /// Stores an entry, unless the key was removed at its birth or later, or holds an entry born then or
    /// later. Returns whether it was stored. An entry heavier than the whole budget counts as stored, and
    /// is evicted at once.
    pub fn put(&self, key: Key, entry: Entry<Value>, now: Timestamp) -> bool {
        self.put_observed(key, entry, now, |_, _| {}, |_| {})
    }

    /// As [`Memory::put`]. Calls `stored` with what will be stored, before it is, so that nobody can be told
    /// before that it left. This is under the lock of the key's writers, so it must be short, and must not call
    /// this tier. Calls `refused` with a key that should be protected if the protected share has no room; the
    /// entry is then stored unprotected.
    pub fn put_observed(
        &self,
        key: Key,
        entry: Entry<Value>,
        now: Timestamp,
        stored: impl FnOnce(&Key, &Meta),
        refused: impl FnOnce(&Key),
    ) -> bool {
        let _told = self.evictions.tell_after();
        let stripe = self.stripe(&key);
        self.put_in(stripe, key, entry, now, stored, refused)
    }

    /// Stores an entry whose key's stripe is locked, as [`Memory::put_observed`].
    pub(crate) fn put_in(
        &self,
        stripe: MutexGuard<'_, Refusals>,
        key: Key,
        entry: Entry<Value>,
        now: Timestamp,
        stored: impl FnOnce(&Key, &Meta),
        refused: impl FnOnce(&Key),
    ) -> bool {
        let born = entry.meta.born;
        if stripe.refuses(&key, born, now) || self.born(&key).is_some_and(|held| held >= born) {
            return false;
        }
        stored(&key, &entry.meta);
        if self.protection.covers(&key) {
            if !self.store.put(key.clone(), entry, true, now) {
                drop(stripe);
                refused(&key);
            }
        } else {
            self.store.put(key, entry, false, now);
        }
        true
    }

    /// Ends what is held of a key from before a newer value that was put elsewhere, and leaves `tombstone` in its
    /// place, as [`Memory::remove`] does. A value whose life and grace are not over stays held as
    /// [replaced](Meta::is_replaced), for want of a better one.
    pub fn replace_elsewhere(&self, key: &Key, tombstone: Tombstone, now: Timestamp) {
        let _told = self.evictions.tell_after();
        let mut stripe = self.stripe(key);
        stripe.tombstones.add(key, tombstone, now);
        let Some(old) = self.peek(key).filter(|old| old.meta.born <= tombstone.born) else { return };
        if old.value.is_none() || old.meta.freshness(now) == Freshness::Dead {
            self.store.remove_if(key, |old| old.born <= tombstone.born);
        } else if !old.meta.is_replaced() {
            let old = Entry { meta: old.meta.replaced(), ..old };
            self.store.put(key.clone(), old, self.protection.covers(key), now);
        }
    }

    /// Refuses values of `key` that are older than a write on its way to other tiers, until
    /// [`Memory::end_write`]. The other tiers still hold the older value, and memory may evict the new one
    /// before they have it.
    pub fn begin_write(&self, key: Key, born: Timestamp) {
        self.stripe(&key).begin_write(key.clone(), born);
    }

    /// Ends what [`Memory::begin_write`] began, once every tier was asked to store the write.
    pub fn end_write(&self, key: &Key, born: Timestamp) {
        self.stripe(key).end_write(key, born);
    }

    /// Whether a value of `key` born at `born` was removed since, or is older than a write under way.
    #[must_use]
    pub fn refuses(&self, key: &Key, born: Timestamp, now: Timestamp) -> bool {
        self.stripe(key).refuses(key, born, now)
    }

    /// Protects keys, or all that match a pattern, from being evicted for space: those held now and those
    /// put later. Protected entries still die, and can be removed. Returns the held keys for which the
    /// protected share has no room.
    ///
    /// # Errors
    ///
    /// `Config` if there is no protected share.
    pub fn protect(&self, target: Target<'_>) -> Result<Vec<Key>> {
        let _told = self.evictions.tell_after();
        if self.protected_budget.load(Ordering::Relaxed) == 0 {
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
        self.wait_for_writers();
        Ok(self.store.protect(|key| self.stripe(key), |key| target.contains(key)))
    }

    /// Ends the protection of these keys, or by this very pattern. A key that another pattern protects stays
    /// protected.
    pub fn unprotect(&self, target: Target<'_>) {
        let _told = self.evictions.tell_after();
        self.protection.remove(target);
        self.wait_for_writers();
        self.store.unprotect(|key| self.stripe(key), |key| self.protection.covers(key));
    }

    /// Returns the `most` keys read most of late, the hottest first; at most 512. A sample of the reads is
    /// counted, in bounded memory, so shares are estimates.
    #[must_use]
    pub fn hottest(&self, most: usize) -> Vec<HotKey> {
        self.reads.hottest(most)
    }

    /// Applies what moka has buffered (`lru`, `lfu`), so that everything put before is either held or
    /// evicted. Has no effect with the other policies.
    pub fn settle(&self) {
        let _told = self.evictions.tell_after();
        self.store.settle();
    }

    /// Returns what an entry with this `meta` weighs in the budget; what a blob's bytes weigh beyond its cost
    /// is not part of it.
    #[must_use]
    pub fn weight_of(&self, key: &Key, meta: &Meta) -> u64 {
        u64::from(self.weigher.weigh_meta(key, meta))
    }

    /// Whether an entry with this `meta` weighs more than all unprotected entries together may. A budget of zero
    /// holds nothing on purpose, and finds nothing too heavy.
    #[must_use]
    pub fn is_too_heavy(&self, key: &Key, meta: &Meta) -> bool {
        let weight = self.weight_of(key, meta);
        let (budget, protected) = (self.budget(), self.protected_budget.load(Ordering::Relaxed));
        budget > 0 && weight > budget.saturating_sub(protected)
    }

    /// Returns the statistics, after [`Memory::settle`] so that they are exact.
    #[must_use]
    pub fn stats(&self) -> MemoryStats {
        self.settle();
        let (entries, protected) = self.store.len();
        MemoryStats {
            eviction: self.eviction,
            entries,
            weight: self.store.weight(),
            budget: self.budget(),
            hits: self.reads.hits(),
            misses: self.reads.misses(),
            evictions: self.evictions.counts(),
            protected,
            protected_weight: self.store.protected_weight(),
            tombstones: self.stripes.iter().map(|stripe| stripe.lock().tombstones.len() as u64).sum(),
            panicked_drops: panicked_drops(),
        }
    }

    /// Waits for the writers under way. Those that come later see what was changed before the call.
    fn wait_for_writers(&self) {
        self.stripes.iter().for_each(|stripe| drop(stripe.lock()));
    }

    pub(crate) fn stripe(&self, key: &Key) -> MutexGuard<'_, Refusals> {
        self.stripes[key.hash() as usize % WRITER_STRIPES].lock()
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (eviction, budget) = (self.eviction, self.budget());
        f.debug_struct("Memory").field("eviction", &eviction).field("budget", &budget).finish_non_exhaustive()
    }
}
