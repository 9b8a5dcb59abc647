//! The store: who is held, who wins, who goes.

use std::{
    any::Any,
    fmt,
    hash::BuildHasherDefault,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use cache_core::{Entry, Freshness, Key, KeyHasher, KeyRef, Pattern, Result, Timestamp, Tombstone};
use moka::{notification::RemovalCause, policy::EvictionPolicy, sync::Cache};

use crate::{protected::Protected, stats::MemoryStats, stripe::Stripe, weight::weigh};

/// A decoded value of any type.
pub type Value = Arc<dyn Any + Send + Sync>;

/// How many locks writers are spread over; reads take none of them.
const STRIPES: usize = 64;

/// The near tier. Reads take no lock of ours; a write compares `born` under its key's lock.
///
/// The least recently used goes first: on recorded traces that keeps more of what is asked for again
/// than moka's default policy does (docs/adr/0004).
pub struct Memory {
    entries: Cache<Key, Entry<Value>, BuildHasherDefault<KeyHasher>>,
    protected: Protected,
    stripes: Box<[Mutex<Stripe>]>,
    budget: u64,
    evicted: Arc<AtomicU64>,
}

impl Memory {
    /// A near tier whose entries weigh at most `bytes`.
    #[must_use]
    pub fn bytes(bytes: u64) -> Self {
        Self::build(bytes, 0)
    }

    /// A near tier whose entries weigh at most `mib` mebibytes.
    #[must_use]
    pub fn mib(mib: u64) -> Self {
        Self::bytes(mib << 20)
    }

    /// Keeps a share of the budget, `0.0..=1.0`, for protected entries, which are never evicted for
    /// space. To be called before anything is put.
    #[must_use]
    pub fn protected_share(self, share: f64) -> Self {
        let share = if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.0 };
        Self::build(self.budget, (self.budget as f64 * share) as u64)
    }

    fn build(budget: u64, protected: u64) -> Self {
        let evicted = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&evicted);
        let entries = Cache::builder()
            .max_capacity(budget - protected)
            .weigher(weigh)
            .eviction_policy(EvictionPolicy::lru())
            .eviction_listener(move |_, _, cause| {
                if cause == RemovalCause::Size {
                    count.fetch_add(1, Ordering::Relaxed);
                }
            })
            .build_with_hasher(KeyHasher::builder());
        let stripes = (0..STRIPES).map(|_| Mutex::new(Stripe::new())).collect();
        Self { entries, protected: Protected::new(protected), stripes, budget, evicted }
    }

    /// The entry of a key, whatever its age.
    #[must_use]
    pub fn get(&self, key: KeyRef<'_>) -> Option<Entry<Value>> {
        self.entries.get(&key).or_else(|| self.protected.get(key))
    }

    /// Stores an entry unless the key was removed, or holds an entry born, at the same time or later.
    /// Answers whether it was stored.
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
        let stripe = self.stripe(key.hash());
        let born = entry.meta.born;
        if stripe.refuse(&key, born, now) || self.get(key.as_ref()).is_some_and(|old| old.meta.born >= born) {
            return false;
        }
        if self.protected.wants(&key) {
            if self.protected.put(&key, &entry) {
                self.entries.invalidate(&key);
                return true;
            }
            self.protected.remove(&key);
            refused(&key);
        }
        self.entries.insert(key, entry);
        true
    }

    /// Removes keys and leaves `tombstone` in their place. Answers how many entries went.
    pub fn remove(&self, keys: &[Key], tombstone: Tombstone, now: Timestamp) -> u64 {
        let mut removed = 0;
        for key in keys {
            let mut stripe = self.stripe(key.hash());
            stripe.tombstones.add(key, tombstone, now);
            removed += u64::from(self.evict(key, |old| old.meta.born <= tombstone.born));
        }
        removed
    }

    /// Removes every key that matches, and refuses those that matching loads still bring. Answers how
    /// many entries went.
    pub fn remove_matching(&self, pattern: &Pattern, tombstone: Tombstone, now: Timestamp) -> u64 {
        let shared = Arc::new(pattern.clone());
        // Every stripe first: whoever put before its stripe was marked is found by the walk below.
        for stripe in &self.stripes {
            lock(stripe).tombstones.add_matching(Arc::clone(&shared), tombstone, now);
        }
        self.walk(|key, entry| pattern.matches(key) && entry.meta.born <= tombstone.born)
    }

    /// From now on, and until [`Memory::end_write`], refuses what is older than a write of `key` that
    /// is on its way to other tiers: they still hold what came before it, and memory may already have
    /// evicted it.
    pub fn begin_write(&self, key: Key, born: Timestamp) {
        self.stripe(key.hash()).begin_write(key, born);
    }

    /// Every tier was asked to take the write.
    pub fn end_write(&self, key: &Key, born: Timestamp) {
        self.stripe(key.hash()).end_write(key, born);
    }

    /// Whether a value of `key` born at `born` was removed since, or is being replaced.
    #[must_use]
    pub fn refuses(&self, key: &Key, born: Timestamp, now: Timestamp) -> bool {
        self.stripe(key.hash()).refuse(key, born, now)
    }

    /// Reclaims what is dead, and forgets removals that no load can undo any more. Answers how many
    /// entries went.
    pub fn sweep(&self, now: Timestamp) -> u64 {
        self.stripes.iter().for_each(|stripe| lock(stripe).tombstones.purge(now));
        let removed = self.walk(|_, entry| entry.meta.freshness(now) == Freshness::Dead);
        self.entries.run_pending_tasks();
        removed
    }

    /// Drops every entry, and keeps the tombstones.
    pub fn clear(&self) {
        self.walk(|_, _| true);
    }

    /// Protects the entries that match, from when they are next put.
    ///
    /// # Errors
    ///
    /// `Config` if no [`Memory::protected_share`] was set.
    pub fn protect(&self, pattern: Pattern) -> Result<()> {
        self.protected.protect(pattern)
    }

    /// Ends the protection by this very pattern.
    pub fn unprotect(&self, pattern: &Pattern) {
        for (key, entry) in self.protected.unprotect(pattern) {
            // It may have been removed in between; how long that holds is not known here, so it holds.
            self.put(key, entry, Timestamp::MIN);
        }
    }

    /// The tier in numbers. Settles pending evictions first, so that they are right.
    #[must_use]
    pub fn stats(&self) -> MemoryStats {
        self.entries.run_pending_tasks();
        let (protected, protected_weight) = self.protected.size();
        MemoryStats {
            entries: self.entries.entry_count() + protected,
            weight: self.entries.weighted_size() + protected_weight,
            budget: self.budget,
            evicted: self.evicted.load(Ordering::Relaxed),
            protected,
            tombstones: self.stripes.iter().map(|stripe| lock(stripe).tombstones.len() as u64).sum(),
        }
    }

    fn walk(&self, doomed: impl Fn(&Key, &Entry<Value>) -> bool) -> u64 {
        let mut removed = 0;
        let held = self.entries.iter().map(|(key, entry)| ((*key).clone(), entry));
        for (key, entry) in held.chain(self.protected.keys()) {
            if doomed(&key, &entry) {
                let _stripe = self.stripe(key.hash());
                removed += u64::from(self.evict(&key, |now_held| doomed(&key, now_held)));
            }
        }
        removed
    }

    /// Drops the entry if it is still doomed; its stripe is locked.
    fn evict(&self, key: &Key, doomed: impl Fn(&Entry<Value>) -> bool) -> bool {
        let found = self.get(key.as_ref()).is_some_and(|entry| doomed(&entry));
        if found {
            self.entries.invalidate(key);
            self.protected.remove(key);
        }
        found
    }

    fn stripe(&self, hash: u64) -> MutexGuard<'_, Stripe> {
        lock(&self.stripes[hash as usize % STRIPES])
    }
}

fn lock(stripe: &Mutex<Stripe>) -> MutexGuard<'_, Stripe> {
    stripe.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory").field("budget", &self.budget).finish_non_exhaustive()
    }
}
