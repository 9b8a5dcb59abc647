//! `fifo`: the entry put first goes first.

use crate::{
    policies::Order,
    store::slots::{Place, Queue, Slots},
};

/// In the order of putting; to put a key again is to come in anew.
#[derive(Debug, Default)]
pub(crate) struct Fifo(Queue);

impl Order for Fifo {
    const READS: bool = false;

    fn enter(&mut self, slots: &mut Slots, place: Place) {
        self.0.push(slots, place);
    }

    fn leave(&mut self, slots: &mut Slots, place: Place) {
        self.0.unlink(slots, place);
    }

    fn victim(&mut self, _: &mut Slots) -> Option<Place> {
        self.0.first()
    }
}
