//! `fifo`: evicts the entry put first.

use crate::{
    policies::Order,
    store::slots::{SlotId, SlotQueue, Slots},
};

/// Entries in the order in which they were put. A key that is put again goes to the end.
#[derive(Debug, Default)]
pub(crate) struct Fifo(SlotQueue);

impl Order for Fifo {
    const COUNTS_READS: bool = false;

    fn on_insert(&mut self, slots: &mut Slots, slot: SlotId) {
        self.0.push(slots, slot);
    }

    fn on_remove(&mut self, slots: &mut Slots, slot: SlotId) {
        self.0.unlink(slots, slot);
    }

    fn victim(&mut self, _: &mut Slots) -> Option<SlotId> {
        self.0.first()
    }
}
