//! Keys brought into memory beforehand, and kept fresh.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use async_trait::async_trait;
use cache_core::{Error, ErrorKind, Key, Refreshed, Result, ToKey, Warm};
use futures_util::future::join_all;
use tokio::{sync::Semaphore, task::JoinHandle};

use crate::{
    answer::Source,
    policy::Policy,
    region::{Cacheable, Region},
    timer,
};

/// How many calls of those that keep keys fresh run at once.
const CALLS_AT_ONCE: usize = 32;

/// What came of warming keys, each of which is in one of the three, in the order in which they were given.
#[derive(Debug)]
#[must_use = "keys may have failed: see `failed`"]
pub struct Warmed<K> {
    /// The keys that have a value, and where it came from: memory had it already, a tier, or the loader.
    pub found: Vec<(K, Source)>,
    /// The keys that have none: their source says so, or there is no loader to ask.
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

impl KeepFresh {
    /// Whether it goes on: the cache is not shut down, and the runtime that it was begun on has not ended.
    #[must_use]
    pub fn is_running(&self) -> bool {
        !self.0.is_finished()
    }
}

impl Drop for KeepFresh {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[async_trait]
impl<V: Cacheable> Warm for Region<V> {
    fn kind(&self) -> &str {
        self.core.prefix.kind()
    }

    fn max_batch(&self) -> usize {
        self.loader.as_ref().map_or(1, |loader| loader.max_batch())
    }

    fn fresh_for(&self, key: &Key) -> Option<Duration> {
        self.fresh_in_memory_for(key)
    }

    fn is_known_absent(&self, key: &Key) -> bool {
        self.is_known_absent_in_memory(key)
    }

    async fn lift(&self, keys: &[Key]) -> Result<Vec<bool>> {
        self.engine.enter("lift")?;
        Ok(self.with(|policy| Policy { lifts: true, ..policy }).lifted(keys).await)
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

    /// Loads keys anew, at once and then once in each interval of `every`, in calls as full as the loader
    /// takes, until what this returns is dropped, the cache is shut down, or the runtime it was called on ends.
    /// A read of one finds it in memory, as long as `every` and the time of a load together are less than its
    /// life. A key that fails keeps what it had, as long as that may be served, and is tried again with the
    /// others; the log tells when keys begin to fail, and when none does any more. A call that hangs holds up
    /// its own keys alone, until the hard timeout; 32 run at once.
    ///
    /// ```
    /// # use std::{io, time::Duration};
    /// # async fn ask_for_price(symbol: String) -> io::Result<f64> { Ok(190.5) }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> cache_facade::Result<()> {
    /// # let cache = cache_facade::Cache::builder().build().await?;
    /// let prices = cache.region::<f64>("price").ttl("1m").load_one(ask_for_price).open()?;
    /// let watched = prices.keep_fresh(&["AAPL", "MSFT"], Duration::from_secs(45))?;
    /// assert!(watched.is_running());
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
        let loader = self.loader_for(OPERATION)?;
        if every.is_zero() {
            let message = "the interval is zero: give one that is a little less than the life of the values";
            return Err(Error::new(ErrorKind::Config, OPERATION, message));
        }
        let keys = self.distinct_keys(keys)?;
        // Timers tell no less.
        let every = every.max(Duration::from_millis(1));
        let mut calls: Vec<Vec<Key>> = keys.chunks(loader.max_batch().max(1)).map(<[Key]>::to_vec).collect();
        if calls.is_empty() {
            // One call without keys goes on until the cache is shut down, too.
            calls.push(keys);
        }
        Ok(KeepFresh(tokio::spawn(self.clone().refresh_calls(calls, every))))
    }

    /// Refreshes the keys of each of these calls once in each interval, until the cache is shut down.
    async fn refresh_calls(self, calls: Vec<Vec<Key>>, every: Duration) {
        let (permits, failing) = (Semaphore::new(CALLS_AT_ONCE), AtomicUsize::new(0));
        join_all(calls.iter().map(|keys| self.refresh_call(keys, every, &permits, &failing))).await;
    }

    /// Refreshes the keys of one call once in each interval. `failing` counts the calls that last failed for a
    /// key.
    async fn refresh_call(&self, keys: &[Key], every: Duration, permits: &Semaphore, failing: &AtomicUsize) {
        let kind = self.core.prefix.kind();
        let mut fails = false;
        loop {
            let next = timer::sleep(self.engine.clock(), every);
            let refreshed = {
                let _permit = permits.acquire().await;
                self.refresh(keys).await
            };
            // The cache is shut down.
            let Ok(Refreshed { loaded, failed }) = refreshed else { return };
            if let Some((key, error)) = failed.first() {
                if !fails && failing.fetch_add(1, Ordering::Relaxed) == 0 {
                    tracing::warn!(kind, loaded, failed = failed.len(), %key, %error,
                        "keys that are to be kept fresh can't be loaded: they keep what they had while it may be served");
                }
            } else if fails && failing.fetch_sub(1, Ordering::Relaxed) == 1 {
                tracing::info!(kind, "all keys that are to be kept fresh are loaded again");
            }
            fails = !failed.is_empty();
            next.await;
        }
    }
}
