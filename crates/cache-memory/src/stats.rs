//! The near tier in numbers.

pub(crate) mod evictions;
pub(crate) mod hottest;
pub(crate) mod reads;

use crate::{eviction::Eviction, stats::evictions::Evictions};

/// A snapshot of the near tier.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MemoryStats {
    /// Which entry goes first.
    pub eviction: Eviction,
    /// Entries held, protected ones included.
    pub entries: u64,
    /// What they weigh: bytes, or entries if that is what the budget is in.
    pub weight: u64,
    /// What they may weigh.
    pub budget: u64,
    /// Reads that found what could be served.
    pub hits: u64,
    /// Reads that did not.
    pub misses: u64,
    /// Entries that left, by cause, since the start.
    pub evictions: Evictions,
    /// Entries that are protected from eviction.
    pub protected: u64,
    /// What those weigh.
    pub protected_weight: u64,
    /// Removed keys and patterns that are remembered, to refuse loads that began before.
    pub tombstones: u64,
}
