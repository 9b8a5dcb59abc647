//! What left memory, and why: counted, and logged.

use std::sync::atomic::{AtomicU64, Ordering};

use cache_core::{Entry, Key};

use crate::{eviction::Eviction, memory::Value};

/// Why an entry left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// There was no room for another.
    Size,
    /// It was dead.
    Expired,
    /// Someone removed it.
    Removed,
    /// A later born took its place.
    Replaced,
    /// It weighs more than may be held at all.
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
    /// For space.
    pub size: u64,
    /// Dead, and reclaimed.
    pub expired: u64,
    /// Removed by key, pattern or clear.
    pub removed: u64,
    /// Replaced by a later born entry.
    pub replaced: u64,
    /// Heavier than all that may be held, and so never held.
    pub oversized: u64,
}

/// Takes note of what leaves.
#[derive(Debug)]
pub(crate) struct Departures {
    policy: Eviction,
    counts: [AtomicU64; Cause::KINDS],
}

impl Departures {
    pub(crate) fn new(policy: Eviction) -> Self {
        Self { policy, counts: Default::default() }
    }

    pub(crate) fn note(&self, cause: Cause, key: &Key, weight: u32) {
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

/// Entries on their way out, to be dropped when no shard's lock is held any more: a value's own `drop` may
/// take long, and readers are not to wait for it.
#[derive(Default)]
pub(crate) struct Gone(Vec<(Cause, Key, Entry<Value>, u32)>);

impl Gone {
    pub(crate) fn push(&mut self, cause: Cause, key: Key, entry: Entry<Value>, weight: u32) {
        self.0.push((cause, key, entry, weight));
    }

    /// Takes note of all, drops them, and answers how many there were.
    pub(crate) fn report(&mut self, departures: &Departures) -> u64 {
        let count = self.0.len() as u64;
        for (cause, key, _, weight) in self.0.drain(..) {
            departures.note(cause, &key, weight);
        }
        count
    }
}
