//! The trait of a cache that is measured, and the keys and values that all of them hold.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::Result;
use cache_core::Key;
use hitbox_fn::CacheableResponse;
use serde::{Deserialize, Serialize};

/// A value of a quote's size. hitbox's derive only says that its bytes may be stored as they are.
#[derive(Clone, Debug, Serialize, Deserialize, CacheableResponse)]
pub(crate) struct Quote {
    symbol: String,
    prices: [f64; 6],
    volume: u64,
}

impl Quote {
    /// The value of this id.
    pub(crate) fn new(id: &str) -> Self {
        Self { symbol: id.to_owned(), prices: [1.0; 6], volume: 7 }
    }
}

/// The kind of all keys.
pub(crate) const KIND: &str = "price";

/// How long values live where a candidate gives them a life.
pub(crate) const LIFE: Duration = Duration::from_secs(24 * 3600);

/// The kind as keys begin with it.
const PREFIX: &str = "price:";

/// The keys all candidates hold, and the runtime that drives the asynchronous ones.
pub(crate) struct Workload {
    /// What follows the kind in each key.
    pub(crate) ids: Vec<String>,
    /// Each key's whole text, `price:` and the id: what peers are keyed by, and what the facade keeps.
    pub(crate) keys: Vec<String>,
    runtime: tokio::runtime::Runtime,
}

impl Workload {
    /// This many keys.
    pub(crate) fn new(keys: usize) -> Result<Self> {
        let ids: Vec<String> = (0..keys).map(|at| format!("SYMBOL{at:08}:provider")).collect();
        let keys = ids
            .iter()
            .map(|id| Ok(Key::new(KIND, id)?.as_str().to_owned()))
            .collect::<Result<Vec<String>>>()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
        Ok(Self { ids, keys, runtime })
    }

    /// Each key with a value of its own.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (String, Arc<Quote>)> {
        self.keys.iter().zip(&self.ids).map(|(key, id)| (key.clone(), Arc::new(Quote::new(id))))
    }

    /// The texts of the keys of these ranks.
    pub(crate) fn keys_of(&self, ranks: &[usize]) -> impl Iterator<Item = &str> {
        ranks.iter().map(|&at| self.keys[at].as_str())
    }

    /// How many entries a cache bounded by number is made for: all, and what uneven shards need so
    /// that none of them is evicted.
    pub(crate) fn room(&self) -> usize {
        self.keys.len() + self.keys.len() / 8 + 256
    }

    /// Bytes of an entry's value and key text alone, the mean of all.
    pub(crate) fn payload(&self) -> f64 {
        let texts: usize = self.ids.iter().chain(&self.keys).map(String::len).sum();
        size_of::<Quote>() as f64 + texts as f64 / self.keys.len() as f64
    }

    /// Runs one future to its end on this thread. All reads of a round are one future, so that they pay
    /// for no start.
    pub(crate) fn drive<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.handle().block_on(work)
    }
}

/// A cache that holds every key of a workload.
pub(crate) trait Candidate: Sync {
    /// Reads the keys of these ranks, one after the other.
    ///
    /// # Panics
    ///
    /// For a key that is not there: only hits are measured.
    fn read(&self, workload: &Workload, ranks: &[usize]);

    /// What the entries weigh by the cache's own account, in bytes, if it keeps one.
    fn weight(&self) -> Option<u64> {
        None
    }
}

/// Makes a candidate and fills it.
pub(crate) type Fill = fn(&Workload) -> Result<Box<dyn Candidate>>;

/// Ends the benchmark for a key that is not there.
#[cold]
pub(crate) fn missing(key: impl std::fmt::Display) -> ! {
    panic!("{key} is gone: this would not measure hits")
}

/// How often [`load_value`] was called.
static LOADS: AtomicUsize = AtomicUsize::new(0);

/// What a function under a macro does when its cache has no value.
pub(crate) fn load_value(key: &str) -> Quote {
    LOADS.fetch_add(1, Ordering::Relaxed);
    Quote::new(key.strip_prefix(PREFIX).unwrap_or(key))
}

/// How often a value was loaded, by whichever candidate.
pub(crate) fn loads() -> usize {
    LOADS.load(Ordering::Relaxed)
}
