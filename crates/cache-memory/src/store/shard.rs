//! One shard: slots under one lock, and the order in which they are evicted.

use cache_core::{LookupKey, Timestamp};

use crate::{
    policies::Order,
    store::slots::{ShardEntry, SlotId, Slots},
};

/// Slots, and the order in which they are evicted.
pub(crate) struct Shard<O> {
    slots: Slots,
    order: O,
    protected: usize,
    /// No entry of the shard dies before this.
    pub(crate) next_death: Timestamp,
    /// Up to which change of the judge all that has ended was reclaimed.
    pub(crate) reclaimed: u64,
}

impl<O: Order> Shard<O> {
    pub(crate) fn new() -> Self {
        let next_death = Timestamp::MAX;
        Self { slots: Slots::default(), order: O::default(), protected: 0, next_death, reclaimed: 0 }
    }

    #[inline]
    pub(crate) fn find(&self, key: &impl LookupKey) -> Option<SlotId> {
        self.slots.find(key)
    }

    #[inline]
    pub(crate) fn slots(&self) -> &Slots {
        &self.slots
    }

    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    /// Returns the number of protected entries.
    pub(crate) fn protected(&self) -> usize {
        self.protected
    }

    /// Inserts an entry whose key is not held. `replaces` says that it was held until now, and that the
    /// policy state of `incoming` is that of its predecessor.
    pub(crate) fn insert(&mut self, incoming: ShardEntry, replaces: bool) {
        self.next_death = self.next_death.min(incoming.entry.meta.dead_at);
        let slot = self.slots.insert(incoming);
        if self.slots.is_protected(slot) {
            self.protected += 1;
        } else if replaces {
            self.order.on_replace(&mut self.slots, slot);
        } else {
            self.order.on_insert(&mut self.slots, slot);
        }
    }

    /// Removes and returns the entry of a slot.
    pub(crate) fn take(&mut self, slot: SlotId) -> ShardEntry {
        self.unlink(slot);
        self.slots.remove(slot)
    }

    /// Removes and returns the entry that the policy evicts next; `None` if it has none to evict.
    pub(crate) fn evict(&mut self) -> Option<ShardEntry> {
        let slot = self.order.victim(&mut self.slots)?;
        self.order.on_evict(&self.slots, slot);
        Some(self.take(slot))
    }

    /// Protects an entry from eviction, or ends its protection.
    pub(crate) fn set_protected(&mut self, slot: SlotId, protected: bool) {
        if self.slots.is_protected(slot) == protected {
            return;
        }
        self.unlink(slot);
        self.slots.set_protected(slot, protected);
        if protected {
            self.protected += 1;
        } else {
            self.order.on_insert(&mut self.slots, slot);
        }
    }

    fn unlink(&mut self, slot: SlotId) {
        if self.slots.is_protected(slot) {
            self.protected -= 1;
        } else {
            self.order.on_remove(&mut self.slots, slot);
        }
    }
}
