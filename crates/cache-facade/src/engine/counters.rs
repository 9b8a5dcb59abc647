//! Counts of what is done off the hit path, of a region or of no region; memory counts hits and misses.

use std::sync::atomic::{AtomicU64, Ordering};

/// What is counted.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Count {
    MemoryStale,
    /// What the tiers behind memory answered, stale ones included.
    TierHit,
    TierStale,
    Coalesced,
    Load,
    LoadedKey,
    LoadFailure,
    LateLoad,
    Put,
    CodecFailure,
    TooLarge,
    Removal,
}

const COUNTS: usize = Count::Removal as usize + 1;

/// The counts since the start.
#[derive(Debug, Default)]
pub(crate) struct Counters([AtomicU64; COUNTS]);

impl Counters {
    pub(crate) fn bump(&self, count: Count) {
        self.add(count, 1);
    }

    pub(crate) fn add(&self, count: Count, amount: u64) {
        self.0[count as usize].fetch_add(amount, Ordering::Relaxed);
    }

    pub(crate) fn total(&self, count: Count) -> u64 {
        self.0[count as usize].load(Ordering::Relaxed)
    }
}
