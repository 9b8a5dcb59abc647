//! What a cache did, and how it is.

use cache_core::Error;
use cache_memory::MemoryStats;

/// A cache in numbers, since it was built.
#[derive(Clone, Debug, Default)]
pub struct Stats {
    /// The near tier; its hits include stale ones.
    pub memory: MemoryStats,
    /// Reads answered stale from the near tier, in grace.
    pub memory_stale: u64,
    /// Reads that waited for someone else's load.
    pub coalesced: u64,
    /// Calls of loaders.
    pub loads: u64,
    /// Keys asked for in these calls.
    pub loaded_keys: u64,
    /// Keys that could not be loaded.
    pub load_failures: u64,
    /// Loads whose result came after the hard timeout.
    pub late_loads: u64,
    /// Values put.
    pub puts: u64,
    /// Calls that removed keys, invalidated a tag or cleared.
    pub removals: u64,
    /// Loads under way.
    pub flights: u64,
    /// Each tier behind the near one, in order.
    pub tiers: Vec<TierStats>,
    /// The bus, if there is one.
    pub bus: Option<BusStats>,
}

impl Stats {
    /// The share of reads answered without a loader, `0.0..=1.0`; zero before the first read.
    #[must_use]
    pub fn hit_rate(&self) -> f64 {
        let reads = self.memory.hits + self.memory.misses;
        let hits = self.memory.hits + self.tiers.iter().map(|tier| tier.hits).sum::<u64>();
        if reads == 0 { 0.0 } else { hits.min(reads) as f64 / reads as f64 }
    }
}

/// A tier in numbers.
#[derive(Clone, Debug, Default)]
pub struct TierStats {
    /// Its name.
    pub name: &'static str,
    /// Keys found and usable.
    pub hits: u64,
    /// Keys not found, or found and not usable.
    pub misses: u64,
    /// Calls that failed.
    pub errors: u64,
    /// Values found that could not be read.
    pub corrupt: u64,
    /// Writes and removals that it could not take, and will be told once it is back.
    pub pending: u64,
    /// Writes that it never will be told: too many were owed, or it refused one again and again.
    pub lost: u64,
}

/// The bus in numbers.
#[derive(Clone, Debug)]
pub struct BusStats {
    /// Its name.
    pub name: &'static str,
    /// Frames sent.
    pub sent: u64,
    /// Frames of other nodes heard.
    pub received: u64,
    /// How often frames may have been missed, and all that memory held was let go.
    pub unproven: u64,
    /// Calls that failed, connections that were lost, and frames not understood.
    pub errors: u64,
    /// Whether this node hears the others, and they hear it.
    pub connected: bool,
    /// Why not, when it last failed.
    pub error: Option<Error>,
}

/// How a cache is.
#[derive(Clone, Debug)]
pub struct Health {
    /// Whether every tier answered when last asked, and the bus, if there is one, works.
    pub healthy: bool,
    /// The bus.
    pub bus: Option<BusStats>,
    /// Each tier behind the near one, in order.
    pub tiers: Vec<TierHealth>,
}

/// How a tier is.
#[derive(Clone, Debug)]
pub struct TierHealth {
    /// Its name.
    pub name: &'static str,
    /// Why it failed when last asked; `None` if it did not.
    pub error: Option<Error>,
}
