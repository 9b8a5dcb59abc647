//! The settings of a near tier.

use crate::{eviction::Eviction, memory::Memory, store::Bounds, store::weight::Weigher};

/// The budget of a near tier unless another is set.
const DEFAULT_BUDGET_MIB: u64 = 64;

/// The resident bytes that an entry of our own stores takes beside its key's text and its value: its slot,
/// its place in the index, its ghost when it is evicted, the headers of two allocations, and what the
/// allocator adds (docs/adr/0014 has the figures).
const ENTRY_OVERHEAD: usize = 224;

/// The same for moka: its table slot and queue nodes, the entry itself, and what the allocator adds
/// (docs/adr/0004 has the figures).
const MOKA_ENTRY_OVERHEAD: usize = 544;

/// What a shard holds, in bytes or in entries: enough for its policy to work well, and so few that the growth of
/// its table, for which readers wait, takes less than a millisecond.
const SHARD_BYTES: u64 = 4 << 20;
const SHARD_ENTRIES: u64 = 4096;

/// The most shards.
const MAX_SHARDS: usize = 1 << 16;

/// Settings of a near tier.
///
/// ```
/// use cache_memory::{Eviction, Memory};
///
/// let memory = Memory::builder().mib(256).eviction(Eviction::Hybrid).protected_share(0.2).build();
/// assert_eq!(memory.stats().budget, 256 << 20);
///
/// let few = Memory::builder().entries(1000).eviction(Eviction::Fifo).build();
/// assert_eq!(few.stats().budget, 1000);
/// ```
#[derive(Clone, Debug)]
pub struct MemoryBuilder {
    budget: Capacity,
    eviction: Eviction,
    protected_share: f64,
    shards: Option<usize>,
}

#[derive(Clone, Copy, Debug)]
enum Capacity {
    Bytes(u64),
    Entries(u64),
}

impl Default for MemoryBuilder {
    fn default() -> Self {
        Self {
            budget: Capacity::Bytes(DEFAULT_BUDGET_MIB << 20),
            eviction: Eviction::default(),
            protected_share: 0.0,
            shards: None,
        }
    }
}

impl MemoryBuilder {
    /// Bounds the weight of all entries together, in bytes. Default: 64 MiB.
    #[must_use]
    pub fn bytes(mut self, bytes: u64) -> Self {
        self.budget = Capacity::Bytes(bytes);
        self
    }

    /// Bounds the weight of all entries together, in mebibytes.
    #[must_use]
    pub fn mib(self, mib: u64) -> Self {
        self.bytes(mib.saturating_mul(1 << 20))
    }

    /// Bounds the number of entries, whatever their size.
    #[must_use]
    pub fn entries(mut self, entries: u64) -> Self {
        self.budget = Capacity::Entries(entries);
        self
    }

    /// Sets the eviction policy. Default: [`Eviction::Hybrid`].
    #[must_use]
    pub fn eviction(mut self, eviction: Eviction) -> Self {
        self.eviction = eviction;
        self
    }

    /// Sets the share of the budget, `0.0..=1.0`, that entries protected from eviction may take. With `lru`
    /// and `lfu` it is set aside for them; with the other policies other entries use it until they need
    /// it. Default: 0, nothing can be protected.
    #[must_use]
    pub fn protected_share(mut self, share: f64) -> Self {
        self.protected_share = if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.0 };
        self
    }

    /// Sets the number of shards, each with its own lock, rounded up to a power of two. `lru` and `lfu`
    /// ignore it. Default: chosen by the budget, one for 4 MiB or for 4,096 entries. With one shard, `fifo` and
    /// `ttl` are exact; with more, each shard keeps its own order. The more entries share a shard, the longer
    /// its readers wait when its table grows: at 100,000 entries it is some milliseconds.
    #[must_use]
    pub fn shards(mut self, shards: usize) -> Self {
        self.shards = Some(shards.clamp(1, MAX_SHARDS));
        self
    }

    /// Returns a near tier with these settings.
    #[must_use]
    pub fn build(self) -> Memory {
        let (limit, shard_size) = match self.budget {
            Capacity::Bytes(bytes) => (bytes, SHARD_BYTES),
            Capacity::Entries(entries) => (entries, SHARD_ENTRIES),
        };
        let weigher = match (self.budget, self.eviction) {
            (Capacity::Entries(_), _) => Weigher::Entries,
            (_, policy) if policy.has_fixed_budget() => Weigher::Bytes { overhead: MOKA_ENTRY_OVERHEAD },
            _ => Weigher::Bytes { overhead: ENTRY_OVERHEAD },
        };
        let shards = self.shards.map_or_else(|| shards_of(limit, shard_size), usize::next_power_of_two);
        let protected_share = self.protected_share;
        let protected = share_of(limit, protected_share);
        Memory::new(self.eviction, Bounds { limit, protected, protected_share, weigher, shards })
    }
}

/// Returns into how many shards a budget is divided.
fn shards_of(limit: u64, shard_size: u64) -> usize {
    let worthwhile = usize::try_from(limit / shard_size).unwrap_or(usize::MAX).clamp(1, MAX_SHARDS);
    // Rounded down, so that each is large enough.
    1 << worthwhile.ilog2()
}

/// Returns what protected entries may take of a budget.
pub(crate) fn share_of(limit: u64, share: f64) -> u64 {
    ((limit as f64 * share) as u64).min(limit)
}

impl From<MemoryBuilder> for Memory {
    fn from(builder: MemoryBuilder) -> Self {
        builder.build()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_101_no_budget_makes_shards_large() {
        assert_eq!((shards_of(0, SHARD_ENTRIES), shards_of(SHARD_ENTRIES, SHARD_ENTRIES)), (1, 1));
        for limit in [100_000, 1_000_000, 10_000_000, 100_000_000] {
            let entries = limit / shards_of(limit, SHARD_ENTRIES) as u64;
            assert!((SHARD_ENTRIES..2 * SHARD_ENTRIES).contains(&entries), "{entries} of {limit}");
        }
        assert_eq!(shards_of(u64::MAX, SHARD_BYTES), MAX_SHARDS);
    }
}
