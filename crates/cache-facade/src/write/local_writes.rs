//! The latest writes of this node, to tell whether a write that a tier refused was the node's last word.

use std::sync::atomic::{AtomicI64, Ordering};

use cache_core::{Key, Timestamp};

/// How many slots keys are spread over. Keys of one slot are not told apart: then a write is not made again
/// that might have been.
const SLOTS: usize = 1024;

/// The latest birth that this node gave to anything in each slot.
#[derive(Debug)]
pub(crate) struct LocalWrites {
    slots: Box<[AtomicI64]>,
    /// The latest that ended more than single keys.
    all: AtomicI64,
}

impl Default for LocalWrites {
    fn default() -> Self {
        let never = || AtomicI64::new(i64::MIN);
        Self { slots: (0..SLOTS).map(|_| never()).collect(), all: never() }
    }
}

impl LocalWrites {
    fn slot(&self, key: &Key) -> &AtomicI64 {
        &self.slots[(key.hash() % SLOTS as u64) as usize]
    }

    /// Notes that this node put or removed a key.
    pub(crate) fn note(&self, key: &Key, born: Timestamp) {
        self.slot(key).fetch_max(born.as_micros(), Ordering::AcqRel);
    }

    /// Notes that this node ended keys that nobody listed.
    pub(crate) fn note_all(&self, at: Timestamp) {
        self.all.fetch_max(at.as_micros(), Ordering::AcqRel);
    }

    /// Whether this node wrote nothing later under the key than at `born`.
    pub(crate) fn is_latest(&self, key: &Key, born: Timestamp) -> bool {
        let latest = self.slot(key).load(Ordering::Acquire).max(self.all.load(Ordering::Acquire));
        latest <= born.as_micros()
    }
}
