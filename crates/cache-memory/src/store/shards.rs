//! The near store of our own: entries in shards by the hash of their key, under one budget.

use std::sync::{Arc, PoisonError};

use cache_core::{Entry, Freshness, Key, LookupKey, Meta, Timestamp};
use crossbeam_utils::sync::{ShardedLock, ShardedLockReadGuard, ShardedLockWriteGuard};

use crate::{
    memory::Value,
    policies::Order,
    stats::evictions::{Cause, Departures, Gone},
    store::Bounds,
    store::budget::Budget,
    store::entry_ref::Held,
    store::shard::Shard,
    store::slots::{Place, Slot, Standing},
    store::weight::Weigher,
};

/// How many places are looked at under one lock by those who look at all.
const STRIDE: Place = 1024;

/// Entries in shards. A hit takes its shard's lock for reading, and writes to the slot only while few
/// reads of it were noted.
pub(crate) struct Shards<O> {
    shards: Box<[ShardedLock<Shard<O>>]>,
    budget: Budget,
    weigher: Weigher,
    departures: Arc<Departures>,
}

impl<O: Order> Shards<O> {
    pub(crate) fn new(bounds: Bounds, departures: Arc<Departures>) -> Self {
        let shards = (0..bounds.shards).map(|_| ShardedLock::new(Shard::new())).collect();
        Self { shards, budget: bounds.budget(), weigher: bounds.weigher, departures }
    }

    #[inline]
    pub(crate) fn read<T>(&self, key: &impl LookupKey, look: impl FnOnce(Held<'_>) -> T) -> Option<T> {
        let shard = self.shared(self.index(key.hashed()));
        let place = shard.find(key)?;
        if O::READS {
            shard.slots().note_read(place);
        }
        Some(look(shard.slots().held(place)))
    }

    /// Whether there is an entry such as `wanted` says; no read for the policy.
    pub(crate) fn holds(&self, key: &Key, wanted: impl Fn(&Meta) -> bool) -> bool {
        let shard = self.shared(self.index(key.hash()));
        shard.find(key).is_some_and(|place| wanted(shard.slots().meta(place)))
    }

    /// Stores an entry; `protected` asks for it to be so. `false` if the protected share had no room,
    /// and it was stored like any other.
    pub(crate) fn put(&self, key: Key, entry: Entry<Value>, protected: bool) -> bool {
        let weight = self.weigher.weigh(&key, &entry);
        let mut gone = Gone::default();
        let slot = Slot { key, entry, weight, protected, standing: Standing::default() };
        let granted = self.place(slot, &mut gone);
        gone.report(&self.departures);
        granted
    }

    fn place(&self, mut incoming: Slot, gone: &mut Gone) -> bool {
        let index = self.index(incoming.key.hash());
        let (weight, wished) = (incoming.weight, incoming.protected);
        let mut renewed = false;
        let mut asked = false;
        loop {
            let mut shard = self.exclusive(index);
            if let Some(place) = shard.find(&incoming.key) {
                let slot = self.taken(&mut shard, place);
                (renewed, incoming.standing) = (!slot.protected, slot.standing);
                gone.push(Cause::Replaced, slot.key, slot.entry, slot.weight);
            }
            if !asked {
                // Not before: what its predecessor took of the share is free only now.
                incoming.protected = wished && self.budget.protect(weight);
                asked = true;
            }
            let possible = || incoming.protected || u64::from(weight) <= self.budget.evictable();
            let mut room = self.budget.take(weight);
            while !room && possible() {
                let Some(slot) = shard.evict() else { break };
                self.budget.give(slot.weight);
                gone.push(Cause::Size, slot.key, slot.entry, slot.weight);
                room = self.budget.take(weight);
            }
            if room {
                let granted = incoming.protected == wished;
                shard.insert(incoming, renewed);
                return granted;
            }
            drop(shard);
            if !possible() || !self.evict_beside(index, gone) {
                if incoming.protected {
                    self.budget.unprotect(weight);
                }
                gone.push(Cause::Oversized, incoming.key, incoming.entry, weight);
                return !wished;
            }
        }
    }

    /// Evicts one entry of another shard.
    fn evict_beside(&self, index: usize, gone: &mut Gone) -> bool {
        let others = (1..self.shards.len()).map(|step| (index + step) % self.shards.len());
        let evicted = others.map(|other| self.exclusive(other).evict()).find_map(|slot| slot);
        evicted.is_some_and(|slot| {
            self.budget.give(slot.weight);
            gone.push(Cause::Size, slot.key, slot.entry, slot.weight);
            true
        })
    }

    /// Takes out an entry if it is doomed.
    pub(crate) fn take_if(
        &self,
        key: &Key,
        doomed: impl FnOnce(&Meta) -> bool,
    ) -> Option<(Key, Entry<Value>)> {
        let mut shard = self.exclusive(self.index(key.hash()));
        let place = shard.find(key)?;
        if !doomed(shard.slots().meta(place)) {
            return None;
        }
        let Slot { key, entry, .. } = self.taken(&mut shard, place);
        Some((key, entry))
    }

    /// Removes an entry if it is doomed, and answers whether it did.
    pub(crate) fn remove_if(&self, cause: Cause, key: &Key, doomed: impl FnOnce(&Meta) -> bool) -> bool {
        let gone = self.take_if(key, doomed);
        if let Some((key, entry)) = &gone {
            self.departures.note(cause, key, self.weigher.weigh(key, entry));
        }
        gone.is_some()
    }

    /// Removes whatever is doomed, and answers how many that were.
    pub(crate) fn remove_all(&self, cause: Cause, doomed: impl Fn(&Key, &Meta) -> bool) -> u64 {
        self.drain(cause, |_| true, doomed)
    }

    /// Reclaims what is dead, and answers how many that were.
    pub(crate) fn sweep(&self, now: Timestamp) -> u64 {
        let due = |shard: &mut Shard<O>| {
            let due = shard.next_death <= now;
            if due {
                shard.next_death = Timestamp::MAX;
            }
            due
        };
        self.drain(Cause::Expired, due, |_, meta| meta.freshness(now) == Freshness::Dead)
    }

    fn drain(
        &self,
        cause: Cause,
        looks: impl Fn(&mut Shard<O>) -> bool,
        doomed: impl Fn(&Key, &Meta) -> bool,
    ) -> u64 {
        let mut count = 0;
        for index in 0..self.shards.len() {
            if !looks(&mut self.exclusive(index)) {
                continue;
            }
            let mut next_death = Timestamp::MAX;
            let mut gone = Gone::default();
            self.stride(index, |shard, place| {
                let meta = shard.slots().meta(place);
                if doomed(shard.slots().key(place), meta) {
                    let slot = self.taken(shard, place);
                    gone.push(cause, slot.key, slot.entry, slot.weight);
                } else {
                    next_death = next_death.min(meta.dead_at);
                }
            });
            count += gone.report(&self.departures);
            let mut shard = self.exclusive(index);
            shard.next_death = shard.next_death.min(next_death);
        }
        count
    }

    /// Protects what is held and wanted. Answers with the keys for which the share had no room.
    pub(crate) fn protect(&self, wanted: impl Fn(&Key) -> bool) -> Vec<Key> {
        let mut refused = Vec::new();
        for index in 0..self.shards.len() {
            self.stride(index, |shard, place| {
                let slots = shard.slots();
                if slots.is_protected(place) || !wanted(slots.key(place)) {
                    return;
                }
                if self.budget.protect(slots.weight(place)) {
                    shard.set_protected(place, true);
                } else {
                    refused.push(slots.key(place).clone());
                }
            });
        }
        refused
    }

    /// Ends the protection of what is protected and not wanted so.
    pub(crate) fn unprotect(&self, wanted: impl Fn(&Key) -> bool) {
        for index in 0..self.shards.len() {
            if self.shared(index).protected() == 0 {
                continue;
            }
            self.stride(index, |shard, place| {
                let slots = shard.slots();
                if slots.is_protected(place) && !wanted(slots.key(place)) {
                    self.budget.unprotect(slots.weight(place));
                    shard.set_protected(place, false);
                }
            });
        }
    }

    /// Every entry, as it is when its turn comes.
    pub(crate) fn keys(&self) -> Vec<Key> {
        let mut keys = Vec::new();
        for index in 0..self.shards.len() {
            self.stride(index, |shard, place| keys.push(shard.slots().key(place).clone()));
        }
        keys
    }

    /// Entries held, and how many of them are protected.
    pub(crate) fn len(&self) -> (u64, u64) {
        (0..self.shards.len()).fold((0, 0), |(all, protected), index| {
            let shard = self.shared(index);
            (all + shard.len() as u64, protected + shard.protected() as u64)
        })
    }

    pub(crate) fn budget(&self) -> &Budget {
        &self.budget
    }

    /// Visits the taken places of a shard, the lock let go now and then.
    fn stride(&self, index: usize, mut visit: impl FnMut(&mut Shard<O>, Place)) {
        let mut from = 0;
        loop {
            let mut shard = self.exclusive(index);
            let end = shard.slots().end().min(from + STRIDE);
            for place in from..end {
                if shard.slots().is_taken(place) {
                    visit(&mut shard, place);
                }
            }
            from = end;
            if from == shard.slots().end() {
                return;
            }
        }
    }

    /// Takes out an entry with what it took of the budget.
    fn taken(&self, shard: &mut Shard<O>, place: Place) -> Slot {
        let slot = shard.take(place);
        self.budget.give(slot.weight);
        if slot.protected {
            self.budget.unprotect(slot.weight);
        }
        slot
    }

    /// The upper half of the hash chooses the shard; within it the lower half finds the place.
    #[inline]
    fn index(&self, hash: u64) -> usize {
        (hash >> 40) as usize & (self.shards.len() - 1)
    }

    #[inline]
    fn shared(&self, index: usize) -> ShardedLockReadGuard<'_, Shard<O>> {
        self.shards[index].read().unwrap_or_else(PoisonError::into_inner)
    }

    fn exclusive(&self, index: usize) -> ShardedLockWriteGuard<'_, Shard<O>> {
        self.shards[index].write().unwrap_or_else(PoisonError::into_inner)
    }
}
