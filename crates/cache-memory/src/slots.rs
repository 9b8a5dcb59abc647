//! Where a shard's entries lie, and the queues that run through them.

use std::sync::atomic::{AtomicU8, Ordering};

use cache_core::{Entry, Key, Query};
use hashbrown::HashTable;
use slab::Slab;

use crate::memory::Value;

/// No slot.
const NONE: u32 = u32::MAX;

/// Reads are counted up to this; a slot that is read often is then not written any more.
const MOST_READS: u8 = 3;

/// A place in a shard.
pub(crate) type Place = u32;

/// An entry in its place.
pub(crate) struct Slot {
    pub(crate) key: Key,
    pub(crate) entry: Entry<Value>,
    pub(crate) weight: u32,
    previous: Place,
    next: Place,
    reads: AtomicU8,
    /// What the policy, and nobody else, knows it by.
    pub(crate) rank: u8,
    pub(crate) protected: bool,
}

impl Slot {
    pub(crate) fn new(key: Key, entry: Entry<Value>, weight: u32) -> Self {
        let reads = AtomicU8::new(0);
        Self { key, entry, weight, previous: NONE, next: NONE, reads, rank: 0, protected: false }
    }

    /// Notes that it was read. Two at once may count as one.
    #[inline]
    pub(crate) fn note_read(&self) {
        let reads = self.reads.load(Ordering::Relaxed);
        if reads < MOST_READS {
            self.reads.store(reads + 1, Ordering::Relaxed);
        }
    }

    pub(crate) fn reads(&self) -> u8 {
        self.reads.load(Ordering::Relaxed)
    }

    pub(crate) fn set_reads(&mut self, reads: u8) {
        *self.reads.get_mut() = reads;
    }
}

/// The slots of a shard, found by key or by place.
#[derive(Default)]
pub(crate) struct Slots {
    places: HashTable<Place>,
    slots: Slab<Slot>,
}

impl Slots {
    #[inline]
    pub(crate) fn find(&self, key: &impl Query) -> Option<Place> {
        self.places.find(key.hashed(), |at| key.equivalent(&self.at(*at).key)).copied()
    }

    #[inline]

    pub(crate) fn get(&self, place: Place) -> Option<&Slot> {
        self.slots.get(place as usize)
    }

    /// The slot at a place that is known to be taken.
    #[inline]
    pub(crate) fn at(&self, place: Place) -> &Slot {
        &self.slots[place as usize]
    }

    pub(crate) fn at_mut(&mut self, place: Place) -> &mut Slot {
        &mut self.slots[place as usize]
    }

    /// Puts in a slot whose key is not held.
    pub(crate) fn insert(&mut self, slot: Slot) -> Place {
        let hash = slot.key.hash();
        let place = self.slots.insert(slot) as Place;
        self.places.insert_unique(hash, place, |at| self.slots[*at as usize].key.hash());
        place
    }

    /// Takes out the slot at a place, which runs in no queue any more.
    pub(crate) fn remove(&mut self, place: Place) -> Slot {
        let slot = self.slots.remove(place as usize);
        if let Ok(found) = self.places.find_entry(slot.key.hash(), |at| *at == place) {
            found.remove();
        }
        slot
    }

    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    /// All places are below this.
    pub(crate) fn end(&self) -> Place {
        self.slots.capacity() as Place
    }
}

/// A queue through some of the slots. A slot is in one queue at most.
#[derive(Debug)]
pub(crate) struct Queue {
    first: Place,
    last: Place,
    len: usize,
    weight: u64,
}

impl Default for Queue {
    fn default() -> Self {
        Self { first: NONE, last: NONE, len: 0, weight: 0 }
    }
}

impl Queue {
    pub(crate) fn first(&self) -> Option<Place> {
        (self.first != NONE).then_some(self.first)
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn weight(&self) -> u64 {
        self.weight
    }

    pub(crate) fn push(&mut self, slots: &mut Slots, place: Place) {
        let slot = slots.at_mut(place);
        (slot.previous, slot.next) = (self.last, NONE);
        self.weight += u64::from(slot.weight);
        self.len += 1;
        match self.last {
            NONE => self.first = place,
            last => slots.at_mut(last).next = place,
        }
        self.last = place;
    }

    pub(crate) fn unlink(&mut self, slots: &mut Slots, place: Place) {
        let slot = slots.at_mut(place);
        let (previous, next) = (slot.previous, slot.next);
        self.weight -= u64::from(slot.weight);
        self.len -= 1;
        match previous {
            NONE => self.first = next,
            previous => slots.at_mut(previous).next = next,
        }
        match next {
            NONE => self.last = previous,
            next => slots.at_mut(next).previous = previous,
        }
    }
}
