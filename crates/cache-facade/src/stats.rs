//! What a cache and a region did in numbers, and whether the tiers and the bus work.

use cache_core::Error;
use cache_memory::MemoryStats;
use serde::Serialize;

/// A cache in numbers, since it was built. It serialises as it is, an error as its text.
#[derive(Clone, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct Stats {
    /// The near tier; its hits include stale ones.
    pub memory: MemoryStats,
    /// Reads that the near tier answered with a stale value, in grace.
    pub memory_stale: u64,
    /// Keys that a tier behind it answered for a read, stale ones included. What was brought to memory for
    /// nobody's read is among the hits of its tier alone.
    pub tier_hits: u64,
    /// Stale values of the tiers behind, in grace, that were served in place of a load.
    pub tier_stale: u64,
    /// Reads that waited for someone else's load.
    pub coalesced: u64,
    /// Calls of loaders.
    pub loads: u64,
    /// Keys asked for in these calls.
    pub loaded_keys: u64,
    /// Keys that could not be loaded.
    pub load_failures: u64,
    /// Loads whose result came after the hard timeout and was still stored, unless something newer was.
    pub late_loads: u64,
    /// Values put.
    pub puts: u64,
    /// Values that their codec can't carry, put or loaded, which memory alone holds.
    pub codec_failures: u64,
    /// Loaded values that are too large to be stored anywhere: they are answered, and loaded again by each read.
    pub too_large: u64,
    /// Calls that removed keys, invalidated a tag or cleared.
    pub removals: u64,
    /// Times that an observer panicked. The cache goes on as if it had not.
    pub observer_panics: u64,
    /// Flights under way: keys that are being fetched.
    pub flights: u64,
    /// Each region that was opened, by kind. What a region has of the counts above is part of them.
    pub regions: Vec<RegionStats>,
    /// Each tier behind the near one, in order.
    pub tiers: Vec<TierStats>,
    /// The bus, if there is one.
    pub bus: Option<BusStats>,
}

impl Stats {
    /// The share of reads answered without a loader, `0.0..=1.0`; zero before the first read.
    #[must_use]
    pub fn hit_rate(&self) -> f64 {
        hit_rate(self.memory.hits, self.tier_hits, self.memory.misses)
    }
}

/// A region in numbers, since it was first opened.
#[derive(Clone, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct RegionStats {
    /// Its kind.
    pub kind: String,
    /// Reads that the near tier answered, stale ones included.
    pub hits: u64,
    /// Keys that a tier behind it answered, stale ones included.
    pub tier_hits: u64,
    /// Of both, those that were answered with a stale value, in grace.
    pub stale: u64,
    /// Reads that the near tier could not answer.
    pub misses: u64,
    /// Reads that waited for someone else's load.
    pub coalesced: u64,
    /// Calls of loaders.
    pub loads: u64,
    /// Keys asked for in these calls.
    pub loaded_keys: u64,
    /// Keys that could not be loaded.
    pub load_failures: u64,
    /// Values put.
    pub puts: u64,
    /// Calls that removed keys or cleared the region. What is removed by tag, by pattern or with the whole cache
    /// counts for no region.
    pub removals: u64,
}

impl RegionStats {
    /// The share of reads answered without a loader, `0.0..=1.0`; zero before the first read.
    #[must_use]
    pub fn hit_rate(&self) -> f64 {
        hit_rate(self.hits, self.tier_hits, self.misses)
    }
}

/// The share of reads that memory or a tier behind it answered.
fn hit_rate(hits: u64, behind: u64, misses: u64) -> f64 {
    let reads = hits + misses;
    if reads == 0 { 0.0 } else { (hits + behind).min(reads) as f64 / reads as f64 }
}

/// A tier in numbers.
#[derive(Clone, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct TierStats {
    /// Its name.
    pub name: &'static str,
    /// Keys found and usable.
    pub hits: u64,
    /// Keys not found, or found and not usable.
    pub misses: u64,
    /// Calls that failed.
    pub errors: u64,
    /// Values found that could not be read, by the tier itself or by the cache.
    pub corrupt: u64,
    /// Values that it would not store: too large, or it may no longer take them. What came before such a value
    /// is not served from it.
    pub refused: u64,
    /// Writes and removals that it could not take, which are retried once it works.
    pub pending: u64,
    /// Writes that were dropped: too many were pending, or the tier refused one again and again.
    pub lost: u64,
    /// Removals by pattern that are under way or owed, each of which goes on to its end however long it takes.
    pub removing: u64,
}

/// The bus in numbers.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct BusStats {
    /// Its name.
    pub name: &'static str,
    /// Messages sent.
    pub sent: u64,
    /// Messages received from other nodes.
    pub received: u64,
    /// Incremented each time memory is marked unproven and emptied, because messages may have been lost.
    pub unproven: u64,
    /// Calls that failed, connections that were lost, and messages that could not be read.
    pub errors: u64,
    /// Whether this node receives what others publish, and can publish itself.
    pub connected: bool,
    /// Why not, when it last failed.
    pub error: Option<Error>,
}

/// How a cache is.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Health {
    /// Whether every tier worked when last asked, and the bus, if there is one, works.
    pub healthy: bool,
    /// The bus.
    pub bus: Option<BusStats>,
    /// Each tier behind the near one, in order.
    pub tiers: Vec<TierHealth>,
    /// By how many microseconds this machine's clock is ahead of that of the shared server, if by more than a
    /// second. The cache goes by the server's, so nothing is wrong with its answers.
    pub clock_ahead_micros: Option<i64>,
}

/// How a tier is.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct TierHealth {
    /// Its name.
    pub name: &'static str,
    /// Why it failed when last asked; `None` if it did not.
    pub error: Option<Error>,
}
