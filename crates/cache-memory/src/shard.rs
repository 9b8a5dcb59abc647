//! One shard: slots under one lock, and the order in which they go.

use cache_core::{Entry, Key, Query, Timestamp};

use crate::{
    memory::Value,
    policies::Order,
    slots::{Place, Slot, Slots},
};

/// Slots, and who goes first among them.
pub(crate) struct Shard<O> {
    slots: Slots,
    order: O,
    protected: usize,
    /// Nothing dies before this.
    pub(crate) next_death: Timestamp,
}

/// How an entry comes in.
pub(crate) struct Incoming {
    pub(crate) key: Key,
    pub(crate) entry: Entry<Value>,
    pub(crate) weight: u32,
    pub(crate) protected: bool,
}

/// What is kept of an entry that was taken out to be replaced.
#[derive(Clone, Copy)]
pub(crate) struct Standing {
    rank: u8,
    reads: u8,
}

impl<O: Order> Shard<O> {
    pub(crate) fn new() -> Self {
        Self { slots: Slots::default(), order: O::default(), protected: 0, next_death: Timestamp::MAX }
    }

    #[inline]

    pub(crate) fn find(&self, key: &impl Query) -> Option<Place> {
        self.slots.find(key)
    }

    #[inline]

    pub(crate) fn get(&self, place: Place) -> Option<&Slot> {
        self.slots.get(place)
    }

    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    /// How many entries are protected.
    pub(crate) fn protected(&self) -> usize {
        self.protected
    }

    /// All places are below this.
    pub(crate) fn end(&self) -> Place {
        self.slots.end()
    }

    /// Puts in an entry whose key is not held, or was until it was taken out with this standing.
    pub(crate) fn insert(&mut self, incoming: Incoming, standing: Option<Standing>) {
        let Incoming { key, entry, weight, protected } = incoming;
        self.next_death = self.next_death.min(entry.meta.dead_at);
        let mut slot = Slot::new(key, entry, weight);
        slot.protected = protected;
        if let Some(Standing { rank, reads }) = standing {
            slot.rank = rank;
            slot.set_reads(reads);
        }
        let place = self.slots.insert(slot);
        if protected {
            self.protected += 1;
        } else if standing.is_some() {
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
        if self.slots.at(place).protected == protected {
            return;
        }
        self.unlink(place);
        self.slots.at_mut(place).protected = protected;
        if protected {
            self.protected += 1;
        } else {
            self.order.enter(&mut self.slots, place);
        }
    }

    fn unlink(&mut self, place: Place) {
        if self.slots.at(place).protected {
            self.protected -= 1;
        } else {
            self.order.leave(&mut self.slots, place);
        }
    }
}

impl From<&Slot> for Standing {
    fn from(slot: &Slot) -> Self {
        Self { rank: slot.rank, reads: slot.reads() }
    }
}
