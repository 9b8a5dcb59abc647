//! The policies: two as settings of moka, three as orders over the slots of our own shards.

pub(crate) mod fifo;
pub(crate) mod hybrid;
pub(crate) mod lfu;
pub(crate) mod lru;
pub(crate) mod ttl;

use crate::store::slots::{Place, Slots};

/// Who goes first among the entries of one shard. It knows every entry that can be evicted, and no
/// protected one.
pub(crate) trait Order: Default + Send + Sync + 'static {
    /// Whether it wants to know of reads; without, a hit writes to no slot.
    const READS: bool;

    /// A key that was not held came in.
    fn enter(&mut self, slots: &mut Slots, place: Place);

    /// An entry came in whose key was held: the slot keeps the rank and the reads it had.
    fn renew(&mut self, slots: &mut Slots, place: Place) {
        self.enter(slots, place);
    }

    /// An entry leaves, for whatever reason.
    fn leave(&mut self, slots: &mut Slots, place: Place);

    /// Who goes next: it is to leave before anyone else is named.
    fn victim(&mut self, slots: &mut Slots) -> Option<Place>;

    /// The victim was evicted: what is to be remembered of it.
    fn evicted(&mut self, _slots: &Slots, _place: Place) {}
}
