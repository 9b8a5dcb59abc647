//! The eviction policies: two are settings of moka, three are orders over the slots of our own shards.

pub(crate) mod fifo;
pub(crate) mod hybrid;
#[cfg(feature = "moka")]
pub(crate) mod lfu;
#[cfg(feature = "moka")]
pub(crate) mod lru;
pub(crate) mod ttl;

use crate::store::slots::{SlotId, Slots};

/// The order in which the entries of one shard are evicted. It is told of every entry that can be
/// evicted, and of no protected one.
pub(crate) trait Order: Default + Send + Sync + 'static {
    /// Whether reads are counted in the slots. If not, a hit writes to no slot.
    const COUNTS_READS: bool;

    /// Called when an entry was inserted whose key was not held.
    fn on_insert(&mut self, slots: &mut Slots, slot: SlotId);

    /// Called when an entry replaced another of its key. The slot has the policy state of its predecessor.
    fn on_replace(&mut self, slots: &mut Slots, slot: SlotId) {
        self.on_insert(slots, slot);
    }

    /// Called before an entry leaves, for whatever reason.
    fn on_remove(&mut self, slots: &mut Slots, slot: SlotId);

    /// Returns the entry to evict next, which the caller removes before it asks again.
    fn victim(&mut self, slots: &mut Slots) -> Option<SlotId>;

    /// Called before a victim leaves, for policies that remember what was evicted.
    fn on_evict(&mut self, _slots: &Slots, _slot: SlotId) {}
}
