//! The bound on the weight of all entries, and on that of the protected ones among them.

use std::sync::atomic::{AtomicU64, Ordering};

/// A bound on weight that holds at every moment, since room is reserved before an entry is inserted.
#[derive(Debug)]
pub(crate) struct Budget {
    limit: AtomicU64,
    used: AtomicU64,
    /// The part of `limit` that protected entries may take.
    protected_limit: AtomicU64,
    protected: AtomicU64,
}

impl Budget {
    pub(crate) fn new(limit: u64, protected_limit: u64) -> Self {
        let [limit, protected_limit] = [limit, protected_limit].map(AtomicU64::new);
        Self { limit, used: AtomicU64::new(0), protected_limit, protected: AtomicU64::new(0) }
    }

    /// Changes the part that protected entries may take. Returns what it was.
    pub(crate) fn swap_protected_limit(&self, limit: u64) -> u64 {
        self.protected_limit.swap(limit, Ordering::Relaxed)
    }

    /// Changes the bound to `limit`, or to what is used, if that is more. Returns whether no more is used.
    pub(crate) fn lower(&self, limit: u64) -> bool {
        let used = self.used();
        self.limit.store(limit.max(used), Ordering::Relaxed);
        used <= limit
    }

    /// Whether there is room now.
    pub(crate) fn has_room(&self, weight: u32) -> bool {
        self.used().saturating_add(u64::from(weight)) <= self.limit()
    }

    /// Reserves room. Returns `false`, and reserves none, if there is too little.
    pub(crate) fn reserve(&self, weight: u32) -> bool {
        add_within(&self.used, weight, &self.limit)
    }

    /// Releases room.
    pub(crate) fn release(&self, weight: u32) {
        self.used.fetch_sub(u64::from(weight), Ordering::Relaxed);
    }

    /// Reserves room in the protected share. Returns `false`, and reserves none, if there is too little.
    pub(crate) fn reserve_protected(&self, weight: u32) -> bool {
        add_within(&self.protected, weight, &self.protected_limit)
    }

    /// Releases room in the protected share.
    pub(crate) fn release_protected(&self, weight: u32) {
        self.protected.fetch_sub(u64::from(weight), Ordering::Relaxed);
    }

    /// Returns what protected entries leave to those that can be evicted.
    pub(crate) fn evictable(&self) -> u64 {
        self.limit().saturating_sub(self.protected())
    }

    pub(crate) fn limit(&self) -> u64 {
        self.limit.load(Ordering::Relaxed)
    }

    pub(crate) fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    pub(crate) fn protected(&self) -> u64 {
        self.protected.load(Ordering::Relaxed)
    }
}

fn add_within(total: &AtomicU64, weight: u32, limit: &AtomicU64) -> bool {
    total
        .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
            used.checked_add(u64::from(weight)).filter(|sum| *sum <= limit.load(Ordering::Relaxed))
        })
        .is_ok()
}
