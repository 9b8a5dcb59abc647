//! When messages of other nodes may have been missed, so that what was held until then is unproven.

pub(super) mod sequences;

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use cache_core::Timestamp;

/// The gaps in what this node received from the others.
#[derive(Debug)]
pub(crate) struct MessageGaps {
    count: AtomicU64,
    latest: AtomicI64,
}

impl Default for MessageGaps {
    fn default() -> Self {
        Self { count: AtomicU64::new(0), latest: AtomicI64::new(Timestamp::MIN.as_micros()) }
    }
}

impl MessageGaps {
    /// Notes a gap. Incremented before memory is emptied, so that a fetch that stores its answer afterwards
    /// finds the count changed and takes the answer out again.
    pub(crate) fn note(&self, at: impl FnOnce() -> Timestamp) {
        self.count.fetch_add(1, Ordering::AcqRel);
        self.latest.fetch_max(at().as_micros(), Ordering::AcqRel);
    }

    /// Returns how many gaps there were.
    pub(crate) fn count(&self) -> u64 {
        self.count.load(Ordering::Acquire)
    }

    /// Returns when the latest gap was noted: what a tier of this node alone holds from before is unproven.
    pub(crate) fn latest(&self) -> Timestamp {
        Timestamp::from_micros(self.latest.load(Ordering::Acquire))
    }
}
