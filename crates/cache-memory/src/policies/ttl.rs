//! `ttl`: the entry nearest its death goes first.

use std::collections::BTreeSet;

use cache_core::Timestamp;

use crate::{
    policies::Order,
    store::slots::{Place, Slots},
};

/// In the order of death.
#[derive(Debug, Default)]
pub(crate) struct Ttl(BTreeSet<(Timestamp, Place)>);

impl Order for Ttl {
    const READS: bool = false;

    fn enter(&mut self, slots: &mut Slots, place: Place) {
        self.0.insert((slots.meta(place).dead_at, place));
    }

    fn leave(&mut self, slots: &mut Slots, place: Place) {
        self.0.remove(&(slots.meta(place).dead_at, place));
    }

    fn victim(&mut self, _: &mut Slots) -> Option<Place> {
        self.0.first().map(|(_, place)| *place)
    }
}
