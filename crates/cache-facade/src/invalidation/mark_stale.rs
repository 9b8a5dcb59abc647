//! What a caller marks stale rather than removes.
//!
//! Nothing is written to what is marked. A mark is a stamp: what was born no later is stale from then on, and is
//! served for as long as it would have been.

use cache_core::{Error, Pattern, Prefix, Result, Tag, Timestamp, ToKey};

use crate::{
    cache::Cache,
    region::{Cacheable, Region},
};

impl Cache {
    /// Marks every entry that carries `tag` stale, in every tier and on every node. As [`Cache::invalidate`], but
    /// what is marked is still served, flagged as stale, until its life and grace would have been over: at once,
    /// while a refresh begins in the background, or after the soft timeout; and in place of a load that fails.
    /// What is put or loaded later is fresh.
    ///
    /// A read of a marked entry refreshes it; one that nobody reads is not loaded. For each region four loads for
    /// marked entries run at once, whatever was marked; see [`RegionBuilder::batch_window`] and
    /// [`RegionBuilder::refresh_window`] for how their keys share calls.
    ///
    /// ```
    /// use cache_facade::{Cache, Fetched};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> cache_facade::Result<()> {
    /// let cache = Cache::builder().build().await?;
    /// let forecasts = cache.region::<String>("forecast").ttl("1h").open()?;
    /// forecasts.put("AAPL", Fetched::new("up".to_owned()).tag("AAPL")).await?;
    ///
    /// cache.mark_stale("AAPL").await?;
    /// let forecast = forecasts.lookup("AAPL").await?;
    /// assert_eq!(forecast.value.as_deref().map(String::as_str), Some("up"));
    /// assert!(forecast.stale);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// [`RegionBuilder::batch_window`]: crate::RegionBuilder::batch_window
    /// [`RegionBuilder::refresh_window`]: crate::RegionBuilder::refresh_window
    ///
    /// # Errors
    ///
    /// `Limit` for a tag that is empty or too long; nothing is marked then. A tier that fails is an event, and
    /// this process knows that the tag is marked all the same.
    pub async fn mark_stale(&self, tag: impl TryInto<Tag, Error: Into<Error>>) -> Result<()> {
        let tag = tag.try_into().map_err(Into::into)?;
        self.engine.enter_though_closed("mark stale")?;
        self.engine.mark_tag(&tag, self.engine.clock().tick_removal()).await
    }

    /// As [`Cache::mark_stale`], for what was born at `at` or before: several nodes that do so because of the same
    /// moment mark nothing that was loaded after it.
    ///
    /// # Errors
    ///
    /// As [`Cache::mark_stale`].
    pub async fn mark_stale_until(
        &self,
        tag: impl TryInto<Tag, Error: Into<Error>>,
        at: Timestamp,
    ) -> Result<()> {
        let tag = tag.try_into().map_err(Into::into)?;
        self.engine.enter_though_closed("mark stale until")?;
        self.engine.mark_tag(&tag, at.min(self.engine.clock().tick())).await
    }

    /// Marks the keys that match stale, as [`Cache::mark_stale`] does. The pattern, a text or a [`Pattern`], is
    /// written without the cache's namespace: `"price:AAPL*"`. All of memory is walked. A node remembers 128
    /// patterns: of more than that, the older half becomes one pattern that all keys match.
    ///
    /// # Errors
    ///
    /// `Config` for a text that is no pattern. A tier that fails is an event.
    pub async fn mark_matching_stale(
        &self,
        pattern: impl TryInto<Pattern, Error: Into<Error>>,
    ) -> Result<()> {
        let pattern = pattern.try_into().map_err(Into::into)?;
        self.engine.enter_though_closed("mark matching stale")?;
        self.engine.mark_matching(self.engine.within(&pattern)).await;
        Ok(())
    }

    /// Marks a key of any kind stale, whatever the type of its values, as [`Region::mark_stale`] does.
    ///
    /// # Errors
    ///
    /// `Limit` or `Config` for an invalid kind or id, and `Limit` for a key that is too long for the key of its
    /// mark, as of [`Region::mark_stale`]. A tier that fails is an event.
    pub async fn mark_key_stale(&self, kind: &str, id: &str) -> Result<()> {
        self.engine.enter_though_closed("mark key stale")?;
        let key = Prefix::new(self.engine.namespace(), kind)?.key(id)?;
        self.engine.mark_keys(vec![key]).await
    }

    /// Marks every entry of every kind stale, as [`Cache::mark_stale`] does.
    ///
    /// # Errors
    ///
    /// None at present. A tier that fails is an event.
    pub async fn mark_all_stale(&self) -> Result<()> {
        self.engine.enter_though_closed("mark all stale")?;
        self.engine.mark_all().await;
        Ok(())
    }
}

impl<V: Cacheable> Region<V> {
    /// Marks what is there of a key stale, in memory, in every tier and on every node: it is served as
    /// [`Cache::mark_stale`] says, until a load or a put brings another value.
    ///
    /// Each mark of a key is kept in the tiers for twice the longest life, so a node keeps those of 1,024 keys of
    /// a kind: with one more the whole kind is marked, as [`Region::mark_all_stale`] does, which
    /// [`Event::MarkedStale`](crate::Event::MarkedStale) and a line in the log tell. A kind that memory alone
    /// holds has no such bound.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> cache_facade::Result<()> {
    /// # let cache = cache_facade::Cache::builder().build().await?;
    /// let prices = cache.region::<f64>("price").open()?;
    /// prices.put("AAPL", 190.5).await?;
    /// prices.mark_stale("AAPL").await?;
    /// assert!(prices.lookup("AAPL").await?.stale);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// `Limit` or `Config` for an invalid key, and `Limit` for one so long that the key of its mark, which is some
    /// twenty bytes longer, would be too long, unless memory alone holds the kind. A tier that fails is an event.
    pub async fn mark_stale<K: ToKey + ?Sized>(&self, key: &K) -> Result<()> {
        self.engine.enter_though_closed("mark stale")?;
        self.engine.mark_keys(vec![key.to_key(&self.core.prefix)?]).await
    }

    /// Marks many keys stale, in one call per tier: of more than 1,024, the whole kind.
    ///
    /// # Errors
    ///
    /// As [`Region::mark_stale`]; nothing is marked then.
    pub async fn mark_many_stale<K: ToKey>(&self, keys: &[K]) -> Result<()> {
        self.engine.enter_though_closed("mark many stale")?;
        self.engine.mark_keys(self.distinct_keys(keys)?).await
    }

    /// Marks every entry of this kind stale, and of no other. It writes one stamp, however many entries that
    /// concerns.
    ///
    /// # Errors
    ///
    /// `Limit` for a kind whose name is too long for the key of its stamp. A tier that fails is an event.
    pub async fn mark_all_stale(&self) -> Result<()> {
        self.engine.enter_though_closed("mark all stale")?;
        self.engine.mark_kind(self.core.prefix.kind()).await
    }
}
