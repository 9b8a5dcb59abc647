//! A loader whose prices are watched.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use cache_core::{Clock, Loaded, Loader, Request, Result};

use super::MarketEvent;
use crate::MarketTime;
use market_data::{Asset, Quote, Series};

/// A value that tells the price of an asset.
pub trait Priced {
    /// Returns whose price it tells.
    fn asset(&self) -> &Asset;

    /// Returns the latest price; `None` if it tells none.
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

/// A loader that shows every price it loads to a [`MarketTime`], and hands on the moves that are seen so.
///
/// Prices that are put into a cache without having been loaded are shown by [`MarketTime::observe`].
pub struct WatchedLoader<L> {
    loader: L,
    time: MarketTime,
    clock: Clock,
    moved: Arc<dyn Fn(MarketEvent) + Send + Sync>,
}

impl<L> WatchedLoader<L> {
    /// Watches what `loader` loads, in `clock`'s time. `moved` is called for each move, while the load is under
    /// way: it should pass the event on, and not wait.
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
impl<V: Priced + Send + 'static, L: Loader<V>> Loader<V> for WatchedLoader<L> {
    fn max_batch(&self) -> usize {
        self.loader.max_batch()
    }

    async fn load(&self, requests: &[Request]) -> Result<Vec<Loaded<V>>> {
        let loaded = self.loader.load(requests).await?;
        let now = self.clock.now();
        for one in &loaded {
            // What is not modified has not moved.
            if let Loaded::Value(fresh) = one
                && let Some(price) = fresh.value.price()
                && let Some(event) = self.time.observe(fresh.value.asset(), price, now)
            {
                (self.moved)(event);
            }
        }
        Ok(loaded)
    }
}
