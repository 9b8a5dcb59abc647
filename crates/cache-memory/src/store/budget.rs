//! How much may be held, how much is, and what share of it may be protected.

use std::sync::atomic::{AtomicU64, Ordering};

/// A bound on weight that holds at every moment: room is taken before an entry comes in.
#[derive(Debug)]
pub(crate) struct Budget {
    limit: u64,
    used: AtomicU64,
    /// What protected entries may take of `limit`.
    share: u64,
    protected: AtomicU64,
}

impl Budget {
    pub(crate) fn new(limit: u64, share: u64) -> Self {
        Self { limit, used: AtomicU64::new(0), share, protected: AtomicU64::new(0) }
    }

    /// Takes room, if there is some.
    pub(crate) fn take(&self, weight: u32) -> bool {
        within(&self.used, weight, self.limit)
    }

    /// Gives room back.
    pub(crate) fn give(&self, weight: u32) {
        self.used.fetch_sub(u64::from(weight), Ordering::Relaxed);
    }

    /// Counts an entry towards the protected share, if that has room.
    pub(crate) fn protect(&self, weight: u32) -> bool {
        within(&self.protected, weight, self.share)
    }

    pub(crate) fn unprotect(&self, weight: u32) {
        self.protected.fetch_sub(u64::from(weight), Ordering::Relaxed);
    }

    /// What is left for entries that can be evicted.
    pub(crate) fn evictable(&self) -> u64 {
        self.limit.saturating_sub(self.protected())
    }

    pub(crate) fn limit(&self) -> u64 {
        self.limit
    }

    pub(crate) fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    pub(crate) fn protected(&self) -> u64 {
        self.protected.load(Ordering::Relaxed)
    }
}

fn within(total: &AtomicU64, weight: u32, limit: u64) -> bool {
    total
        .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
            used.checked_add(u64::from(weight)).filter(|sum| *sum <= limit)
        })
        .is_ok()
}
