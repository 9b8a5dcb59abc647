//! What is counted of a kind.

use std::{
    ops::{Add, Sub},
    sync::atomic::{AtomicU64, Ordering},
};

use cache_core::EvictionCause;

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Measure {
    /// Reads that memory answered, stale ones included.
    MemoryHit,
    MemoryStale,
    /// Reads that memory could not answer, by how they ended.
    Found,
    FoundStale,
    Loaded,
    Nothing,
    Failed,
    Cancelled,
    /// Those of them that waited for what another read had begun.
    Joined,
    /// Of those that waited so, the ones that are misses.
    JoinedMiss,
    /// How long they and the others waited.
    JoinedMicros,
    WaitedMicros,
    /// Calls of loaders, the keys in them, and those that failed.
    Call,
    FailedCall,
    CalledKey,
    FailedKey,
    /// Loads of what was at hand of which it is known whether it had changed, those that had not, and how old it
    /// was.
    Refreshed,
    Unchanged,
    RefreshedAfterMicros,
    Put,
    /// Entries that left memory, by cause.
    LeftBySize,
    LeftExpired,
    LeftRemoved,
    LeftReplaced,
    LeftOversized,
}

const COUNTED: usize = Measure::LeftOversized as usize + 1;

impl Measure {
    /// What counts entries that left memory, by the names of the causes.
    pub(crate) const LEFT: [(&str, Self); 5] = [
        ("size", Self::LeftBySize),
        ("expired", Self::LeftExpired),
        ("removed", Self::LeftRemoved),
        ("replaced", Self::LeftReplaced),
        ("oversized", Self::LeftOversized),
    ];

    /// Returns what counts entries that leave like this.
    pub(crate) fn left(cause: EvictionCause) -> Option<Self> {
        match cause {
            EvictionCause::Size => Some(Self::LeftBySize),
            EvictionCause::Expired => Some(Self::LeftExpired),
            EvictionCause::Removed => Some(Self::LeftRemoved),
            EvictionCause::Replaced => Some(Self::LeftReplaced),
            EvictionCause::Oversized => Some(Self::LeftOversized),
            _ => None,
        }
    }
}

/// Counts that go on.
#[derive(Debug, Default)]
pub(super) struct Counters([AtomicU64; COUNTED]);

impl Counters {
    pub(super) fn add(&self, counted: Measure, amount: u64) {
        self.0[counted as usize].fetch_add(amount, Ordering::Relaxed);
    }

    pub(super) fn totals(&self) -> Totals {
        Totals(std::array::from_fn(|at| self.0[at].load(Ordering::Relaxed)))
    }
}

/// Counts as they were at a moment, or in a span.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals([u64; COUNTED]);

impl Totals {
    pub(crate) fn get(&self, counted: Measure) -> u64 {
        self.0[counted as usize]
    }

    pub(super) fn add(&mut self, counted: Measure, amount: u64) {
        self.0[counted as usize] += amount;
    }

    /// Returns the reads that memory or a tier answered.
    pub(crate) fn hits(&self) -> u64 {
        self.get(Measure::MemoryHit) + self.get(Measure::Found) + self.get(Measure::FoundStale)
    }

    /// Returns the reads that ended without an answer of memory or a tier.
    pub(crate) fn misses(&self) -> u64 {
        let ended = self.get(Measure::Failed) + self.get(Measure::Cancelled);
        self.get(Measure::Loaded) + self.get(Measure::Nothing) + ended
    }

    /// Returns the misses that a loader was to answer: not those for which nobody loads.
    pub(crate) fn wanted(&self) -> u64 {
        self.misses() - self.get(Measure::Nothing)
    }

    /// Returns the reads that have ended.
    pub(super) fn reads(&self) -> u64 {
        self.hits() + self.misses()
    }
}

impl Add for Totals {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(std::array::from_fn(|at| self.0[at] + other.0[at]))
    }
}

impl Sub for Totals {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self(std::array::from_fn(|at| self.0[at].saturating_sub(other.0[at])))
    }
}
