//! Keys of several regions, read together: one call a tier for all of them.

use std::sync::Arc;

use cache_core::{Error, ErrorKind, Key, Result, ToKey};
use futures_util::future::{BoxFuture, FutureExt, join_all};
use tracing::Instrument;

use super::{get::BegunRead, memory_lookup::FirstLook};
use crate::{
    answer::Lookup,
    cache::Cache,
    load::fetch::together::AnyFetch,
    region::{Cacheable, Region},
};

/// Keys of a region that are wanted together with those of other regions: see [`Cache::read_together`].
pub struct WantedKeys<V> {
    region: Region<V>,
    keys: Vec<Result<Key>>,
    answers: Vec<Result<Lookup<V>>>,
}

/// The keys of one region in a read of several.
pub trait AnyWanted: private::Read {}

impl<V: Cacheable> AnyWanted for WantedKeys<V> {}

mod private {
    use super::{AnyFetch, BoxFuture, Cache};

    /// A read whose values can be of any type.
    pub trait Read: Send {
        /// Begins to read, if the region is of this cache.
        fn begin(&mut self, cache: &Cache) -> Begun<'_>;
    }

    /// What is to be fetched for a read, and the rest of the read, which waits for that.
    pub struct Begun<'a> {
        pub(super) fetches: Vec<Box<dyn AnyFetch>>,
        pub(super) rest: BoxFuture<'a, ()>,
    }
}

impl<V: Cacheable> Region<V> {
    /// Returns keys to be read together with those of other regions, by [`Cache::read_together`].
    pub fn wanted<K: ToKey>(&self, keys: &[K]) -> WantedKeys<V> {
        let keys = keys.iter().map(|key| key.to_key(&self.core.prefix)).collect();
        WantedKeys { region: self.clone(), keys, answers: Vec::new() }
    }
}

impl<V> WantedKeys<V> {
    /// Returns the answers, in the order of the keys; none before they were read.
    #[must_use]
    pub fn into_answers(self) -> Vec<Result<Lookup<V>>> {
        self.answers
    }
}

impl Cache {
    /// Reads keys of several regions, whatever the types of their values: with one call a tier for all keys that
    /// memory can't answer, where [`Region::lookup_many`] of each would make one for each. What no tier has is
    /// loaded at the same time, by each region's own loader in batches. Each key has its own outcome.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> cache_facade::Result<()> {
    /// # let cache = cache_facade::Cache::builder().build().await?;
    /// let prices = cache.region::<f64>("price").open()?;
    /// let names = cache.region::<String>("name").open()?;
    /// prices.put("AAPL", 190.5).await?;
    ///
    /// let (mut price, mut name) = (prices.wanted(&["AAPL", "MSFT"]), names.wanted(&["AAPL"]));
    /// cache.read_together(&mut [&mut price, &mut name]).await;
    /// let price = price.into_answers().remove(0)?;
    /// assert_eq!(price.value.as_deref(), Some(&190.5));
    /// assert!(name.into_answers().remove(0)?.value.is_none());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Keys of a region of another cache are refused: their outcome is an error of `Config`.
    pub async fn read_together(&self, wanted: &mut [&mut dyn AnyWanted]) {
        let read = async {
            let (mut fetches, mut reads) = (Vec::new(), Vec::with_capacity(wanted.len()));
            for wanted in wanted.iter_mut() {
                let begun = wanted.begin(self);
                fetches.extend(begun.fetches);
                reads.push(begun.rest);
            }
            self.engine.spawn_fetches(fetches);
            join_all(reads).await;
        };
        read.instrument(self.engine.spans().read_together()).await;
    }
}

impl<V: Cacheable> private::Read for WantedKeys<V> {
    fn begin(&mut self, cache: &Cache) -> private::Begun<'_> {
        if !Arc::ptr_eq(&self.region.engine, &cache.engine) {
            let kind = self.region.core.prefix.kind();
            let message =
                format!("the region {kind:?} is of another cache: read it together with that one's");
            let error = Error::new(ErrorKind::Config, "get", message);
            self.answers = self.keys.iter().map(|_| Err(error.clone())).collect();
            return private::Begun { fetches: Vec::new(), rest: async {}.boxed() };
        }
        let good: Vec<Key> = self.keys.iter().flatten().cloned().collect();
        let span = self.region.read_span(&good);
        let begin = || self.region.begin_read(&good, FirstLook::Closer, &self.region.loader);
        let (begun, fetches) = span.in_scope(begin);
        private::Begun { fetches, rest: self.finish(good, begun).instrument(span).boxed() }
    }
}

impl<V: Cacheable> WantedKeys<V> {
    async fn finish(&mut self, good: Vec<Key>, begun: BegunRead<V>) {
        let region = &self.region;
        let found = region.finish_read(&good, begun, region.loader.clone()).await;
        self.answers = region.answers(std::mem::take(&mut self.keys), found);
    }
}
