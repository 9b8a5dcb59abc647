//! The slots in which a shard keeps its entries, and the queues that link slots.

use std::sync::atomic::{AtomicU8, Ordering};

use cache_core::{Entry, Key, LookupKey, Meta, Timestamp, Ttl};
use hashbrown::HashTable;
use slab::Slab;

use crate::store::{entry_ref::EntryRef, stored::Stored};

/// Stands for no slot.
const NO_SLOT: u32 = u32::MAX;

/// The count of reads stops here, so that a slot that is read often is no longer written to.
const MAX_COUNTED_READS: u8 = 3;

/// The flags of a slot: its entry has tags, is protected, is in the main queue of its policy.
const TAGGED: u8 = 1;
const PROTECTED: u8 = 2;
const IN_MAIN: u8 = 4;

/// The number of a slot within its shard.
pub(crate) type SlotId = u32;

/// The part of an entry that a hit reads, in one cache line.
#[repr(align(64))]
struct Hot {
    key: Key,
    /// Empty if the source said that the key does not exist.
    value: Stored,
    stale_at: Timestamp,
    weight: u32,
    reads: AtomicU8,
    flags: u8,
}

const _: () = assert!(size_of::<Hot>() == 64, "a hit reads one cache line");

/// The rest of an entry, under the same number.
struct Cold {
    meta: Meta,
    previous: SlotId,
    next: SlotId,
}

/// An entry outside its slot: about to be inserted, or just removed.
pub(crate) struct ShardEntry {
    pub(crate) key: Key,
    pub(crate) entry: Entry<Stored>,
    pub(crate) weight: u32,
    pub(crate) protected: bool,
    /// What the policy alone reads and writes.
    pub(crate) policy_state: PolicyState,
}

/// Which of its policy's queues an entry is in, and how often it was read there.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct PolicyState {
    pub(crate) in_main: bool,
    pub(crate) reads: u8,
}

/// The slots of a shard, found by key or by number.
#[derive(Default)]
pub(crate) struct Slots {
    index: HashTable<SlotId>,
    hot: Slab<Hot>,
    cold: Vec<Cold>,
}

impl Slots {
    #[inline]
    pub(crate) fn find(&self, key: &impl LookupKey) -> Option<SlotId> {
        self.index.find(key.hashed(), |slot| key.equivalent(self.key(*slot))).copied()
    }

    /// Whether the slot holds an entry.
    pub(crate) fn is_taken(&self, slot: SlotId) -> bool {
        self.hot.contains(slot as usize)
    }

    #[inline]
    pub(crate) fn entry_ref(&self, slot: SlotId) -> EntryRef<'_> {
        let Hot { value, stale_at, flags, .. } = self.hot(slot);
        EntryRef::new(value.get(), *stale_at, flags & TAGGED != 0, &self.cold[slot as usize].meta)
    }

    #[inline]
    pub(crate) fn key(&self, slot: SlotId) -> &Key {
        &self.hot(slot).key
    }

    pub(crate) fn meta(&self, slot: SlotId) -> &Meta {
        &self.cold[slot as usize].meta
    }

    pub(crate) fn weight(&self, slot: SlotId) -> u32 {
        self.hot(slot).weight
    }

    pub(crate) fn is_protected(&self, slot: SlotId) -> bool {
        self.hot(slot).flags & PROTECTED != 0
    }

    pub(crate) fn set_protected(&mut self, slot: SlotId, protected: bool) {
        set(&mut self.hot[slot as usize].flags, PROTECTED, protected);
    }

    pub(crate) fn policy_state(&self, slot: SlotId) -> PolicyState {
        let Hot { flags, reads, .. } = self.hot(slot);
        PolicyState { in_main: flags & IN_MAIN != 0, reads: reads.load(Ordering::Relaxed) }
    }

    pub(crate) fn set_policy_state(&mut self, slot: SlotId, policy_state: PolicyState) {
        let Hot { flags, reads, .. } = &mut self.hot[slot as usize];
        set(flags, IN_MAIN, policy_state.in_main);
        *reads.get_mut() = policy_state.reads;
    }

    /// Counts a read of an entry. Two reads at the same moment may count as one.
    #[inline]
    pub(crate) fn count_read(&self, slot: SlotId) {
        let reads = &self.hot(slot).reads;
        let counted = reads.load(Ordering::Relaxed);
        if counted < MAX_COUNTED_READS {
            reads.store(counted + 1, Ordering::Relaxed);
        }
    }

    /// Inserts an entry whose key is in no slot.
    pub(crate) fn insert(&mut self, incoming: ShardEntry) -> SlotId {
        let ShardEntry { key, entry: Entry { value, meta }, weight, protected, policy_state } = incoming;
        let hash = key.hash();
        let flags = if meta.tags().is_empty() { 0 } else { TAGGED };
        let (value, stale_at, reads) = (value.unwrap_or_default(), meta.stale_at, AtomicU8::new(0));
        let slot = self.hot.insert(Hot { key, value, stale_at, weight, reads, flags }) as SlotId;
        let cold = Cold { meta, previous: NO_SLOT, next: NO_SLOT };
        match self.cold.get_mut(slot as usize) {
            Some(free) => *free = cold,
            None => self.cold.push(cold),
        }
        self.set_protected(slot, protected);
        self.set_policy_state(slot, policy_state);
        self.index.insert_unique(hash, slot, |at| self.hot[*at as usize].key.hash());
        slot
    }

    /// Removes and returns the entry of a slot, which must be in no queue.
    pub(crate) fn remove(&mut self, slot: SlotId) -> ShardEntry {
        let (protected, policy_state) = (self.is_protected(slot), self.policy_state(slot));
        let Hot { key, value, weight, .. } = self.hot.remove(slot as usize);
        let value = Some(value).filter(|value| value.get().is_some());
        let empty = Meta::new(Timestamp::MIN, Ttl::NONE);
        let meta = std::mem::replace(&mut self.cold[slot as usize].meta, empty);
        if let Ok(found) = self.index.find_entry(key.hash(), |at| *at == slot) {
            found.remove();
        }
        ShardEntry { key, entry: Entry { value, meta }, weight, protected, policy_state }
    }

    pub(crate) fn len(&self) -> usize {
        self.hot.len()
    }

    /// Returns a number above that of every slot.
    pub(crate) fn end(&self) -> SlotId {
        self.cold.len() as SlotId
    }

    #[inline]
    fn hot(&self, slot: SlotId) -> &Hot {
        &self.hot[slot as usize]
    }
}

fn set(flags: &mut u8, flag: u8, on: bool) {
    *flags = if on { *flags | flag } else { *flags & !flag };
}

/// A queue that links some of the slots. A slot is in one queue at most.
#[derive(Debug)]
pub(crate) struct SlotQueue {
    first: SlotId,
    last: SlotId,
    len: usize,
    weight: u64,
}

impl Default for SlotQueue {
    fn default() -> Self {
        Self { first: NO_SLOT, last: NO_SLOT, len: 0, weight: 0 }
    }
}

impl SlotQueue {
    pub(crate) fn first(&self) -> Option<SlotId> {
        (self.first != NO_SLOT).then_some(self.first)
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn weight(&self) -> u64 {
        self.weight
    }

    pub(crate) fn push(&mut self, slots: &mut Slots, slot: SlotId) {
        self.weight += u64::from(slots.weight(slot));
        self.len += 1;
        let cold = &mut slots.cold;
        (cold[slot as usize].previous, cold[slot as usize].next) = (self.last, NO_SLOT);
        match self.last {
            NO_SLOT => self.first = slot,
            last => cold[last as usize].next = slot,
        }
        self.last = slot;
    }

    pub(crate) fn unlink(&mut self, slots: &mut Slots, slot: SlotId) {
        self.weight -= u64::from(slots.weight(slot));
        self.len -= 1;
        let cold = &mut slots.cold;
        let Cold { previous, next, .. } = cold[slot as usize];
        match previous {
            NO_SLOT => self.first = next,
            previous => cold[previous as usize].next = next,
        }
        match next {
            NO_SLOT => self.last = previous,
            next => cold[next as usize].previous = previous,
        }
    }
}
