//! The store of `fifo`, `ttl` and `hybrid`: shards by the hash of the key, under one budget.

use std::sync::Arc;

use cache_core::{Entry, EvictionCause, Key, LookupKey, Meta, Timestamp};
use crossbeam_utils::sync::{ShardedLockReadGuard, ShardedLockWriteGuard};

use crate::{
    policies::Order,
    stats::evictions::{Evicted, EvictionLog},
    store::{
        Bounds,
        budget::Budget,
        entry_ref::EntryRef,
        fair_lock::FairLock,
        shard::Shard,
        slots::{PolicyState, ShardEntry, SlotId},
        stored::Stored,
        walk::{ended::EndJudge, reclaim::Reclaim},
        weight::Weigher,
    },
};

/// Entries in shards. A hit takes its shard's lock for reading, and writes to the slot only until
/// [`Slots::count_read`](super::slots::Slots::count_read) stops counting.
pub(crate) struct Shards<O> {
    pub(super) shards: Box<[FairLock<Shard<O>>]>,
    pub(super) budget: Budget,
    weigher: Weigher,
    pub(super) evictions: Arc<EvictionLog>,
    pub(super) ended: Arc<EndJudge>,
    pub(super) reclaim: Reclaim,
}

impl<O: Order> Shards<O> {
    pub(crate) fn new(bounds: Bounds, evictions: Arc<EvictionLog>, ended: Arc<EndJudge>) -> Self {
        let shards = (0..bounds.shards).map(|_| FairLock::new(Shard::new())).collect();
        let (budget, weigher, reclaim) = (bounds.budget(), bounds.weigher, Reclaim::default());
        Self { shards, budget, weigher, evictions, ended, reclaim }
    }

    #[inline]
    pub(crate) fn read<T>(&self, key: &impl LookupKey, look: impl FnOnce(EntryRef<'_>) -> T) -> Option<T> {
        let shard = self.shared(self.index(key.hashed()));
        let slot = shard.find(key)?;
        if O::COUNTS_READS {
            shard.slots().count_read(slot);
        }
        Some(look(shard.slots().entry_ref(slot)))
    }

    /// As [`Shards::read`], but the policy does not count this as a read.
    pub(crate) fn look<T>(&self, key: &Key, look: impl FnOnce(EntryRef<'_>) -> T) -> Option<T> {
        let shard = self.shared(self.index(key.hash()));
        shard.find(key).map(|slot| look(shard.slots().entry_ref(slot)))
    }

    /// Stores an entry, protected if `protected` says so. Returns `false` if the protected share had no
    /// room and the entry was stored unprotected. If there is no room, the dead go first.
    pub(crate) fn put(&self, key: Key, entry: Entry<Stored>, protected: bool, now: Timestamp) -> bool {
        let weight = self.weigher.weigh(&key, &entry);
        let mut gone = Evicted::default();
        // Before the entry's shard is locked, since the dead may be in any.
        let may_fit = u64::from(weight) <= self.budget.limit();
        while may_fit && !self.budget.has_room(weight) && self.reclaim_some(now, &mut gone) {}
        let incoming = ShardEntry { key, entry, weight, protected, policy_state: PolicyState::default() };
        let granted = self.store(incoming, &mut gone);
        gone.record(&self.evictions);
        granted
    }

    fn store(&self, mut incoming: ShardEntry, gone: &mut Evicted) -> bool {
        let index = self.index(incoming.key.hash());
        let (weight, wished) = (incoming.weight, incoming.protected);
        let mut replaces = false;
        let mut asked = false;
        loop {
            let mut shard = self.exclusive(index);
            if let Some(slot) = shard.find(&incoming.key) {
                let removed = self.remove(&mut shard, slot);
                (replaces, incoming.policy_state) = (!removed.protected, removed.policy_state);
                gone.push(EvictionCause::Replaced, removed.key, removed.entry, removed.weight);
            }
            if !asked {
                // Only now is the share free that the predecessor took.
                incoming.protected = wished && self.budget.reserve_protected(weight);
                asked = true;
            }
            let possible = || incoming.protected || u64::from(weight) <= self.budget.evictable();
            let mut room = self.budget.reserve(weight);
            while !room && possible() {
                let Some(victim) = shard.evict() else { break };
                self.budget.release(victim.weight);
                gone.push(EvictionCause::Size, victim.key, victim.entry, victim.weight);
                room = self.budget.reserve(weight);
            }
            if room {
                let granted = incoming.protected == wished;
                self.reclaim.note_death(incoming.entry.meta.dead_at);
                shard.insert(incoming, replaces);
                return granted;
            }
            drop(shard);
            if !possible() || !self.evict_elsewhere(index, gone) {
                if incoming.protected {
                    self.budget.release_protected(weight);
                }
                gone.push(EvictionCause::Oversized, incoming.key, incoming.entry, weight);
                return !wished;
            }
        }
    }

    /// Changes the bound on all entries and on the protected ones among them, and evicts until what is held is
    /// within it: no more than that, and from all shards alike. Meanwhile no shard is locked for longer than one
    /// eviction takes. Returns `false`, and changes nothing, if the protected entries weigh more than they may
    /// then. One caller at a time.
    pub(crate) fn set_limits(&self, limit: u64, protected: u64) -> bool {
        let before = self.budget.swap_protected_limit(protected);
        self.wait_for_writers();
        if self.budget.protected() > protected {
            self.budget.swap_protected_limit(before);
            return false;
        }
        let mut turn = 0;
        loop {
            // Lowered with each entry that leaves, so that puts meanwhile make room for themselves alone.
            let mut empty = 0;
            while !self.budget.lower(limit) && empty < self.shards.len() {
                let shard = &self.shards[turn % self.shards.len()];
                let victim = shard.exclusive().evict();
                shard.hand_over();
                (turn, empty) = (turn + 1, empty + 1);
                if let Some(victim) = victim {
                    empty = 0;
                    self.budget.release(victim.weight);
                    let mut gone = Evicted::default();
                    gone.push(EvictionCause::Size, victim.key, victim.entry, victim.weight);
                    gone.record(&self.evictions);
                }
            }
            // Some may have reserved room within the bound of before.
            self.wait_for_writers();
            if self.budget.used() <= limit {
                return true;
            }
        }
    }

    /// Waits for those that write to a shard. Who comes later sees the bounds of now.
    fn wait_for_writers(&self) {
        (0..self.shards.len()).for_each(|index| drop(self.exclusive(index)));
    }

    /// Evicts one entry of another shard. Returns whether there was one.
    fn evict_elsewhere(&self, index: usize, gone: &mut Evicted) -> bool {
        let others = (1..self.shards.len()).map(|step| (index + step) % self.shards.len());
        let victim = others.map(|other| self.exclusive(other).evict()).find_map(|victim| victim);
        victim.is_some_and(|victim| {
            self.budget.release(victim.weight);
            gone.push(EvictionCause::Size, victim.key, victim.entry, victim.weight);
            true
        })
    }

    /// Removes and returns an entry if it is doomed.
    pub(crate) fn take_if(
        &self,
        key: &Key,
        doomed: impl FnOnce(&Meta) -> bool,
    ) -> Option<(Key, Entry<Stored>)> {
        let mut shard = self.exclusive(self.index(key.hash()));
        let slot = shard.find(key)?;
        if !doomed(shard.slots().meta(slot)) {
            return None;
        }
        let ShardEntry { key, entry, .. } = self.remove(&mut shard, slot);
        Some((key, entry))
    }

    /// Removes and returns an entry if it is doomed.
    pub(crate) fn remove_if(
        &self,
        cause: EvictionCause,
        key: &Key,
        doomed: impl FnOnce(&Meta) -> bool,
    ) -> Option<Entry<Stored>> {
        let (key, entry) = self.take_if(key, doomed)?;
        self.evictions.record(cause, &key, self.weigher.weigh(&key, &entry));
        Some(entry)
    }

    /// Returns the number of entries, and how many of them are protected.
    pub(crate) fn len(&self) -> (u64, u64) {
        (0..self.shards.len()).fold((0, 0), |(all, protected), index| {
            let shard = self.shared(index);
            (all + shard.len() as u64, protected + shard.protected() as u64)
        })
    }

    pub(crate) fn budget(&self) -> &Budget {
        &self.budget
    }

    /// Removes an entry and releases its weight.
    pub(super) fn remove(&self, shard: &mut Shard<O>, slot: SlotId) -> ShardEntry {
        let removed = shard.take(slot);
        self.budget.release(removed.weight);
        if removed.protected {
            self.budget.release_protected(removed.weight);
        }
        removed
    }

    /// The upper half of the hash chooses the shard; within it the lower half finds the slot.
    #[inline]
    fn index(&self, hash: u64) -> usize {
        (hash >> 40) as usize & (self.shards.len() - 1)
    }

    #[inline]
    pub(super) fn shared(&self, index: usize) -> ShardedLockReadGuard<'_, Shard<O>> {
        self.shards[index].shared()
    }

    pub(super) fn exclusive(&self, index: usize) -> ShardedLockWriteGuard<'_, Shard<O>> {
        self.shards[index].exclusive()
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;
    use crate::{eviction::Eviction, policies::fifo::Fifo};

    /// Whoever has a shard's lock may have reserved room within the bound of before.
    #[test]
    fn rule_124_a_bound_is_set_when_all_have_seen_it_who_may_reserve_room() {
        let bounds =
            Bounds { limit: 9, protected: 0, protected_share: 0.0, weigher: Weigher::Entries, shards: 4 };
        let evictions = Arc::new(EvictionLog::new(Eviction::Fifo));
        let shards = Shards::<Fifo>::new(bounds, evictions, Arc::default());
        thread::scope(|scope| {
            let writer = shards.exclusive(3);
            let setter = scope.spawn(|| shards.set_limits(5, 0));
            for _ in 0..20_000 {
                thread::yield_now();
                assert!(!setter.is_finished(), "a writer is under way");
            }
            drop(writer);
            assert!(setter.join().unwrap() && shards.budget().limit() == 5);
        });
    }
}
