//! Which values memory refuses: those removed, and those older than a write under way.

use cache_core::{Key, Timestamp, Tombstones};

/// The most tombstones of single keys, and of patterns, that a stripe keeps.
const TOMBSTONES_PER_STRIPE: usize = 1024;

/// What one stripe of keys refuses; its owner locks it.
#[derive(Debug)]
pub(crate) struct Refusals {
    pub(crate) tombstones: Tombstones,
    /// Writes that have not reached every tier yet. Memory may evict their entries before that.
    pending_writes: Vec<(Key, Timestamp)>,
}

impl Refusals {
    /// What a stripe refuses; the keys of its tombstones take no more than `bytes`.
    pub(crate) fn new(bytes: usize) -> Self {
        let tombstones = Tombstones::new(TOMBSTONES_PER_STRIPE).with_max_bytes(bytes);
        Self { tombstones, pending_writes: Vec::new() }
    }

    /// Refuses values of `key` born before `born`, until [`Refusals::end_write`].
    pub(crate) fn begin_write(&mut self, key: Key, born: Timestamp) {
        self.pending_writes.push((key, born));
    }

    pub(crate) fn end_write(&mut self, key: &Key, born: Timestamp) {
        if let Some(at) = self.pending_writes.iter().position(|(written, at)| *at == born && written == key) {
            self.pending_writes.swap_remove(at);
        }
    }

    /// Whether a write of `key` is under way.
    pub(crate) fn is_being_written(&self, key: &Key) -> bool {
        self.pending_writes.iter().any(|(written, _)| written == key)
    }

    /// Whether a value of `key` born at `born` was removed or is being replaced.
    pub(crate) fn refuses(&self, key: &Key, born: Timestamp, now: Timestamp) -> bool {
        self.tombstones.refuses(key, born, now)
            || self.pending_writes.iter().any(|(written, later)| born < *later && written == key)
    }
}
