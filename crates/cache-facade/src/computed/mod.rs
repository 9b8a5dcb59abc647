//! Regions whose values are computed from those of other regions.
//!
//! A stored value names the births of the inputs that it was computed from. It is served only while a read of the
//! inputs would give the very same ones; else it is computed again. So nothing has to be told that an input was
//! replaced, removed, invalidated, or has died, on whatever node that happened: see ADR 0042.

mod completed;
mod formula;
mod inputs;
pub(crate) mod provenance;

use std::sync::Arc;

use cache_core::{Fetched, Key, Meta, Result};

pub use self::{completed::Completed, inputs::Inputs};
use self::{formula::Formula, provenance::Provenance};
use crate::{
    engine::Engine, load::fetch::together::AnyFetch, region::Cacheable, region_builder::RegionBuilder,
};

/// What values of a region are computed from, whatever the types of the inputs.
pub(crate) trait ComputedFrom: Send + Sync {
    /// Whether the inputs are of the same cache as what is computed from them.
    fn is_of_one_cache(&self) -> bool;

    /// Whether memory has the very inputs that the value of a key was computed from.
    fn is_current(&self, key: &Key, provenance: &Provenance) -> bool;

    /// Begins to fetch the inputs of keys. Returns what is to be fetched.
    fn prefetch(&self, keys: &[&Key]) -> Vec<Box<dyn AnyFetch>>;
}

impl<V: Cacheable> RegionBuilder<V> {
    /// Computes the values from those of other regions of the cache: of one [`Region`](crate::Region), or of a
    /// tuple of two or three. `ids` says which inputs an id has, as a text for each region; `compute` makes the
    /// value of them, each `None` where there is none, or says that there is no value. A [`Fetched`] has tags of
    /// its own besides.
    ///
    /// A value is as old as the oldest of its inputs, lives no longer than any of them, is stale if one of them
    /// is, and carries the tags of all. It is served only as long as it was computed from what a read of the
    /// inputs would give: if one of them is replaced, removed, invalidated or gone, on this node or another, the
    /// value is computed anew, or fails as the input does. A batch reads the inputs of all its keys together, with
    /// one call a tier. That there is no value is not remembered. A value that is put into such a region is not
    /// served.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> cache_facade::Result<()> {
    /// # let cache = cache_facade::Cache::builder().build().await?;
    /// let prices = cache.region::<f64>("price").open()?;
    /// let shares = cache.region::<u64>("shares").open()?;
    /// let worth = cache
    ///     .region::<f64>("worth")
    ///     .computed(
    ///         (prices.clone(), shares.clone()),
    ///         |symbol| Ok((symbol.to_owned(), symbol.to_owned())),
    ///         |_symbol, (price, shares)| Ok(price.zip(shares).map(|(price, shares)| *price * *shares as f64)),
    ///     )
    ///     .open()?;
    ///
    /// prices.put("AAPL", 190.5).await?;
    /// shares.put("AAPL", 2).await?;
    /// assert_eq!(worth.get("AAPL").await?.as_deref(), Some(&381.0));
    ///
    /// prices.put("AAPL", 200.0).await?;
    /// assert_eq!(worth.get("AAPL").await?.as_deref(), Some(&400.0));
    /// shares.remove("AAPL").await?;
    /// assert_eq!(worth.get("AAPL").await?, None);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn computed<I, M, F, T>(self, inputs: I, ids: M, compute: F) -> Self
    where
        I: Inputs,
        M: Fn(&str) -> Result<I::Ids> + Send + Sync + 'static,
        F: Fn(&str, I::Values) -> Result<Option<T>> + Send + Sync + 'static,
        T: Into<Fetched<V>> + 'static,
    {
        let engine: Arc<Engine> = self.engine();
        let formula = Arc::new(Formula { engine, inputs, ids, compute });
        self.computed_by(formula)
    }
}

/// What a computed value was computed from, if `meta` says so.
pub(crate) fn provenance(meta: &Meta) -> Option<Provenance> {
    meta.etag().and_then(Provenance::read)
}
