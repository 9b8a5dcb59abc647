//! The model system's own workload: its symbols, and a provider as slow as its.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use cache_core::{Loaded, Loader, Request, Result};

/// The symbols that it asks for.
pub const SYMBOLS: [&str; 15] = [
    "AAPL", "GOOGL", "MSFT", "AMZN", "TSLA", "META", "NVDA", "AMD", "INTC", "NFLX", "BTC", "ETH", "SPY",
    "QQQ", "DIA",
];

/// How many requests start at once.
pub const REQUESTS: usize = 1000;

/// How long a call to the provider takes.
const CALL: Duration = Duration::from_millis(50);

/// How many keys a call may ask for.
pub const BATCH: usize = 50;

/// A provider that takes 50 ms a call, whatever it is asked for, and counts its calls. Clones count together.
#[derive(Clone, Debug)]
pub struct SlowProvider<F> {
    value_of: F,
    calls: Arc<AtomicU64>,
}

impl<F> SlowProvider<F> {
    /// Returns a provider of these values, by the ids of keys.
    pub fn new(value_of: F) -> Self {
        Self { value_of, calls: Arc::default() }
    }

    /// Makes a call.
    pub async fn call(&self) {
        self.calls.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(CALL).await;
    }

    /// Returns how many calls there were.
    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }
}

#[async_trait]
impl<V, F> Loader<V> for SlowProvider<F>
where
    V: Send + Sync + 'static,
    F: Fn(&str) -> Loaded<V> + Send + Sync + 'static,
{
    fn max_batch(&self) -> usize {
        BATCH
    }

    async fn load(&self, requests: &[Request<V>]) -> Result<Vec<Loaded<V>>> {
        self.call().await;
        Ok(requests.iter().map(|request| (self.value_of)(request.key.id())).collect())
    }
}
