//! Where a shard's entries lie, and the queues that run through them.

use std::sync::atomic::{AtomicU8, Ordering};

use cache_core::{Entry, Key, LookupKey, Meta, Timestamp, Ttl};
use hashbrown::HashTable;
use slab::Slab;

use crate::{memory::Value, store::entry_ref::Held};

/// No slot.
const NONE: u32 = u32::MAX;

/// Reads are counted up to this; a slot that is read often is then not written any more.
const MOST_READS: u8 = 3;

/// What is told of a slot in one byte: whether its entry has tags, is protected, and its rank.
const TAGGED: u8 = 1;
const PROTECTED: u8 = 2;
const RANK: u8 = 4;

/// A place in a shard.
pub(crate) type Place = u32;

/// What a hit reads of an entry, in one cache line.
#[repr(align(64))]
struct Hot {
    key: Key,
    value: Option<Value>,
    stale_at: Timestamp,
    weight: u32,
    reads: AtomicU8,
    flags: u8,
}

/// The rest of it, at the same place.
struct Cold {
    meta: Meta,
    previous: Place,
    next: Place,
}

/// An entry that was taken out of its slot, or is to come into one.
pub(crate) struct Slot {
    pub(crate) key: Key,
    pub(crate) entry: Entry<Value>,
    pub(crate) weight: u32,
    pub(crate) protected: bool,
    /// What the policy, and nobody else, knows it by.
    pub(crate) standing: Standing,
}

/// In which of a policy's queues an entry is, and how often it was read there.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Standing {
    pub(crate) second: bool,
    pub(crate) reads: u8,
}

/// The slots of a shard, found by key or by place.
#[derive(Default)]
pub(crate) struct Slots {
    places: HashTable<Place>,
    hot: Slab<Hot>,
    cold: Vec<Cold>,
}

impl Slots {
    #[inline]
    pub(crate) fn find(&self, key: &impl LookupKey) -> Option<Place> {
        self.places.find(key.hashed(), |place| key.equivalent(self.key(*place))).copied()
    }

    /// Whether the place is taken.
    pub(crate) fn is_taken(&self, place: Place) -> bool {
        self.hot.contains(place as usize)
    }

    #[inline]
    pub(crate) fn held(&self, place: Place) -> Held<'_> {
        let Hot { value, stale_at, flags, .. } = self.hot(place);
        Held::new(value.as_ref(), *stale_at, flags & TAGGED != 0, &self.cold[place as usize].meta)
    }

    #[inline]
    pub(crate) fn key(&self, place: Place) -> &Key {
        &self.hot(place).key
    }

    pub(crate) fn meta(&self, place: Place) -> &Meta {
        &self.cold[place as usize].meta
    }

    pub(crate) fn weight(&self, place: Place) -> u32 {
        self.hot(place).weight
    }

    pub(crate) fn is_protected(&self, place: Place) -> bool {
        self.hot(place).flags & PROTECTED != 0
    }

    pub(crate) fn set_protected(&mut self, place: Place, protected: bool) {
        set(&mut self.hot[place as usize].flags, PROTECTED, protected);
    }

    pub(crate) fn standing(&self, place: Place) -> Standing {
        let Hot { flags, reads, .. } = self.hot(place);
        Standing { second: flags & RANK != 0, reads: reads.load(Ordering::Relaxed) }
    }

    pub(crate) fn set_standing(&mut self, place: Place, standing: Standing) {
        let Hot { flags, reads, .. } = &mut self.hot[place as usize];
        set(flags, RANK, standing.second);
        *reads.get_mut() = standing.reads;
    }

    /// Notes that an entry was read. Two reads at once may count as one.
    #[inline]
    pub(crate) fn note_read(&self, place: Place) {
        let reads = &self.hot(place).reads;
        let noted = reads.load(Ordering::Relaxed);
        if noted < MOST_READS {
            reads.store(noted + 1, Ordering::Relaxed);
        }
    }

    /// Puts in an entry whose key is not held.
    pub(crate) fn insert(&mut self, slot: Slot) -> Place {
        let Slot { key, entry: Entry { value, meta }, weight, protected, standing } = slot;
        let hash = key.hash();
        let flags = if meta.tags().is_empty() { 0 } else { TAGGED };
        let (stale_at, reads) = (meta.stale_at, AtomicU8::new(0));
        let place = self.hot.insert(Hot { key, value, stale_at, weight, reads, flags }) as Place;
        let cold = Cold { meta, previous: NONE, next: NONE };
        match self.cold.get_mut(place as usize) {
            Some(free) => *free = cold,
            None => self.cold.push(cold),
        }
        self.set_protected(place, protected);
        self.set_standing(place, standing);
        self.places.insert_unique(hash, place, |at| self.hot[*at as usize].key.hash());
        place
    }

    /// Takes out the entry at a place, which runs in no queue any more.
    pub(crate) fn remove(&mut self, place: Place) -> Slot {
        let (protected, standing) = (self.is_protected(place), self.standing(place));
        let Hot { key, value, weight, .. } = self.hot.remove(place as usize);
        let nothing = Meta::new(Timestamp::MIN, Ttl::NONE);
        let meta = std::mem::replace(&mut self.cold[place as usize].meta, nothing);
        if let Ok(found) = self.places.find_entry(key.hash(), |at| *at == place) {
            found.remove();
        }
        Slot { key, entry: Entry { value, meta }, weight, protected, standing }
    }

    pub(crate) fn len(&self) -> usize {
        self.hot.len()
    }

    /// All places are below this.
    pub(crate) fn end(&self) -> Place {
        self.cold.len() as Place
    }

    #[inline]
    fn hot(&self, place: Place) -> &Hot {
        &self.hot[place as usize]
    }
}

fn set(flags: &mut u8, flag: u8, on: bool) {
    *flags = if on { *flags | flag } else { *flags & !flag };
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
        self.weight += u64::from(slots.weight(place));
        self.len += 1;
        let cold = &mut slots.cold;
        (cold[place as usize].previous, cold[place as usize].next) = (self.last, NONE);
        match self.last {
            NONE => self.first = place,
            last => cold[last as usize].next = place,
        }
        self.last = place;
    }

    pub(crate) fn unlink(&mut self, slots: &mut Slots, place: Place) {
        self.weight -= u64::from(slots.weight(place));
        self.len -= 1;
        let cold = &mut slots.cold;
        let Cold { previous, next, .. } = cold[place as usize];
        match previous {
            NONE => self.first = next,
            previous => cold[previous as usize].next = next,
        }
        match next {
            NONE => self.last = previous,
            next => cold[next as usize].previous = previous,
        }
    }
}
