//! Which entries left memory, and why: counted, logged and told.

use std::{
    mem,
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
    },
};

use cache_core::{Entry, EvictionCause, Key, sync::Mutex};

use serde::Serialize;

use crate::{eviction::Eviction, store::stored::Stored};

/// How many entries left memory, by cause.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Evictions {
    /// Evicted for space.
    pub size: u64,
    /// Dead, and reclaimed by a sweep.
    pub expired: u64,
    /// Removed by key, by pattern or by clearing memory.
    pub removed: u64,
    /// Replaced by an entry born later.
    pub replaced: u64,
    /// Heavier than memory may hold at all, and so never held.
    pub oversized: u64,
}

/// How many causes there are.
const CAUSES: usize = EvictionCause::Oversized as usize + 1;

/// Who is told of each entry that left.
type Listener = Box<dyn Fn(&Key, EvictionCause) + Send + Sync>;

/// Counts and logs the entries that leave, and tells who listens.
pub(crate) struct EvictionLog {
    policy: Eviction,
    counts: [AtomicU64; CAUSES],
    listener: OnceLock<Listener>,
    /// What left and is not told yet: it is recorded under locks, and told when they are let go.
    untold: Mutex<Vec<(Key, EvictionCause)>>,
}

impl EvictionLog {
    pub(crate) fn new(policy: Eviction) -> Self {
        let (counts, untold) = Default::default();
        Self { policy, counts, listener: OnceLock::new(), untold }
    }

    /// Sets who is told. Only the first is set; returns whether this one was.
    pub(crate) fn listen(&self, listener: Listener) -> bool {
        self.listener.set(listener).is_ok()
    }

    pub(crate) fn record(&self, cause: EvictionCause, key: &Key, weight: u32) {
        self.counts[cause as usize].fetch_add(1, Ordering::Relaxed);
        if cause != EvictionCause::Replaced {
            let (cause, policy) = (cause.as_str(), self.policy.as_str());
            tracing::debug!(%key, cause, weight, policy, "evicted from memory");
        }
        if self.listener.get().is_some() {
            self.untold.lock().push((key.clone(), cause));
        }
    }

    /// Returns what tells who listens of what left when it is dropped: after the locks that are taken later.
    pub(crate) fn tell_after(&self) -> Telling<'_> {
        Telling(self)
    }

    fn tell(&self) {
        let Some(listener) = self.listener.get() else { return };
        loop {
            let left = mem::take(&mut *self.untold.lock());
            if left.is_empty() {
                return;
            }
            left.iter().for_each(|(key, cause)| listener(key, *cause));
        }
    }

    pub(crate) fn counts(&self) -> Evictions {
        let count = |cause: EvictionCause| self.counts[cause as usize].load(Ordering::Relaxed);
        Evictions {
            size: count(EvictionCause::Size),
            expired: count(EvictionCause::Expired),
            removed: count(EvictionCause::Removed),
            replaced: count(EvictionCause::Replaced),
            oversized: count(EvictionCause::Oversized),
        }
    }
}

/// Tells of what left when it is dropped.
pub(crate) struct Telling<'a>(&'a EvictionLog);

impl Drop for Telling<'_> {
    fn drop(&mut self) {
        self.0.tell();
    }
}

/// Entries that left a shard, to be dropped when its lock is no longer held: the `drop` of a value may
/// take long, and no reader waits for it.
#[derive(Default)]
pub(crate) struct Evicted(Vec<(EvictionCause, Key, Entry<Stored>, u32)>);

impl Evicted {
    pub(crate) fn push(&mut self, cause: EvictionCause, key: Key, entry: Entry<Stored>, weight: u32) {
        self.0.push((cause, key, entry, weight));
    }

    /// Records all of them, drops them, and returns how many there were.
    pub(crate) fn record(&mut self, log: &EvictionLog) -> u64 {
        let count = self.0.len() as u64;
        for (cause, key, _, weight) in self.0.drain(..) {
            log.record(cause, &key, weight);
        }
        count
    }
}
