//! Counts that each thread has at hand: a request takes no lock and shares nothing but its key's word.

use std::{
    cell::RefCell,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use cache_core::sync::RwLock;

use super::counts::Counts;

/// Tells the counts of all histories of the process apart.
static VERSIONS: AtomicU64 = AtomicU64::new(1);

thread_local! {
    /// The counts that this thread used last, by their version.
    static AT_HAND: RefCell<Option<(u64, Arc<Counts>)>> = const { RefCell::new(None) };
}

/// The counts of a history, which are replaced now and then.
#[derive(Debug)]
pub(super) struct SharedCounts {
    /// A number that no other counts have.
    version: AtomicU64,
    current: RwLock<(u64, Arc<Counts>)>,
}

impl SharedCounts {
    pub(super) fn new(counts: Counts) -> Self {
        let version = VERSIONS.fetch_add(1, Ordering::Relaxed);
        Self { version: AtomicU64::new(version), current: RwLock::new((version, Arc::new(counts))) }
    }

    /// Returns what `use_of` makes of the counts.
    #[inline]
    pub(super) fn with<T>(&self, use_of: impl FnOnce(&Counts) -> T) -> T {
        let version = self.version.load(Ordering::Acquire);
        AT_HAND.with_borrow_mut(|at_hand| match at_hand {
            Some((known, counts)) if *known == version => use_of(counts),
            _ => use_of(&at_hand.insert(self.current.read().clone()).1),
        })
    }

    /// Replaces the counts.
    pub(super) fn replace(&self, counts: Counts) {
        let version = VERSIONS.fetch_add(1, Ordering::Relaxed);
        *self.current.write() = (version, Arc::new(counts));
        self.version.store(version, Ordering::Release);
    }

    /// Returns the counts, for longer than a request.
    pub(super) fn current(&self) -> Arc<Counts> {
        Arc::clone(&self.current.read().1)
    }
}
