//! Walks over the shards that remove entries, or protect them.

use cache_core::{Entry, EvictionCause, Key, Meta};

use crate::{
    policies::Order,
    stats::evictions::Evicted,
    store::{
        shard::Shard,
        shards::Shards,
        slots::SlotId,
        stored::Stored,
        walk::steps::{Pauses, SLOTS_PER_LOCK, no_pause, run},
    },
};

impl<O: Order> Shards<O> {
    /// Removes every entry that is `doomed` for some cause, and shows each to `gone`, under the lock of its shard.
    /// Returns how many there were.
    pub(crate) async fn remove_all<F>(
        &self,
        doomed: impl Fn(&Key, &Meta) -> Option<EvictionCause>,
        gone: impl Fn(&Key, &Entry<Stored>),
        pauses: &mut Pauses<impl Fn() -> F>,
    ) -> u64
    where
        F: Future<Output = ()>,
    {
        let visit = |shard: &mut Shard<O>, slot, left: &mut Evicted| {
            if let Some(cause) = doomed(shard.slots().key(slot), shard.slots().meta(slot)) {
                let removed = self.remove(shard, slot);
                gone(&removed.key, &removed.entry);
                left.push(cause, removed.key, removed.entry, removed.weight);
            }
        };
        self.visit_all(|shard| shard.len() > 0, visit, pauses).await
    }

    /// Protects the entries whose keys are `wanted`. Returns the keys for which the protected share had no
    /// room.
    pub(crate) fn protect(&self, wanted: impl Fn(&Key) -> bool) -> Vec<Key> {
        let mut refused = Vec::new();
        let visit = |shard: &mut Shard<O>, slot, _: &mut Evicted| {
            let slots = shard.slots();
            if slots.is_protected(slot) || !wanted(slots.key(slot)) {
                return;
            }
            if self.budget.reserve_protected(slots.weight(slot)) {
                shard.set_protected(slot, true);
            } else {
                refused.push(slots.key(slot).clone());
            }
        };
        run(self.visit_all(|shard| shard.len() > 0, visit, &mut Pauses::new(no_pause)));
        refused
    }

    /// Ends the protection of entries whose keys are not `wanted`.
    pub(crate) fn unprotect(&self, wanted: impl Fn(&Key) -> bool) {
        let visit = |shard: &mut Shard<O>, slot, _: &mut Evicted| {
            let slots = shard.slots();
            if slots.is_protected(slot) && !wanted(slots.key(slot)) {
                self.budget.release_protected(slots.weight(slot));
                shard.set_protected(slot, false);
            }
        };
        run(self.visit_all(|shard| shard.protected() > 0, visit, &mut Pauses::new(no_pause)));
    }

    /// Visits the occupied slots of the shards that are `entered`. Every [`SLOTS_PER_LOCK`] slots the lock is let
    /// go, what left meanwhile is dropped, and those have the lock who wait for it. Returns how many left.
    async fn visit_all<F>(
        &self,
        entered: impl Fn(&Shard<O>) -> bool,
        mut visit: impl FnMut(&mut Shard<O>, SlotId, &mut Evicted),
        pauses: &mut Pauses<impl Fn() -> F>,
    ) -> u64
    where
        F: Future<Output = ()>,
    {
        let mut count = 0;
        for index in 0..self.shards.len() {
            let mut from = 0;
            let mut goes_on = entered(&self.shared(index));
            while goes_on {
                let mut left = Evicted::default();
                let until = {
                    let mut shard = self.exclusive(index);
                    let end = shard.slots().end();
                    let until = end.min(from + SLOTS_PER_LOCK);
                    for slot in from..until {
                        if shard.slots().is_taken(slot) {
                            visit(&mut shard, slot, &mut left);
                        }
                    }
                    goes_on = until < end;
                    until
                };
                count += left.record(&self.evictions);
                self.shards[index].hand_over();
                pauses.visited((until - from) as usize).await;
                from = until;
            }
            pauses.visited(1).await;
        }
        count
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{
            Arc,
            atomic::{AtomicU32, Ordering},
        },
        thread,
    };

    use cache_core::{Timestamp, Ttl};

    use super::*;
    use crate::{
        eviction::Eviction,
        policies::hybrid::Hybrid,
        stats::evictions::EvictionLog,
        store::{Bounds, weight::Weigher},
    };

    const ENTRIES: u32 = 8 * SLOTS_PER_LOCK;

    fn key(id: u32) -> Key {
        Key::new("k", &id.to_string()).unwrap()
    }

    /// One shard, so that all wait for the same lock.
    fn filled() -> Shards<Hybrid> {
        let (limit, protected) = (2 * u64::from(ENTRIES), u64::from(ENTRIES));
        let weigher = Weigher::Entries;
        let bounds = Bounds { limit, protected, protected_share: 0.5, weigher, shards: 1 };
        let evictions = Arc::new(EvictionLog::new(Eviction::Hybrid));
        let shards = Shards::new(bounds, evictions, Arc::default());
        for id in 0..ENTRIES {
            let entry = Entry::absent(Meta::new(Timestamp::MIN, Ttl::NONE));
            assert!(shards.put(key(id), entry, false, Timestamp::MIN));
        }
        shards
    }

    /// A reader comes when a walk has visited some, and waits. Returns how many it has visited when the reader
    /// gets the lock.
    fn visited_until_read(walk: impl Fn(&Shards<Hybrid>, &(dyn Fn() + Sync))) -> u32 {
        let (shards, visited, seen) = (filled(), AtomicU32::new(0), AtomicU32::new(0));
        thread::scope(|scope| {
            let read = || {
                let visited = || seen.store(visited.load(Ordering::Acquire), Ordering::Release);
                shards.read(&key(ENTRIES - 1), |_| visited());
            };
            let visit = || {
                if visited.fetch_add(1, Ordering::AcqRel) == 10 {
                    scope.spawn(read);
                    while !shards.shards[0].is_waited_for() {
                        thread::yield_now();
                    }
                }
            };
            walk(&shards, &visit);
            assert!(visited.load(Ordering::Acquire) >= ENTRIES);
        });
        seen.into_inner()
    }

    #[test]
    fn rule_101_a_reader_that_waits_gets_the_lock_between_two_steps_of_a_walk() {
        let removal = |shards: &Shards<Hybrid>, visit: &(dyn Fn() + Sync)| {
            let doomed = |_: &Key, _: &Meta| {
                visit();
                None
            };
            let pauses = &mut Pauses::new(no_pause);
            run(shards.remove_all(doomed, |_, _| {}, pauses));
        };
        let protection = |shards: &Shards<Hybrid>, visit: &(dyn Fn() + Sync)| {
            let wanted = |_: &Key| {
                visit();
                true
            };
            assert_eq!(shards.protect(wanted), []);
        };
        let unprotection = |shards: &Shards<Hybrid>, visit: &(dyn Fn() + Sync)| {
            assert_eq!(shards.protect(|_| true), []);
            let wanted = |_: &Key| {
                visit();
                false
            };
            shards.unprotect(wanted);
        };
        for seen in
            [visited_until_read(removal), visited_until_read(protection), visited_until_read(unprotection)]
        {
            assert!((1..=SLOTS_PER_LOCK).contains(&seen), "it got the lock after {seen} slots");
        }
    }
}
