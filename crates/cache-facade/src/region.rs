//! The typed handle to the values of one kind.

use std::{collections::HashSet, fmt, sync::Arc};

use async_trait::async_trait;
use cache_core::{Error, ErrorKind, Fetched, Key, LookupKey, Refresh, Refreshed, Result, Target, ToKey};

use crate::{
    answer::{FlightResult, Lookup},
    engine::Engine,
    load::loaders::shared_loader::SharedLoader,
    policy::Policy,
    read::memory_lookup::{FirstLook, MemoryLookup, found_as, value_as},
    region_core::RegionCore,
};

pub use crate::write::update::{Op, Updated};

/// What memory can hold: anything that threads may share.
pub trait Cacheable: Send + Sync + 'static {}

impl<V: Send + Sync + 'static> Cacheable for V {}

/// The values of one kind. Clones are handles to the same region.
///
/// A key is given as an id, which is put behind the region's kind: a text, an integer, a tuple of these, or an
/// own type that derives [`ToKey`]. Or it is a [`Key`] from [`Region::key`], which is hashed only once.
///
/// ```
/// use std::time::Duration;
/// use cache_facade::{Cache, Ttl};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> cache_facade::Result<()> {
/// let cache = Cache::builder().build().await?;
/// let prices = cache.region::<f64>("price").ttl(Ttl::new(Duration::from_secs(60))).open()?;
///
/// prices.put("AAPL", 190.5).await?;
/// let known = prices.get_many(&["AAPL", "MSFT"]).await?;
/// assert_eq!(known[0].as_deref(), Some(&190.5));
/// assert_eq!(known[1], None);
///
/// let aapl = prices.lookup("AAPL").await?;
/// assert!(!aapl.stale && aapl.source.as_str() == "memory");
/// # Ok(())
/// # }
/// ```
pub struct Region<V> {
    pub(crate) engine: Arc<Engine>,
    pub(crate) core: Arc<RegionCore<V>>,
    pub(crate) policy: Arc<Policy<V>>,
    pub(crate) loader: Option<Arc<dyn SharedLoader<V>>>,
}

impl<V: Cacheable> Region<V> {
    /// Returns the value of a key: from memory, from a tier, or loaded. `None` if there is none.
    ///
    /// # Errors
    ///
    /// If there is no value in grace to serve instead, the loader's error, or `Timeout` if the loader takes too
    /// long; `Limit` or `Config` for an invalid key.
    pub async fn get<K: ToKey + ?Sized>(&self, key: &K) -> Result<Option<Arc<V>>> {
        match self.fresh_in_memory(key, value_as) {
            Ok(value) => Ok(value),
            Err(first) => Box::pin(self.found(key.to_key(&self.core.prefix), first, self.loader.clone()))
                .await
                .map(|found| found.value),
        }
    }

    /// Returns the values of many keys, in their order. As [`Region::get`], with one call per tier for all
    /// keys that memory can't answer, and loads in batches.
    ///
    /// # Errors
    ///
    /// The first error of any key; [`Region::lookup_many`] tells them apart.
    pub async fn get_many<K: ToKey>(&self, keys: &[K]) -> Result<Vec<Option<Arc<V>>>> {
        self.lookup_many(keys).await.into_iter().map(|answer| answer.map(|lookup| lookup.value)).collect()
    }

    /// Returns the values that there are, each with its key, and the keys that failed, each with why. Both are in
    /// the order of `keys`; a key that has no value is in neither. As [`Region::get_many`] otherwise, which
    /// fails if one key does.
    ///
    /// ```
    /// # use cache_facade::{Cache, Error};
    /// use std::collections::HashMap;
    ///
    /// # async fn prices(symbols: Vec<String>) -> Result<Vec<(String, Result<f64, String>)>, Error> {
    /// #     let one = |symbol: String| match symbol.as_str() {
    /// #         "HALT" => (symbol, Err("no price today".to_owned())),
    /// #         _ => (symbol, Ok(190.5)),
    /// #     };
    /// #     Ok(symbols.into_iter().map(one).collect())
    /// # }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> cache_facade::Result<()> {
    /// # let cache = Cache::builder().build().await?;
    /// let prices = cache.region::<f64>("price").load_many(50, prices).open()?;
    /// let (found, failed) = prices.get_found(&["AAPL", "HALT"]).await;
    /// let by_symbol: HashMap<&str, _> = found.into_iter().collect();
    /// assert_eq!(*by_symbol["AAPL"], 190.5);
    /// for (symbol, error) in failed {
    ///     println!("{symbol}: {error}");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn get_found<K: ToKey + Clone>(&self, keys: &[K]) -> (Vec<(K, Arc<V>)>, Vec<(K, Error)>) {
        let (mut found, mut failed) = (Vec::with_capacity(keys.len()), Vec::new());
        for (key, answer) in keys.iter().zip(self.lookup_many(keys).await) {
            match answer {
                Ok(lookup) => found.extend(lookup.value.map(|value| (key.clone(), value))),
                Err(error) => failed.push((key.clone(), error)),
            }
        }
        (found, failed)
    }

    /// As [`Region::get`], and also returns where the answer came from, how old it is, and how long it may still
    /// be served.
    ///
    /// # Errors
    ///
    /// As [`Region::get`].
    pub async fn lookup<K: ToKey + ?Sized>(&self, key: &K) -> Result<Lookup<V>> {
        let found = match self.fresh_in_memory(key, found_as) {
            Ok(found) => found,
            Err(first) => {
                Box::pin(self.found(key.to_key(&self.core.prefix), first, self.loader.clone())).await?
            }
        };
        Ok(self.told(found).at(self.engine.clock().now()))
    }

    /// As [`Region::lookup`] for many keys, in their order, each with its own outcome.
    pub async fn lookup_many<K: ToKey>(&self, keys: &[K]) -> Vec<Result<Lookup<V>>> {
        let keys: Vec<Result<Key>> = keys.iter().map(|key| key.to_key(&self.core.prefix)).collect();
        let good: Vec<Key> = keys.iter().flatten().cloned().collect();
        let found = Box::pin(self.read(&good, FirstLook::Closer, self.loader.clone())).await;
        self.answers(keys, found)
    }

    /// Returns what was found of the keys that are some, and why the others are none.
    pub(crate) fn answers(
        &self,
        keys: Vec<Result<Key>>,
        found: Vec<FlightResult<V>>,
    ) -> Vec<Result<Lookup<V>>> {
        let now = self.engine.clock().now();
        in_order_of(keys, found).map(|found| found.map(|found| self.told(found).at(now))).collect()
    }

    /// Returns the value of a key if memory has it and may serve it, fresh or in grace. Asks no tier and starts
    /// no load.
    #[must_use]
    pub fn peek<K: ToKey + ?Sized>(&self, key: &K) -> Option<Arc<V>> {
        self.peek_lookup(key)?.value
    }

    /// As [`Region::peek`], with age and life. The look counts neither as a hit nor as a miss.
    #[must_use]
    pub fn peek_lookup<K: ToKey + ?Sized>(&self, key: &K) -> Option<Lookup<V>> {
        let now = self.engine.clock().now();
        match self.look_in_memory(&key.to_lookup(&self.core.prefix), now) {
            MemoryLookup::Fresh(found) | MemoryLookup::Due(found) | MemoryLookup::Stale(found) => {
                let found = self.told(found);
                (now < found.meta.dead_at).then(|| found.at(now))
            }
            MemoryLookup::Replaced(_) | MemoryLookup::Miss(_) => None,
        }
    }

    /// Stores a value, or a [`Fetched`] one with its own life and tags, in memory and every tier. A tier that
    /// refuses it, or fails, is an event and not an error; and so is a value that its codec can't carry, which
    /// memory alone holds. Whatever became of it, what was stored before it is not served any more.
    ///
    /// # Errors
    ///
    /// `Limit` for a key that is too long, or a value larger than
    /// [`MAX_VALUE_LEN`](cache_core::MAX_VALUE_LEN): nothing is changed then. The reason of a refusal, `Limit`
    /// or `Codec`, if neither memory nor any tier keeps the value: nothing is served of the key then.
    pub async fn put<K: ToKey + ?Sized>(&self, key: &K, value: impl Into<Fetched<V>>) -> Result<()> {
        self.put_all(vec![(key.to_key(&self.core.prefix)?, value.into())]).await
    }

    /// Stores many values, in one call per tier; more than 5,000, or than 8 MiB, in several.
    ///
    /// # Errors
    ///
    /// As [`Region::put`]. If one key or value is too large, nothing is changed. If one is kept nowhere, the
    /// others are stored all the same.
    pub async fn put_many<K: ToKey, T: Into<Fetched<V>>>(
        &self,
        values: impl IntoIterator<Item = (K, T)>,
    ) -> Result<()> {
        let values = values.into_iter();
        self.put_all(
            values
                .map(|(key, value)| Ok((key.to_key(&self.core.prefix)?, value.into())))
                .collect::<Result<Vec<(Key, Fetched<V>)>>>()?,
        )
        .await
    }

    /// Ends every entry of this kind, and of no other. Nothing from before is served again. It writes one stamp,
    /// however many entries that ends, and so can't say how many.
    ///
    /// # Errors
    ///
    /// `Limit` for a kind whose name is too long for the key of its stamp. A tier that fails is an event.
    pub async fn clear(&self) -> Result<()> {
        self.engine.enter_though_closed("clear")?;
        self.clear_kind().await
    }

    /// Loads keys anew from their source, whatever the tiers hold and however long the source wants not to be
    /// asked. Returns how many came, and which failed with what; a key that is given twice counts once.
    ///
    /// ```
    /// # use cache_facade::{Cache, Error, ErrorKind, Loaded, Loader, Request, Result};
    /// # struct Upstream;
    /// # #[async_trait::async_trait]
    /// # impl Loader<f64> for Upstream {
    /// #     fn max_batch(&self) -> usize {
    /// #         50
    /// #     }
    /// #     async fn load(&self, requests: &[Request<f64>]) -> Result<Vec<Loaded<f64>>> {
    /// #         let one = |request: &Request<f64>| match request.key.id() {
    /// #             "HALT" => Loaded::Failed(Error::new(ErrorKind::Load, "load", "no price today")),
    /// #             _ => 190.5.into(),
    /// #         };
    /// #         Ok(requests.iter().map(one).collect())
    /// #     }
    /// # }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<()> {
    /// # let cache = Cache::builder().build().await?;
    /// # let prices = cache.region::<f64>("price").loader(Upstream).open()?;
    /// let refreshed = prices.refresh(&["AAPL", "HALT"]).await?;
    /// assert_eq!(refreshed.loaded, 1);
    /// for (key, error) in &refreshed.failed {
    ///     assert_eq!((key.id(), error.to_string().as_str()), ("HALT", "load: no price today"));
    /// }
    /// assert_eq!(prices.refresh(&["AAPL"]).await?.all()?, 1);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// `Closed` if the cache is shut down, `Config` if the region has no loader, and `Limit` or `Config` for an
    /// invalid key: nothing is loaded then. What a key's own load failed with is in [`Refreshed::failed`].
    pub async fn refresh<K: ToKey>(&self, keys: &[K]) -> Result<Refreshed> {
        self.engine.enter("refresh")?;
        self.loader_for("refresh")?;
        let wanted = self.distinct_keys(keys)?;
        Ok(Box::pin(self.refreshed(&wanted)).await)
    }

    /// Keeps a key from being evicted from memory for space, now and whenever it is put. It still expires, and
    /// can be removed. If the share of protected entries has no room for it, that is an event.
    ///
    /// # Errors
    ///
    /// `Config` if the near tier keeps no share for protected entries; `Limit` or `Config` for a key that
    /// can't be one.
    pub fn protect<K: ToKey + ?Sized>(&self, key: &K) -> Result<()> {
        self.engine.protect(Target::Keys(&[key.to_key(&self.core.prefix)?]))
    }

    /// Ends the protection of a key. Patterns that match it still protect it.
    ///
    /// # Errors
    ///
    /// `Limit` or `Config` for an invalid key.
    pub fn unprotect<K: ToKey + ?Sized>(&self, key: &K) -> Result<()> {
        self.engine.memory().unprotect(Target::Keys(&[key.to_key(&self.core.prefix)?]));
        Ok(())
    }

    /// Returns the same region with other settings, for one call or for many.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> cache_facade::Result<()> {
    /// # let cache = cache_facade::Cache::builder().build().await?;
    /// # let prices = cache.region::<f64>("price").open()?;
    /// prices.with(|policy| policy.hard_timeout(Duration::from_millis(200))).get("AAPL").await?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn with(&self, change: impl FnOnce(Policy<V>) -> Policy<V>) -> Self {
        let policy = Arc::new(change((*self.policy).clone()));
        self.engine.admit_loads_of(&policy);
        let loader = self.loader.clone().filter(|_| !policy.only_cached);
        Self { policy, loader, ..self.clone() }
    }

    /// Returns the key of an id in this region, to be used again and again.
    ///
    /// # Errors
    ///
    /// `Limit` if it would be too long.
    pub fn key<K: ToKey + ?Sized>(&self, id: &K) -> Result<Key> {
        id.to_key(&self.core.prefix)
    }

    /// The loader of the region.
    ///
    /// # Errors
    ///
    /// `Config` if it has none.
    pub(crate) fn loader_for(&self, operation: &'static str) -> Result<&Arc<dyn SharedLoader<V>>> {
        if let Some(loader) = &self.loader {
            return Ok(loader);
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

#[async_trait]
impl<V: Cacheable> Refresh for Region<V> {
    /// A key of another region fails by itself.
    async fn refresh(&self, keys: &[Key]) -> Result<Refreshed> {
        let (own, foreign): (Vec<&Key>, Vec<&Key>) =
            keys.iter().partition(|key| key.has_prefix(&self.core.prefix));
        let mut refreshed = Self::refresh(self, &own).await?;
        let refused = |key: &Key| key.to_key(&self.core.prefix).err().map(|error| (key.clone(), error));
        refreshed.failed.extend(foreign.into_iter().filter_map(refused));
        Ok(refreshed)
    }
}

impl<V> Clone for Region<V> {
    fn clone(&self) -> Self {
        Self {
            engine: Arc::clone(&self.engine),
            core: Arc::clone(&self.core),
            policy: Arc::clone(&self.policy),
            loader: self.loader.clone(),
        }
    }
}

impl<V> fmt::Debug for Region<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Region")
            .field("prefix", &self.core.prefix)
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}

/// What was found of the keys that are some, in the order of all, and why the others are none.
pub(crate) fn in_order_of<V>(
    keys: Vec<Result<Key>>,
    found: Vec<FlightResult<V>>,
) -> impl Iterator<Item = FlightResult<V>> {
    let mut found = found.into_iter();
    keys.into_iter()
        .map(move |key| key.and_then(|_| found.next().unwrap_or_else(|| unreachable!("one answer a key"))))
}
