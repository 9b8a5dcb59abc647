//! One shard: slots under one lock, and the order in which they go.

use cache_core::{LookupKey, Timestamp};

use crate::{
    policies::Order,
    store::slots::{Place, Slot, Slots},
};

/// Slots, and who goes first among them.
pub(crate) struct Shard<O> {
    slots: Slots,
    order: O,
    protected: usize,
    /// Nothing dies before this.
    pub(crate) next_death: Timestamp,
}

impl<O: Order> Shard<O> {
    pub(crate) fn new() -> Self {
        Self { slots: Slots::default(), order: O::default(), protected: 0, next_death: Timestamp::MAX }
    }

    #[inline]
    pub(crate) fn find(&self, key: &impl LookupKey) -> Option<Place> {
        self.slots.find(key)
    }

    #[inline]
    pub(crate) fn slots(&self) -> &Slots {
        &self.slots
    }

    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    /// How many entries are protected.
    pub(crate) fn protected(&self) -> usize {
        self.protected
    }

    /// Puts in an entry whose key is not held; `renewed` says that it was until now, with the standing
    /// that the slot has.
    pub(crate) fn insert(&mut self, slot: Slot, renewed: bool) {
        self.next_death = self.next_death.min(slot.entry.meta.dead_at);
        let place = self.slots.insert(slot);
        if self.slots.is_protected(place) {
            self.protected += 1;
        } else if renewed {
            self.order.renew(&mut self.slots, place);
        } else {
            self.order.enter(&mut self.slots, place);
        }
    }

    /// Takes an entry out.
    pub(crate) fn take(&mut self, place: Place) -> Slot {
        self.unlink(place);
        self.slots.remove(place)
    }

    /// Takes out who goes next.
    pub(crate) fn evict(&mut self) -> Option<Slot> {
        let place = self.order.victim(&mut self.slots)?;
        self.order.evicted(&self.slots, place);
        Some(self.take(place))
    }

    /// Protects an entry, or ends that.
    pub(crate) fn set_protected(&mut self, place: Place, protected: bool) {
        if self.slots.is_protected(place) == protected {
            return;
        }
        self.unlink(place);
        self.slots.set_protected(place, protected);
        if protected {
            self.protected += 1;
        } else {
            self.order.enter(&mut self.slots, place);
        }
    }

    fn unlink(&mut self, place: Place) {
        if self.slots.is_protected(place) {
            self.protected -= 1;
        } else {
            self.order.leave(&mut self.slots, place);
        }
    }
}
