//! What a stripe of keys must refuse: what was removed, and what is older than a write under way.

use cache_core::{Key, Timestamp, Tombstones};

/// How many removed keys each stripe remembers.
const TOMBSTONES: usize = 1024;

/// The refusals of a stripe of keys, under one lock.
#[derive(Debug)]
pub(crate) struct Stripe {
    pub(crate) tombstones: Tombstones,
    /// Writes that have not reached every tier: their entry may be evicted here before it is there.
    writing: Vec<(Key, Timestamp)>,
}

impl Stripe {
    pub(crate) fn new() -> Self {
        Self { tombstones: Tombstones::new(TOMBSTONES), writing: Vec::new() }
    }

    pub(crate) fn begin_write(&mut self, key: Key, born: Timestamp) {
        self.writing.push((key, born));
    }

    pub(crate) fn end_write(&mut self, key: &Key, born: Timestamp) {
        if let Some(at) = self.writing.iter().position(|(writing, at)| *at == born && writing == key) {
            self.writing.swap_remove(at);
        }
    }

    /// Whether a value of `key` born at `born` was removed or is being replaced.
    pub(crate) fn refuse(&self, key: &Key, born: Timestamp, now: Timestamp) -> bool {
        self.tombstones.refuses(key, born, now)
            || self.writing.iter().any(|(writing, later)| born < *later && writing == key)
    }
}
