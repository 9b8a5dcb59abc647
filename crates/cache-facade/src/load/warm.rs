//! Keys brought into memory beforehand, and kept fresh.

use std::{collections::HashSet, time::Duration};

use cache_core::{Error, ErrorKind, Key, Refreshed, Result, ToKey};
use tokio::task::JoinHandle;

use crate::{
    answer::Source,
    region::{Cacheable, Region},
    timer,
};

/// What came of warming keys, each of which is in one of the three, in the order in which they were given.
#[derive(Debug)]
#[must_use = "keys may have failed: see `failed`"]
pub struct Warmed<K> {
    /// The keys that have a value, and where it came from: memory had it already, a tier, or the loader.
    pub found: Vec<(K, Source)>,
    /// The keys that have none, as their source says.
    pub absent: Vec<K>,
    /// The keys that failed, and why.
    pub failed: Vec<(K, Error)>,
}

impl<K> Warmed<K> {
    /// Returns how many values came from this source.
    #[must_use]
    pub fn found_in(&self, source: Source) -> usize {
        self.found.iter().filter(|(_, from)| *from == source).count()
    }
}

/// Keeps keys fresh until it is dropped. Made by [`Region::keep_fresh`].
#[derive(Debug)]
#[must_use = "the keys are kept fresh until this is dropped"]
pub struct KeepFresh(JoinHandle<()>);

impl Drop for KeepFresh {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl<V: Cacheable> Region<V> {
    /// Brings keys into memory: from the tiers what they have, and the rest from the loader, in its batches. Keys
    /// that memory has are left as they are.
    ///
    /// ```
    /// # use std::io;
    /// # async fn ask_for_price(symbol: String) -> io::Result<f64> { Ok(190.5) }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> cache_facade::Result<()> {
    /// # use cache_facade::{Cache, Source};
    /// # let cache = Cache::builder().build().await?;
    /// let prices = cache.region::<f64>("price").load_one(ask_for_price).open()?;
    /// let warmed = prices.warm(&["AAPL", "MSFT", "SPY"]).await;
    /// assert_eq!(warmed.found_in(Source::Loader), 3);
    /// for (symbol, error) in &warmed.failed {
    ///     println!("{symbol}: {error}");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn warm<K: ToKey + Clone>(&self, keys: &[K]) -> Warmed<K> {
        let mut warmed = Warmed { found: Vec::new(), absent: Vec::new(), failed: Vec::new() };
        for (key, answer) in keys.iter().zip(self.lookup_many(keys).await) {
            match answer {
                Ok(lookup) if lookup.value.is_some() => warmed.found.push((key.clone(), lookup.source)),
                Ok(_) => warmed.absent.push(key.clone()),
                Err(error) => warmed.failed.push((key.clone(), error)),
            }
        }
        warmed
    }

    /// Loads keys anew, at once and then once in each interval of `every`, in the batches of the loader, until
    /// what this returns is dropped or the cache is shut down. A read of one finds it in memory, as long as
    /// `every` is less than its life. A key that fails keeps what it had, as long as that may be served, and is
    /// tried again with the others; the log tells when keys begin to fail, and when none does any more.
    ///
    /// ```
    /// # use std::{io, time::Duration};
    /// # async fn ask_for_price(symbol: String) -> io::Result<f64> { Ok(190.5) }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> cache_facade::Result<()> {
    /// # let cache = cache_facade::Cache::builder().build().await?;
    /// let prices = cache.region::<f64>("price").ttl(Duration::from_secs(60)).load_one(ask_for_price).open()?;
    /// let watched = prices.keep_fresh(&["AAPL", "MSFT"], Duration::from_secs(45))?;
    /// // ...
    /// drop(watched);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// `Config` if the region has no loader, if `every` is zero, and outside a Tokio runtime; `Closed` if the
    /// cache is shut down; `Limit` or `Config` for an invalid key.
    pub fn keep_fresh<K: ToKey>(&self, keys: &[K], every: Duration) -> Result<KeepFresh> {
        const OPERATION: &str = "keep fresh";
        self.engine.enter(OPERATION)?;
        self.check_loader(OPERATION)?;
        if every.is_zero() {
            let message = "the interval is zero: give one that is a little less than the life of the values";
            return Err(Error::new(ErrorKind::Config, OPERATION, message));
        }
        let keys = self.distinct_keys(keys)?;
        let region = self.clone();
        let refreshing = async move {
            let mut are_failing = false;
            loop {
                let next = timer::sleep(region.engine.clock(), every);
                match region.refresh(&keys).await {
                    Ok(refreshed) => region.log_failures(&refreshed, &mut are_failing),
                    // The cache is shut down.
                    Err(_) => return,
                }
                next.await;
            }
        };
        Ok(KeepFresh(tokio::spawn(refreshing)))
    }

    /// Logs that keys which are kept fresh begin to fail, or that none does any more.
    fn log_failures(&self, refreshed: &Refreshed, are_failing: &mut bool) {
        let kind = self.core.prefix.kind();
        match refreshed.failed.first() {
            Some((key, error)) if !*are_failing => {
                let (failed, loaded) = (refreshed.failed.len(), refreshed.loaded);
                tracing::warn!(kind, failed, loaded, %key, %error,
                    "keys that are to be kept fresh can't be loaded: they keep what they had while it may be served");
            }
            None if *are_failing => {
                tracing::info!(kind, "all keys that are to be kept fresh are loaded again")
            }
            _ => {}
        }
        *are_failing = !refreshed.failed.is_empty();
    }

    /// Makes sure that the region has a loader.
    ///
    /// # Errors
    ///
    /// `Config` if it has none.
    pub(crate) fn check_loader(&self, operation: &'static str) -> Result<()> {
        if self.loader.is_some() {
            return Ok(());
        }
        let kind = self.core.prefix.kind();
        let message = format!("the region {kind:?} has no loader to refresh from: open it with one");
        Err(Error::new(ErrorKind::Config, operation, message))
    }

    /// The keys, each once, in their order.
    ///
    /// # Errors
    ///
    /// `Limit` or `Config` for an invalid key.
    pub(crate) fn distinct_keys<K: ToKey>(&self, keys: &[K]) -> Result<Vec<Key>> {
        let mut seen = HashSet::new();
        let mut distinct = Vec::with_capacity(keys.len());
        for key in keys {
            let key = key.to_key(&self.core.prefix)?;
            if seen.insert(key.clone()) {
                distinct.push(key);
            }
        }
        Ok(distinct)
    }
}
