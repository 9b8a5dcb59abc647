//! The near tier in numbers.

/// A snapshot of the near tier.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MemoryStats {
    /// Entries held, protected ones included.
    pub entries: u64,
    /// What they weigh, in bytes.
    pub weight: u64,
    /// What they may weigh, in bytes.
    pub budget: u64,
    /// Entries evicted for space since the start.
    pub evicted: u64,
    /// Entries that are protected from eviction.
    pub protected: u64,
    /// Removed keys and patterns that are remembered, to refuse loads that began before.
    pub tombstones: u64,
}
