//! Putting a near tier together.

use std::thread;

use crate::{eviction::Eviction, memory::Memory, store::Bounds, store::weight::Weigher};

/// What a near tier may weigh if nothing is said.
const MIB: u64 = 64;

/// What an entry of our own stores takes beside its key's text and its value, in resident bytes: its
/// slot, its place in the table, what is remembered of it when it goes, the heads of two allocations,
/// and what the allocator adds (docs/adr/0014 has the figures).
const OVERHEAD: usize = 224;

/// The same of moka: its table slot and queue nodes, the entry itself, what the allocator adds
/// (docs/adr/0004 has the figures).
const MOKA_OVERHEAD: usize = 544;

/// How much each shard should hold at least, for its policy to see enough: in bytes, and in entries.
const SHARD_BYTES: u64 = 4 << 20;
const SHARD_ENTRIES: u64 = 4096;

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
    budget: Budgeted,
    eviction: Eviction,
    protected_share: f64,
    shards: Option<usize>,
}

#[derive(Clone, Copy, Debug)]
enum Budgeted {
    Bytes(u64),
    Entries(u64),
}

impl Default for MemoryBuilder {
    fn default() -> Self {
        Self {
            budget: Budgeted::Bytes(MIB << 20),
            eviction: Eviction::default(),
            protected_share: 0.0,
            shards: None,
        }
    }
}

impl MemoryBuilder {
    /// Entries weigh at most so many bytes together. Default: 64 MiB.
    #[must_use]
    pub fn bytes(mut self, bytes: u64) -> Self {
        self.budget = Budgeted::Bytes(bytes);
        self
    }

    /// Entries weigh at most so many mebibytes together.
    #[must_use]
    pub fn mib(self, mib: u64) -> Self {
        self.bytes(mib.saturating_mul(1 << 20))
    }

    /// At most so many entries are held, whatever their size.
    #[must_use]
    pub fn entries(mut self, entries: u64) -> Self {
        self.budget = Budgeted::Entries(entries);
        self
    }

    /// Which entry goes first when there is no room. Default: [`Eviction::Hybrid`].
    #[must_use]
    pub fn eviction(mut self, eviction: Eviction) -> Self {
        self.eviction = eviction;
        self
    }

    /// What share of the budget, `0.0..=1.0`, entries may take that are protected from eviction. With
    /// `lru` and `lfu` it is set aside for them; with the others it is everyone's until they need it.
    /// Default: 0, nothing can be protected.
    #[must_use]
    pub fn protected_share(mut self, share: f64) -> Self {
        self.protected_share = if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.0 };
        self
    }

    /// Over how many locks entries are spread, rounded up to a power of two. `lru` and `lfu` have locks
    /// of their own. Default: by the processors there are and by the budget. With one, `fifo` and `ttl`
    /// are exact; with more, each shard goes by its own order.
    #[must_use]
    pub fn shards(mut self, shards: usize) -> Self {
        self.shards = Some(shards.clamp(1, 1 << 16));
        self
    }

    /// Builds it.
    #[must_use]
    pub fn build(self) -> Memory {
        let (limit, least) = match self.budget {
            Budgeted::Bytes(bytes) => (bytes, SHARD_BYTES),
            Budgeted::Entries(entries) => (entries, SHARD_ENTRIES),
        };
        let weigher = match (self.budget, self.eviction) {
            (Budgeted::Entries(_), _) => Weigher::Entries,
            (_, Eviction::Lru | Eviction::Lfu) => Weigher::Bytes { overhead: MOKA_OVERHEAD },
            _ => Weigher::Bytes { overhead: OVERHEAD },
        };
        let shards = self.shards.map(usize::next_power_of_two).unwrap_or_else(|| {
            let processors = thread::available_parallelism().map_or(1, usize::from);
            let worthwhile = usize::try_from(limit / least).unwrap_or(usize::MAX).clamp(1, 1024);
            // Rounded down, so that each is large enough.
            (4 * processors).next_power_of_two().min(1 << worthwhile.ilog2())
        });
        let protected = (limit as f64 * self.protected_share) as u64;
        Memory::new(self.eviction, Bounds { limit, protected: protected.min(limit), weigher, shards })
    }
}

impl From<MemoryBuilder> for Memory {
    fn from(builder: MemoryBuilder) -> Self {
        builder.build()
    }
}
