//! What the tier counts.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// What a tier has counted since it was created.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RedisStats {
    /// Values that are no records of the cache, or damaged ones. Each was treated as absent and unlinked.
    pub corrupt: u64,
    /// Entries that were not stored since a removal by pattern, or a restart of the server, came after they
    /// were born. Those that lost to a newer record of the same key are not counted: only the server sees
    /// them.
    pub refused: u64,
}

/// The counters behind [`RedisStats`].
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) corrupt: AtomicU64,
    pub(crate) refused: AtomicU64,
}

impl Counters {
    pub(crate) fn stats(&self) -> RedisStats {
        RedisStats { corrupt: self.corrupt.load(Relaxed), refused: self.refused.load(Relaxed) }
    }
}
