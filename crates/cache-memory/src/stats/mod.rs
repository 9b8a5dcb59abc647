//! The statistics of the near tier.

pub(crate) mod evictions;
pub(crate) mod hottest;
pub(crate) mod reads;

use serde::Serialize;

use crate::{eviction::Eviction, stats::evictions::Evictions};

/// A snapshot of the near tier.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct MemoryStats {
    /// The eviction policy.
    pub eviction: Eviction,
    /// Entries held, protected ones included.
    pub entries: u64,
    /// The weight of those entries, in the unit of the budget: bytes or entries.
    pub weight: u64,
    /// The most that they may weigh together.
    pub budget: u64,
    /// Reads that found an entry that could be served.
    pub hits: u64,
    /// Reads that found none.
    pub misses: u64,
    /// Entries that left, by cause, since the start.
    pub evictions: Evictions,
    /// Entries that are protected from eviction.
    pub protected: u64,
    /// The weight of the protected entries.
    pub protected_weight: u64,
    /// Tombstones of keys and patterns, which refuse loads that began before the removal.
    pub tombstones: u64,
    /// Values that panicked when they were dropped, in all caches of this process.
    pub panicked_drops: u64,
}
