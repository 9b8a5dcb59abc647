//! Walks over the shards, which let go of each lock every so often.

use cache_core::{Entry, Key};

use crate::{
    memory::Value,
    policies::Order,
    store::{shards::Shards, slots::SlotId, walk::steps::SLOTS_PER_LOCK},
};

/// How many slots a walk that can be gone on with visits at a time, if few of them are taken.
const SLOTS_PER_PART: usize = 16_384;

impl<O: Order> Shards<O> {
    /// Returns the entries whose keys are `wanted`, each as its slot is when the walk reaches it. Reads go on
    /// meanwhile; a write waits for at most [`SLOTS_PER_LOCK`] slots.
    pub(crate) fn held(&self, wanted: impl Fn(&Key) -> bool) -> Vec<(Key, Entry<Value>)> {
        let mut held = Vec::new();
        for index in 0..self.shards.len() {
            let mut from = 0;
            loop {
                let shard = self.shared(index);
                let slots = shard.slots();
                let end = slots.end().min(from + SLOTS_PER_LOCK);
                let taken = (from..end).filter(|slot| slots.is_taken(*slot) && wanted(slots.key(*slot)));
                held.extend(taken.map(|slot| (slots.key(slot).clone(), slots.entry_ref(slot).entry())));
                from = end;
                let is_last = from == slots.end();
                drop(shard);
                if is_last {
                    break;
                }
                self.shards[index].hand_over();
            }
        }
        held
    }

    /// Returns the `wanted` among the next `limit` entries or [`SLOTS_PER_PART`] slots, from a place on, and the
    /// place from which to go on. A place is a shard and a slot in it.
    pub(crate) fn held_from(
        &self,
        from: u64,
        limit: usize,
        wanted: impl Fn(&Key) -> bool,
    ) -> (Vec<(Key, Entry<Value>)>, Option<u64>) {
        let (mut index, mut slot) = ((from >> SlotId::BITS) as usize, from as SlotId);
        let (mut held, mut visited, mut examined) = (Vec::new(), 0, 0);
        while index < self.shards.len() {
            let shard = self.shared(index);
            let slots = shard.slots();
            let end = slots.end().min(slot.saturating_add(SLOTS_PER_LOCK));
            while slot < end {
                if visited == SLOTS_PER_PART || examined == limit {
                    return (held, Some((index as u64) << SlotId::BITS | u64::from(slot)));
                }
                visited += 1;
                if slots.is_taken(slot) {
                    examined += 1;
                    if wanted(slots.key(slot)) {
                        held.push((slots.key(slot).clone(), slots.entry_ref(slot).entry()));
                    }
                }
                slot += 1;
            }
            let is_last = slot >= slots.end();
            drop(shard);
            self.shards[index].hand_over();
            if is_last {
                (index, slot) = (index + 1, 0);
            }
        }
        (held, None)
    }
}
