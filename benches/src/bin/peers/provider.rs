//! The source of all values: it counts its calls, and takes as long as it is told.

use std::{
    collections::HashMap,
    io,
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, Result};
use benches::peers::Plan;
use hitbox_fn::CacheableResponse;
use serde::{Deserialize, Serialize};
use tokio::time::sleep;

/// A value of about 200 bytes of JSON. hitbox's derive only says that its bytes may be stored as they are.
#[derive(Clone, Debug, Serialize, Deserialize, CacheableResponse)]
pub(crate) struct Quote {
    symbol: String,
    exchange: String,
    currency: String,
    bid: f64,
    ask: f64,
    last: f64,
    open: f64,
    high: f64,
    low: f64,
    previous_close: f64,
    volume: u64,
    time: String,
    /// Tells a value from an older one.
    pub(crate) sequence: u64,
}

/// The provider of this process: cached functions, which are static, have no other way to it.
static PROVIDER: OnceLock<Provider> = OnceLock::new();

pub(crate) struct Provider {
    quote: Quote,
    sequence: AtomicU64,
    delay_ms: AtomicU64,
    calls: AtomicU64,
}

impl Provider {
    /// Makes the provider of the plan's quotes. A process has one.
    pub(crate) fn start(plan: &Plan) -> Result<&'static Self> {
        let quote: Quote = serde_json::from_value(plan.quote.clone()).context("the plan's quote is none")?;
        Ok(PROVIDER.get_or_init(|| Self {
            sequence: quote.sequence.into(),
            quote,
            delay_ms: 0.into(),
            calls: 0.into(),
        }))
    }

    /// How long a call takes from now on.
    pub(crate) fn take(&self, millis: u64) {
        self.delay_ms.store(millis, Ordering::Relaxed);
    }

    /// What quotes are marked with from now on.
    pub(crate) fn mark(&self, sequence: u64) {
        self.sequence.store(sequence, Ordering::Relaxed);
    }

    /// How many calls there were.
    pub(crate) fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    async fn called(&self) {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let millis = self.delay_ms.load(Ordering::Relaxed);
        if millis > 0 {
            sleep(Duration::from_millis(millis)).await;
        }
    }

    fn quote_of(&self, id: &str) -> Quote {
        let sequence = self.sequence.load(Ordering::Relaxed);
        Quote { symbol: id.to_owned(), sequence, ..self.quote.clone() }
    }
}

fn provider() -> io::Result<&'static Provider> {
    PROVIDER.get().ok_or_else(|| io::Error::other("the provider was not started"))
}

/// Asks for one quote.
pub(crate) async fn quote(id: &str) -> io::Result<Quote> {
    let provider = provider()?;
    provider.called().await;
    Ok(provider.quote_of(id))
}

/// Asks for several in one call.
pub(crate) async fn quotes(ids: Vec<String>) -> io::Result<HashMap<String, Quote>> {
    let provider = provider()?;
    provider.called().await;
    Ok(ids.into_iter().map(|id| (id.clone(), provider.quote_of(&id))).collect())
}
