//! The source of values: a version for each key, which each write raises.

use std::{
    ops::RangeInclusive,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use tokio::{
    sync::{Mutex, MutexGuard},
    time::sleep,
};

/// The source of values. Its loads never fail; each takes a random time.
#[derive(Debug)]
pub struct Source {
    versions: Vec<AtomicU64>,
    /// Locked by the writer of a key, so that the writes of one key are in order.
    writing: Vec<Mutex<()>>,
    slowness: RangeInclusive<Duration>,
    loads: AtomicU64,
}

impl Source {
    /// A source of this many keys, all at version 1, each load of which takes a random time in the range.
    #[must_use]
    pub fn new(keys: usize, slowness: RangeInclusive<Duration>) -> Self {
        Self {
            versions: (0..keys).map(|_| AtomicU64::new(1)).collect(),
            writing: (0..keys).map(|_| Mutex::new(())).collect(),
            slowness,
            loads: AtomicU64::new(0),
        }
    }

    /// How many keys there are.
    #[must_use]
    pub fn keys(&self) -> usize {
        self.versions.len()
    }

    /// The id of a key.
    #[must_use]
    pub fn id(key: usize) -> String {
        format!("k{key}")
    }

    /// The current version.
    #[must_use]
    pub fn version(&self, key: usize) -> u64 {
        self.versions[key].load(Ordering::SeqCst)
    }

    /// Raises the version of a key, before it is written. No other call can until the guard is dropped.
    pub async fn raise(&self, key: usize) -> (u64, MutexGuard<'_, ()>) {
        let guard = self.writing[key].lock().await;
        (self.versions[key].fetch_add(1, Ordering::SeqCst) + 1, guard)
    }

    /// How many loads there have been.
    #[must_use]
    pub fn loads(&self) -> u64 {
        self.loads.load(Ordering::Relaxed)
    }

    /// Loads a key. Every other load reads the version before its delay and so may return an old one.
    pub(crate) async fn load(&self, id: &str) -> Option<u64> {
        let key = id.strip_prefix('k')?.parse().ok().filter(|key| *key < self.keys())?;
        let (shortest, longest) = (*self.slowness.start(), *self.slowness.end());
        let pause = shortest + longest.saturating_sub(shortest).mul_f64(fastrand::f64());
        let early = self.loads.fetch_add(1, Ordering::Relaxed).is_multiple_of(2);
        let before = self.version(key);
        sleep(pause).await;
        Some(if early { before } else { self.version(key) })
    }
}
