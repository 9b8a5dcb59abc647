//! The store of `lru` and `lfu`: moka, which buffers reads and writes and evicts a little later.

mod settling;

use std::{
    hash::BuildHasherDefault,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
};

use cache_core::{Entry, EvictionCause, Key, KeyHasher, LookupKey, Meta, Timestamp, sync::Mutex};
use moka::{notification::RemovalCause, policy::EvictionPolicy, sync::Cache};

use self::settling::Settling;
use crate::{
    memory::Value,
    policies::fifo::Fifo,
    stats::evictions::EvictionLog,
    store::{
        Bounds,
        entry_ref::EntryRef,
        shards::Shards,
        stored::Stored,
        walk::{ended::EndJudge, steps::Pauses},
        weight::Weigher,
    },
};

/// What an entry counts in the steps of a walk: to look at one in moka takes as long as at several slots.
const SLOTS_AN_ENTRY: usize = 8;

/// Entries in moka, and protected entries beside it in a share of the budget of their own, since moka
/// can't be told to spare an entry.
pub(crate) struct MokaStore {
    entries: Cache<Key, Entry<Stored>, BuildHasherDefault<KeyHasher>>,
    protected: Shards<Fifo>,
    /// Held while entries move between the two. A walk that is read holds it too, so that it misses none.
    moving: Mutex<()>,
    /// How often entries began to move. A walk that removes begins anew when some did meanwhile.
    moves: AtomicU64,
    /// Held from the look for room in the protected share until that room is taken. It is locked after
    /// the lock of a key.
    granting: Mutex<()>,
    /// What the budget leaves to moka.
    moka_limit: u64,
    weigher: Weigher,
    evictions: Arc<EvictionLog>,
    ended: Arc<EndJudge>,
    /// Up to which change of the judge all that has ended was removed.
    reclaimed: AtomicU64,
    /// No entry in moka dies before this.
    next_death: AtomicI64,
    settling: Settling,
}

impl MokaStore {
    pub(crate) fn new(
        policy: EvictionPolicy,
        bounds: Bounds,
        evictions: Arc<EvictionLog>,
        ended: Arc<EndJudge>,
    ) -> Self {
        let Bounds { limit, protected, weigher, .. } = bounds;
        let moka_limit = limit - protected;
        let listener = Arc::clone(&evictions);
        let entries = Cache::builder()
            .max_capacity(moka_limit)
            .weigher(move |key, entry| weigher.weigh(key, entry))
            .eviction_policy(policy)
            .eviction_listener(move |key, entry, cause| match cause {
                RemovalCause::Size => listener.record(EvictionCause::Size, &key, weigher.weigh(&key, &entry)),
                RemovalCause::Replaced => {
                    listener.record(EvictionCause::Replaced, &key, weigher.weigh(&key, &entry))
                }
                // Whoever removes an entry records it; moka expires none.
                RemovalCause::Explicit | RemovalCause::Expired => {}
            })
            .build_with_hasher(KeyHasher::builder());
        let bounds = Bounds { limit: protected, ..bounds };
        let protected = Shards::new(bounds, Arc::clone(&evictions), Arc::clone(&ended));
        let (moving, moves, granting, reclaimed, settling) = Default::default();
        let next_death = AtomicI64::new(Timestamp::MAX.as_micros());
        Self {
            entries,
            protected,
            moving,
            moves,
            granting,
            moka_limit,
            weigher,
            evictions,
            ended,
            reclaimed,
            next_death,
            settling,
        }
    }

    pub(crate) fn read<T>(&self, key: &impl LookupKey, look: impl FnOnce(EntryRef<'_>) -> T) -> Option<T> {
        match self.entries.get(key) {
            Some(entry) => Some(look(EntryRef::from(&entry))),
            None if self.protected.budget().used() > 0 => self.protected.read(key, look),
            None => None,
        }
    }

    /// As [`Shards::look`], but moka counts the look at an entry as a read.
    pub(crate) fn look<T>(&self, key: &Key, look: impl FnOnce(EntryRef<'_>) -> T) -> Option<T> {
        // `get` alone would count a miss too towards the frequency of the key.
        match self.entries.contains_key(key).then(|| self.entries.get(key)).flatten() {
            Some(entry) => Some(look(EntryRef::from(&entry))),
            None => self.protected.look(key, look),
        }
    }

    /// As [`Shards::put`]. Nobody else may write the key at the same time.
    pub(crate) fn put(&self, key: Key, entry: Entry<Stored>, protected: bool) -> bool {
        self.protected.remove_if(EvictionCause::Replaced, &key, |_| true);
        if protected {
            let _granting = self.granting.lock();
            if self.has_room(self.weigher.weigh(&key, &entry)) {
                self.remove_from_moka(EvictionCause::Replaced, &key);
                return self.protected.put(key, entry, true, Timestamp::MIN);
            }
        }
        self.insert_into_moka(EvictionCause::Oversized, key, entry);
        !protected
    }

    pub(crate) fn remove_if(&self, key: &Key, doomed: impl Fn(&Meta) -> bool) -> Option<Entry<Stored>> {
        self.remove_for(EvictionCause::Removed, key, doomed)
    }

    /// Removes every doomed entry, and shows each to `gone`. moka can't look and remove in one step, so `hold`
    /// keeps other writers from a key in between.
    pub(crate) async fn remove_all<G, F: Future<Output = ()>>(
        &self,
        hold: impl Fn(&Key) -> G,
        doomed: impl Fn(&Key, &Meta) -> Option<EvictionCause>,
        gone: impl Fn(&Key, &Entry<Stored>),
        pauses: &mut Pauses<impl Fn() -> F>,
    ) -> u64 {
        let mut count = 0;
        loop {
            let moves = self.settled_moves();
            for (key, entry) in &self.entries {
                if let Some(cause) = doomed(&key, &entry.meta) {
                    let _locked = hold(&key);
                    if let Some(entry) =
                        self.remove_for(cause, &key, |current| doomed(&key, current).is_some())
                    {
                        gone(&key, &entry);
                        count += 1;
                    }
                }
                pauses.visited(SLOTS_AN_ENTRY).await;
            }
            count += self.protected.remove_all(&doomed, &gone, pauses).await;
            if self.moves.load(Ordering::Acquire) == moves {
                return count;
            }
        }
    }

    /// Removes every dead entry. If none can have died, this costs nothing.
    pub(crate) async fn sweep<G, F: Future<Output = ()>>(
        &self,
        now: Timestamp,
        hold: impl Fn(&Key) -> G,
        pauses: &mut Pauses<impl Fn() -> F>,
    ) -> u64 {
        let mut count = 0;
        loop {
            let (moves, times) = (self.settled_moves(), self.ended.times());
            let asks_judge = self.reclaimed.load(Ordering::Acquire) != times;
            if asks_judge || self.next_death.load(Ordering::Acquire) <= now.as_micros() {
                // It is found anew, of the entries seen and of those put meanwhile.
                let before = self.next_death.swap(Timestamp::MAX.as_micros(), Ordering::AcqRel);
                let mut unless_done = Restored { next_death: &self.next_death, to: before };
                let dead = |key: &Key, meta: &Meta| {
                    let death = self.ended.death(key, meta, asks_judge, now);
                    if death.is_none() {
                        self.note_death(meta);
                    }
                    death
                };
                count += self.remove_all(&hold, dead, |_, _| {}, pauses).await;
                self.reclaimed.fetch_max(times, Ordering::AcqRel);
                unless_done.to = Timestamp::MAX.as_micros();
                break;
            }
            count += self.protected.sweep(now, pauses).await;
            // What was protected may have moved to moka meanwhile.
            if self.moves.load(Ordering::Acquire) == moves {
                break;
            }
        }
        self.settle();
        count
    }

    /// Moves the entries whose keys are `wanted` to the protected ones. Returns the keys for which there is
    /// no room.
    pub(crate) fn protect<G>(&self, hold: impl Fn(&Key) -> G, wanted: impl Fn(&Key) -> bool) -> Vec<Key> {
        let _moving = self.moving.lock();
        self.moves.fetch_add(1, Ordering::AcqRel);
        let mut refused = Vec::new();
        for (key, _) in self.entries.iter().filter(|(key, _)| wanted(key)) {
            let _locked = hold(&key);
            let Some(entry) = self.entries.get(&*key) else { continue };
            let _granting = self.granting.lock();
            if self.has_room(self.weigher.weigh(&key, &entry)) {
                if let Some(entry) = self.take(&key) {
                    self.protected.put((*key).clone(), entry, true, Timestamp::MIN);
                }
            } else {
                refused.push((*key).clone());
            }
        }
        refused
    }

    /// Moves protected entries whose keys are not `wanted` back to moka.
    pub(crate) fn unprotect<G>(&self, hold: impl Fn(&Key) -> G, wanted: impl Fn(&Key) -> bool) {
        let _moving = self.moving.lock();
        self.moves.fetch_add(1, Ordering::AcqRel);
        for (key, _) in self.protected.held(|key| !wanted(key)) {
            let _locked = hold(&key);
            if let Some((key, entry)) = self.protected.take_if(&key, |_| true) {
                self.insert_into_moka(EvictionCause::Size, key, entry);
            }
        }
    }

    /// As [`Shards::held`]. Entries that move to the protected ones, or back, wait for the walk.
    pub(crate) fn held(&self, wanted: impl Fn(&Key) -> bool) -> Vec<(Key, Entry<Value>)> {
        let _moving = self.moving.lock();
        let in_moka = self.entries.iter().filter(|(key, _)| wanted(key));
        let mut held: Vec<_> =
            in_moka.map(|(key, entry)| ((*key).clone(), EntryRef::from(&entry).entry())).collect();
        held.extend(self.protected.held(wanted));
        held
    }

    /// Returns about `limit` of them from a place on, and the place from which to go on: places are the hashes of
    /// keys, since moka's own order can't be gone on with.
    pub(crate) fn held_from(
        &self,
        from: u64,
        limit: usize,
        wanted: impl Fn(&Key) -> bool,
    ) -> (Vec<(Key, Entry<Value>)>, Option<u64>) {
        let mut held = self.held(|key| key.hash() >= from && wanted(key));
        held.sort_unstable_by_key(|(key, _)| key.hash());
        let Some(last) = held.get(limit - 1).map(|(key, _)| key.hash()) else { return (held, None) };
        // Those of equal hash stay together.
        let part = held.partition_point(|(key, _)| key.hash() <= last);
        let next = (part < held.len()).then(|| last.saturating_add(1));
        held.truncate(part);
        (held, next)
    }

    /// Applies what moka has buffered.
    pub(crate) fn settle(&self) {
        self.settling.settle(|| self.entries.run_pending_tasks());
    }

    /// Returns the number of entries, and how many of them are protected.
    pub(crate) fn len(&self) -> (u64, u64) {
        let (protected, _) = self.protected.len();
        (self.entries.entry_count() + protected, protected)
    }

    /// Returns the weight of all entries.
    pub(crate) fn weight(&self) -> u64 {
        self.entries.weighted_size() + self.protected.budget().used()
    }

    pub(crate) fn protected_weight(&self) -> u64 {
        self.protected.budget().used()
    }

    fn remove_for(
        &self,
        cause: EvictionCause,
        key: &Key,
        doomed: impl Fn(&Meta) -> bool,
    ) -> Option<Entry<Stored>> {
        let Some(entry) = self.entries.get(key) else {
            return self.protected.remove_if(cause, key, doomed);
        };
        if doomed(&entry.meta) { self.remove_from_moka(cause, key) } else { None }
    }

    /// Takes an entry out of moka; `None` if moka has just evicted it.
    fn take(&self, key: &Key) -> Option<Entry<Stored>> {
        // moka 0.12.16 miscounts its weight for good if an entry is removed whose new weight is still in its
        // buffers.
        if !self.settling.is_settled(key) && self.entries.contains_key(key) {
            self.settle();
        }
        self.entries.remove(key)
    }

    /// Takes an entry out of moka and records why.
    fn remove_from_moka(&self, cause: EvictionCause, key: &Key) -> Option<Entry<Stored>> {
        let gone = self.take(key)?;
        self.evictions.record(cause, key, self.weigher.weigh(key, &gone));
        Some(gone)
    }

    /// Inserts an entry into moka. One that is too heavy for moka is recorded here, since moka drops it
    /// without telling its listener.
    fn insert_into_moka(&self, cause: EvictionCause, key: Key, entry: Entry<Stored>) {
        let weight = self.weigher.weigh(&key, &entry);
        if u64::from(weight) > self.moka_limit {
            self.remove_from_moka(EvictionCause::Replaced, &key);
            self.evictions.record(cause, &key, weight);
        } else {
            self.note_death(&entry.meta);
            self.entries.insert(key.clone(), entry);
            self.settling.wrote(&key);
        }
    }

    fn note_death(&self, meta: &Meta) {
        let dead_at = meta.dead_at.as_micros();
        if dead_at < self.next_death.load(Ordering::Acquire) {
            self.next_death.fetch_min(dead_at, Ordering::AcqRel);
        }
    }

    /// Waits for entries that are moving, and returns how often some began to.
    fn settled_moves(&self) -> u64 {
        let _moving = self.moving.lock();
        self.moves.load(Ordering::Acquire)
    }

    fn has_room(&self, weight: u32) -> bool {
        let budget = self.protected.budget();
        budget.used() + u64::from(weight) <= budget.limit()
    }
}

/// Sets the earliest death back when it is dropped: a sweep may be given up halfway.
struct Restored<'a> {
    next_death: &'a AtomicI64,
    to: i64,
}

impl Drop for Restored<'_> {
    fn drop(&mut self) {
        self.next_death.fetch_min(self.to, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests;
