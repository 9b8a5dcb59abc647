//! `ttl`: evicts the entry nearest its death.

use std::collections::BTreeSet;

use cache_core::Timestamp;

use crate::{
    policies::Order,
    store::slots::{SlotId, Slots},
};

/// Entries in the order of their death.
#[derive(Debug, Default)]
pub(crate) struct ByExpiry(BTreeSet<(Timestamp, SlotId)>);

impl Order for ByExpiry {
    const COUNTS_READS: bool = false;

    fn on_insert(&mut self, slots: &mut Slots, slot: SlotId) {
        self.0.insert((slots.meta(slot).dead_at, slot));
    }

    fn on_remove(&mut self, slots: &mut Slots, slot: SlotId) {
        self.0.remove(&(slots.meta(slot).dead_at, slot));
    }

    fn victim(&mut self, _: &mut Slots) -> Option<SlotId> {
        self.0.first().map(|(_, slot)| *slot)
    }
}
