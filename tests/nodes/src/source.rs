//! Where values come from, and what is true of them: a version for each key.

use std::{
    ops::RangeInclusive,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use tokio::{
    sync::{Mutex, MutexGuard},
    time::sleep,
};

/// The source. It always answers, sooner or later.
#[derive(Debug)]
pub struct Source {
    versions: Vec<AtomicU64>,
    /// Held by who writes a key: of two writes one is later.
    writing: Vec<Mutex<()>>,
    slowness: RangeInclusive<Duration>,
    loads: AtomicU64,
}

impl Source {
    /// So many keys, all at version 1, each load of which takes so long.
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

    /// What a key is called.
    #[must_use]
    pub fn id(key: usize) -> String {
        format!("k{key}")
    }

    /// The present version.
    #[must_use]
    pub fn version(&self, key: usize) -> u64 {
        self.versions[key].load(Ordering::SeqCst)
    }

    /// Begins a write: what is true from now on. Nobody else writes the key until the guard is dropped.
    pub async fn raise(&self, key: usize) -> (u64, MutexGuard<'_, ()>) {
        let guard = self.writing[key].lock().await;
        (self.versions[key].fetch_add(1, Ordering::SeqCst) + 1, guard)
    }

    /// How often it was asked.
    #[must_use]
    pub fn loads(&self) -> u64 {
        self.loads.load(Ordering::Relaxed)
    }

    /// Answers a load. Every other one looks before it takes its time, and so brings what may be long over.
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
