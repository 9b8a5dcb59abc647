//! What is known of a key, asked without its value and without a load; and the region in numbers.

use std::time::Duration;

use cache_core::{Result, Timestamp, ToKey};

use super::memory_lookup::MemoryLookup;
use crate::{
    answer::Found,
    region::{Cacheable, Region},
    stats::RegionStats,
};

/// What there is of a key.
struct Known {
    /// Whether it is a value, and not the knowledge that there is none.
    is_value: bool,
    /// How long it is still fresh, if it is.
    fresh_for: Option<Duration>,
}

impl<V: Cacheable> Region<V> {
    /// Whether there is a value of a key that may be served, fresh or in grace: in memory or, if it has none, in
    /// a tier. Nothing is loaded, and the look counts neither as a hit nor as a miss. `false` both for a key of
    /// which nothing is known and for one that is known to have no value; [`Lookup::is_known_absent`] tells them
    /// apart.
    ///
    /// [`Lookup::is_known_absent`]: crate::Lookup::is_known_absent
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> cache_facade::Result<()> {
    /// # let cache = cache_facade::Cache::builder().build().await?;
    /// let prices = cache.region::<f64>("price").open()?;
    /// prices.put("AAPL", 190.5).await?;
    /// assert!(prices.contains("AAPL").await?);
    /// assert!(!prices.contains("MSFT").await?);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// `Limit` or `Config` for an invalid key; `Closed` if the cache is shut down, `Config` outside a Tokio
    /// runtime. A tier that fails is an event.
    pub async fn contains<K: ToKey + ?Sized>(&self, key: &K) -> Result<bool> {
        Ok(self.known(key, |_| true).await?.is_some_and(|known| known.is_value))
    }

    /// Returns for how long the value of a key is still fresh: in memory or, if that has none which is fresh, in
    /// a tier. Nothing is loaded, and the look counts neither as a hit nor as a miss. `None` if there is no
    /// value that is fresh. A value without end has [`Duration::MAX`].
    ///
    /// ```
    /// use std::time::Duration;
    /// use cache_facade::Ttl;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> cache_facade::Result<()> {
    /// # let cache = cache_facade::Cache::builder().build().await?;
    /// let prices = cache.region::<f64>("price").ttl(Ttl::new(Duration::from_secs(60))).open()?;
    /// prices.put("AAPL", 190.5).await?;
    /// let left = prices.time_to_live("AAPL").await?;
    /// assert!(left.is_some_and(|left| left <= Duration::from_secs(60)));
    /// assert_eq!(prices.time_to_live("MSFT").await?, None);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Region::contains`].
    pub async fn time_to_live<K: ToKey + ?Sized>(&self, key: &K) -> Result<Option<Duration>> {
        let known = self.known(key, |known| known.fresh_for.is_some()).await?;
        Ok(known.filter(|known| known.is_value).and_then(|known| known.fresh_for))
    }

    /// Returns the region in numbers, since it was first opened. All handles of a kind share them.
    #[must_use]
    pub fn stats(&self) -> RegionStats {
        self.core.stats()
    }

    /// Looks what memory has of a key, and what the tiers have if that is not `enough`.
    async fn known<K: ToKey + ?Sized>(
        &self,
        key: &K,
        enough: impl Fn(&Known) -> bool,
    ) -> Result<Option<Known>> {
        self.engine.enter("look up")?;
        let key = key.to_key(&self.core.prefix)?;
        let known = |found: Found<V>, is_fresh: bool| {
            let is_value = found.value.is_some();
            let is_endless = found.meta.stale_at == Timestamp::MAX;
            let left = found.at(self.engine.clock().now()).fresh_for;
            Known { is_value, fresh_for: is_fresh.then_some(if is_endless { Duration::MAX } else { left }) }
        };
        let in_memory = match self.look_in_memory(&key, self.engine.clock().now()) {
            MemoryLookup::Fresh(found) | MemoryLookup::Due(found) => Some(known(found, true)),
            MemoryLookup::Stale(found) => Some(known(found, false)),
            MemoryLookup::Replaced(_) | MemoryLookup::Miss(_) => None,
        };
        if in_memory.as_ref().is_some_and(enough) || self.engine.tiers_for(&self.policy).next().is_none() {
            return Ok(in_memory);
        }
        let current = Box::pin(self.current(&key)).await;
        Ok(current.found.clone().map(|found| known(found, current.fresh)))
    }
}
