//! Marks what is selected stale, and counts it first.

use std::sync::Arc;

use cache_core::{Error, ErrorKind, Key, Result};

use super::selection::{RemovalCount, Selected, Selection};
use crate::{cache::Cache, engine::Engine, invalidation::stamps::StampKind};

impl Cache {
    /// Marks all that is selected stale, as [`Cache::mark_stale`] does. Returns how many values were alive of what
    /// is selected: what [`Cache::count`] returns, if that takes no longer than two seconds; else the count is not
    /// complete. Some of them may have been stale before. Of more than 1,024
    /// keys of one kind the whole kind is marked: see [`Region::mark_stale`](crate::Region::mark_stale). Once
    /// begun, it goes on to its end.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> cache_facade::Result<()> {
    /// use cache_facade::Selection;
    ///
    /// # let cache = cache_facade::Cache::builder().build().await?;
    /// let prices = cache.region::<f64>("price").open()?;
    /// prices.put_many([("AAPL", 190.5), ("AMZN", 180.0)]).await?;
    /// let marked = cache.mark_selected_stale(&Selection::new().pattern("price:A*")).await?;
    /// assert_eq!(marked.removed.memory, 2);
    /// assert!(prices.lookup("AAPL").await?.stale);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Cache::remove_selected`], and `Limit` for a key or a kind that is too long for the key of its mark,
    /// some twenty bytes longer: nothing is marked then.
    pub async fn mark_selected_stale(&self, selection: &Selection) -> Result<RemovalCount> {
        self.engine.enter_though_closed("mark selected stale")?;
        let selected = Selected::new(&self.engine, selection)?;
        let (engine, tiers) = (Arc::clone(&self.engine), self.engine.tiers());
        let marking = async move {
            let counted = engine.count_for_a_while(&selected).await;
            engine.mark_selected(selected).await.map(|()| counted)
        };
        let counted = self.engine.run_to_completion(marking).await.unwrap_or_else(|| {
            let message = "the runtime of the marks ended: part of them may be made";
            Err(Error::new(ErrorKind::Unavailable, "mark selected stale", message))
        })?;
        Ok(counted.told(tiers))
    }
}

impl Engine {
    async fn mark_selected(self: &Arc<Self>, selected: Selected) -> Result<()> {
        if selected.all {
            self.mark_all().await;
            return Ok(());
        }
        for kind in &selected.kinds {
            // Before anything is marked.
            self.stamps().kind_key(StampKind::Mark, kind)?;
        }
        let keys: Vec<Key> = selected.keys.into_iter().collect();
        if !keys.is_empty() {
            self.mark_keys(keys).await?;
        }
        for pattern in selected.patterns {
            self.mark_matching(pattern).await;
        }
        for kind in &selected.kinds {
            self.mark_kind(kind).await?;
        }
        for tag in &selected.tags {
            self.mark_tag(tag, self.clock().tick_removal()).await?;
        }
        Ok(())
    }
}
