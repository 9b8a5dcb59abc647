//! A loader that reports the prices it loads.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use cache_core::{Clock, Loaded, Loader, Request, Result};

use super::MarketEvent;
use crate::MarketTime;
use market_data::{Asset, Quote, Series};

/// A value that contains the price of an asset.
pub trait Priced {
    /// Returns the asset.
    fn asset(&self) -> &Asset;

    /// Returns the latest price; `None` if it contains none.
    fn price(&self) -> Option<f64>;
}

impl Priced for Quote {
    fn asset(&self) -> &Asset {
        &self.asset
    }

    fn price(&self) -> Option<f64> {
        Some(self.price)
    }
}

impl Priced for Series {
    fn asset(&self) -> &Asset {
        &self.asset
    }

    fn price(&self) -> Option<f64> {
        self.bars.last().map(|bar| bar.close)
    }
}

/// A loader that reports every price it loads to a [`MarketTime`], and passes on the moves detected.
///
/// Prices that are put into a cache without a load are reported by [`MarketTime::observe`].
pub struct WatchedLoader<L> {
    loader: L,
    time: MarketTime,
    clock: Clock,
    moved: Arc<dyn Fn(MarketEvent) + Send + Sync>,
}

impl<L> WatchedLoader<L> {
    /// Wraps `loader`. `moved` is called for each move, during the load: it should pass the event on, and
    /// not block.
    pub fn new(
        loader: L,
        time: MarketTime,
        clock: Clock,
        moved: impl Fn(MarketEvent) + Send + Sync + 'static,
    ) -> Self {
        Self { loader, time, clock, moved: Arc::new(moved) }
    }
}

impl<L: fmt::Debug> fmt::Debug for WatchedLoader<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("WatchedLoader").field(&self.loader).finish()
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl<V: Priced + Send + Sync + 'static, L: Loader<V>> Loader<V> for WatchedLoader<L> {
    fn max_batch(&self) -> usize {
        self.loader.max_batch()
    }

    async fn load(&self, requests: &[Request<V>]) -> Result<Vec<Loaded<V>>> {
        let loaded = self.loader.load(requests).await?;
        let now = self.clock.now();
        for one in &loaded {
            // A value that is not modified has no new price.
            if let Loaded::Value(fetched) = one
                && let Some(price) = fetched.value.price()
                && let Some(event) = self.time.observe(fetched.value.asset(), price, now)
            {
                (self.moved)(event);
            }
        }
        Ok(loaded)
    }
}
