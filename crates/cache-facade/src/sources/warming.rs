//! Warming as a cache is given it: it observes, and fills calls.

use std::sync::Arc;

use cache_warming::Warming;

use crate::builder::CacheBuilder;

impl CacheBuilder {
    /// Learns what is asked of the cache, and fills the free places of calls with it. The regions are
    /// [covered](cache_warming::Warming::cover) once they are open, and
    /// [started](cache_warming::Warming::start) it fetches beforehand.
    ///
    /// The cache does not keep it, and it holds the regions that it covers: the caller keeps it for as long as the
    /// cache is to be warmed, and drops it with its regions.
    ///
    /// ```
    /// use std::{sync::Arc, time::Duration};
    /// use cache_facade::{
    ///     Cache,
    ///     warming::{Coverage, Predictive, RunSchedule, Warming},
    /// };
    ///
    /// # async fn ask_for_prices(symbols: Vec<String>) -> std::io::Result<Vec<(String, f64)>> {
    /// #     Ok(symbols.into_iter().map(|symbol| (symbol, 190.5)).collect())
    /// # }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> cache_facade::Result<()> {
    /// let plan = Predictive::new("plan", RunSchedule::Every(Duration::from_secs(2))).saving(2.0);
    /// let warming = Warming::builder().strategy(plan).build();
    /// let cache = Cache::builder().warming(&warming).build().await?;
    /// let prices = cache.region::<f64>("price").ttl("5m").load_many(50, ask_for_prices).open()?;
    /// warming.cover(Arc::new(prices.clone()), Coverage::default().life(Duration::from_secs(300)));
    /// let _running = warming.start();
    ///
    /// prices.get("AAPL").await?;
    /// assert_eq!(warming.stats().tracked, 1);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn warming(self, warming: &Arc<Warming>) -> Self {
        self.observer(Arc::clone(warming.history())).fill(Arc::downgrade(warming))
    }
}
