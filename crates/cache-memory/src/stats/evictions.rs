//! Which entries left memory, and why: counted and logged.

use std::sync::atomic::{AtomicU64, Ordering};

use cache_core::{Entry, Key};

use crate::{eviction::Eviction, store::stored::Stored};

/// Why an entry left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// There was no room for another entry.
    Size,
    /// The entry was dead.
    Expired,
    /// The entry was removed by key, by pattern or by clearing memory.
    Removed,
    /// An entry born later took its place.
    Replaced,
    /// The entry weighs more than memory may hold at all.
    Oversized,
}

impl Cause {
    const KINDS: usize = Self::Oversized as usize + 1;

    fn as_str(self) -> &'static str {
        match self {
            Self::Size => "size",
            Self::Expired => "expired",
            Self::Removed => "removed",
            Self::Replaced => "replaced",
            Self::Oversized => "oversized",
        }
    }
}

/// How many entries left memory, by cause.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Evictions {
    /// Evicted for space.
    pub size: u64,
    /// Dead, and reclaimed by a sweep.
    pub expired: u64,
    /// Removed by key, by pattern or by clearing memory.
    pub removed: u64,
    /// Replaced by an entry born later.
    pub replaced: u64,
    /// Heavier than memory may hold at all, and so never held.
    pub oversized: u64,
}

/// Counts and logs the entries that leave.
#[derive(Debug)]
pub(crate) struct EvictionLog {
    policy: Eviction,
    counts: [AtomicU64; Cause::KINDS],
}

impl EvictionLog {
    pub(crate) fn new(policy: Eviction) -> Self {
        Self { policy, counts: Default::default() }
    }

    pub(crate) fn record(&self, cause: Cause, key: &Key, weight: u32) {
        self.counts[cause as usize].fetch_add(1, Ordering::Relaxed);
        if cause != Cause::Replaced {
            let (cause, policy) = (cause.as_str(), self.policy.as_str());
            tracing::debug!(%key, cause, weight, policy, "evicted from memory");
        }
    }

    pub(crate) fn counts(&self) -> Evictions {
        let count = |cause: Cause| self.counts[cause as usize].load(Ordering::Relaxed);
        Evictions {
            size: count(Cause::Size),
            expired: count(Cause::Expired),
            removed: count(Cause::Removed),
            replaced: count(Cause::Replaced),
            oversized: count(Cause::Oversized),
        }
    }
}

/// Entries that left a shard, to be dropped when its lock is no longer held: the `drop` of a value may
/// take long, and no reader waits for it.
#[derive(Default)]
pub(crate) struct Evicted(Vec<(Cause, Key, Entry<Stored>, u32)>);

impl Evicted {
    pub(crate) fn push(&mut self, cause: Cause, key: Key, entry: Entry<Stored>, weight: u32) {
        self.0.push((cause, key, entry, weight));
    }

    /// Records all of them, drops them, and returns how many there were.
    pub(crate) fn record(&mut self, log: &EvictionLog) -> u64 {
        let count = self.0.len() as u64;
        for (cause, key, _, weight) in self.0.drain(..) {
            log.record(cause, &key, weight);
        }
        count
    }
}
