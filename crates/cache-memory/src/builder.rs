//! The settings of a near tier.

use std::thread;

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

/// The least that a shard should hold for its policy to work well: in bytes, and in entries.
const MIN_SHARD_BYTES: u64 = 4 << 20;
const MIN_SHARD_ENTRIES: u64 = 4096;

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
    /// ignore it. Default: chosen by the number of processors and the budget. With one shard, `fifo` and
    /// `ttl` are exact; with more, each shard keeps its own order.
    #[must_use]
    pub fn shards(mut self, shards: usize) -> Self {
        self.shards = Some(shards.clamp(1, 1 << 16));
        self
    }

    /// Returns a near tier with these settings.
    #[must_use]
    pub fn build(self) -> Memory {
        let (limit, shard_minimum) = match self.budget {
            Capacity::Bytes(bytes) => (bytes, MIN_SHARD_BYTES),
            Capacity::Entries(entries) => (entries, MIN_SHARD_ENTRIES),
        };
        let weigher = match (self.budget, self.eviction) {
            (Capacity::Entries(_), _) => Weigher::Entries,
            (_, policy) if policy.has_fixed_budget() => Weigher::Bytes { overhead: MOKA_ENTRY_OVERHEAD },
            _ => Weigher::Bytes { overhead: ENTRY_OVERHEAD },
        };
        let shards = self.shards.map(usize::next_power_of_two).unwrap_or_else(|| {
            let processors = thread::available_parallelism().map_or(1, usize::from);
            let worthwhile = usize::try_from(limit / shard_minimum).unwrap_or(usize::MAX).clamp(1, 1024);
            // Rounded down, so that each is large enough.
            (4 * processors).next_power_of_two().min(1 << worthwhile.ilog2())
        });
        let protected_share = self.protected_share;
        let protected = share_of(limit, protected_share);
        Memory::new(self.eviction, Bounds { limit, protected, protected_share, weigher, shards })
    }
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
