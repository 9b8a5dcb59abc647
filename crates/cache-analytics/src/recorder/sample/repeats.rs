//! Hits that are counted without a lock, beside the last access of their key in the log.

use std::sync::atomic::{AtomicU64, Ordering};

/// For how many keys hits are counted so: one a slot, and about as many slots as keys are remembered, so that few
/// of them take turns in one.
const SLOTS: usize = 4096;

/// The hits of the key that has a slot: in the upper half what tells it apart from others that could have the
/// slot, in the lower one how many. Both are one word, so that each hit is counted for its key, and once.
#[derive(Debug)]
pub(super) struct Repeats(Box<[AtomicU64]>);

/// Whose slots they are, by hash: known to whoever has the lock of the sample.
#[derive(Debug)]
pub(super) struct Owners(Box<[u64]>);

impl Default for Repeats {
    fn default() -> Self {
        Self((0..SLOTS).map(|_| AtomicU64::new(0)).collect())
    }
}

impl Default for Owners {
    fn default() -> Self {
        Self(vec![0; SLOTS].into())
    }
}

impl Repeats {
    /// Counts a hit, if the key has its slot. Returns whether it has.
    #[inline]
    pub(super) fn count(&self, hash: u64) -> bool {
        let slot = &self.0[slot(hash)];
        let mut counted = slot.load(Ordering::Relaxed);
        while counted >> 32 == tag(hash) && counted as u32 != u32::MAX {
            match slot.compare_exchange_weak(counted, counted + 1, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return true,
                Err(now) => counted = now,
            }
        }
        false
    }

    /// Gives its slot to a key. Returns what the one before had: see [`take`](Self::take).
    pub(super) fn give(&self, owners: &mut Owners, hash: u64) -> Option<(u64, u32)> {
        let before = self.take_slot(owners, slot(hash));
        owners.0[slot(hash)] = hash;
        self.0[slot(hash)].store(tag(hash) << 32, Ordering::Relaxed);
        before
    }

    /// Takes its slot from a key. Returns the key and its hits, if it has a slot and there were any.
    pub(super) fn take(&self, owners: &mut Owners, hash: u64) -> Option<(u64, u32)> {
        if owners.0[slot(hash)] == hash { self.take_slot(owners, slot(hash)) } else { None }
    }

    /// Takes all slots. Returns the keys and their hits.
    pub(super) fn take_all(&self, owners: &mut Owners) -> impl Iterator<Item = (u64, u32)> {
        (0..SLOTS).filter_map(|slot| self.take_slot(owners, slot))
    }

    fn take_slot(&self, owners: &mut Owners, slot: usize) -> Option<(u64, u32)> {
        if self.0[slot].load(Ordering::Relaxed) == 0 {
            return None;
        }
        let hits = self.0[slot].swap(0, Ordering::Relaxed) as u32;
        let owner = std::mem::take(&mut owners.0[slot]);
        (hits > 0).then_some((owner, hits))
    }
}

#[inline]
fn slot(hash: u64) -> usize {
    hash as usize % SLOTS
}

/// Returns what tells the key of a slot from others; never 0, which no key has.
#[inline]
fn tag(hash: u64) -> u64 {
    hash >> 32 | 1
}
