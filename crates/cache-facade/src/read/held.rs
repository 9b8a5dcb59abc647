//! What memory holds of a region, by pattern.

use std::sync::Arc;

use cache_core::{Error, Key, LookupKey, Pattern, Result};
use cache_memory::EntryRef;

use super::memory_lookup::value_as;
use crate::region::{Cacheable, Region};

impl<V: Cacheable> Region<V> {
    /// Returns the keys of this region that match and the values that memory holds of them, in no order: what
    /// [`Region::peek`] would return of each, fresh or in grace. The pattern, a text or a [`Pattern`], is over
    /// whole keys without the cache's namespace, such as `"price:AAPL*"`. No tier is asked, so what memory
    /// evicted is not among them.
    ///
    /// It is weakly consistent: a value that is there all the while and not written is among them; of a key that
    /// is put or removed meanwhile the old value is, the new one, or none. Each key is there once. Reads go on
    /// meanwhile, and a write waits for a thousand entries at most. All of memory is walked, whatever the pattern.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> cache_facade::Result<()> {
    /// # let cache = cache_facade::Cache::builder().build().await?;
    /// let prices = cache.region::<f64>("price").open()?;
    /// prices.put_many([("AAPL", 190.5), ("AMZN", 180.0), ("MSFT", 330.0)]).await?;
    /// let held = prices.held("price:A*")?;
    /// assert_eq!(held.iter().map(|(_, price)| **price).sum::<f64>(), 370.5);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// `Config` for a text that is no pattern.
    pub fn held(&self, pattern: impl TryInto<Pattern, Error: Into<Error>>) -> Result<Vec<(Key, Arc<V>)>> {
        let pattern = pattern.try_into().map_err(Into::into)?;
        if self.policy.skips("memory") || !self.engine.memory_in_use() {
            return Ok(Vec::new());
        }
        let pattern = self.engine.within(&pattern);
        let (prefix, now) = (&self.core.prefix, self.engine.clock().now());
        let held = self.engine.memory().held(|key| key.has_prefix(prefix) && pattern.matches(key));
        let servable =
            held.into_iter().filter(|(key, entry)| self.judge(key, &entry.meta, now).is_servable());
        let values =
            servable.filter_map(|(key, entry)| Some((key, value_as(EntryRef::from(&entry)).flatten()?)));
        Ok(values.collect())
    }
}
