//! Reads that bring what loads the value.

use std::{collections::HashMap, error::Error as StdError, future::Future, sync::Arc};

use cache_core::{Error, ErrorKind, Key, Loader, Result, ToKey};

use super::memory_lookup::{FirstLook, value_as};
use crate::{
    load::loaders::{
        closure_loader::ClosureLoader,
        function_loader::FunctionLoader,
        instrumented::Instrumented,
        into_loaded::{IntoLoaded, MaybeValue},
        shared_loader::SharedLoader,
    },
    policy::Policy,
    region::{Cacheable, Region},
};

impl<V: Cacheable> Region<V> {
    /// Returns the value of a key, loaded by `load` if neither memory nor a tier has it. Callers of one key share
    /// one load, whatever their closures and error types.
    ///
    /// The closure returns a value, or a `Result` of one. If it may find none, it returns an `Option`, and so does
    /// this: see [`IntoLoaded`] for all that it may return. That there is no value is remembered for the span
    /// [`negative`](crate::RegionBuilder::negative), and without that setting not at all.
    ///
    /// The load runs in a task of its own, so the closure and its future are `'static` and own what they use,
    /// and task-locals of the caller are not set within. Where `|| database.user(id)` borrows (E0373, and E0515
    /// once it is `move`), `get_or_load_with(&id, &database, move |db| async move { db.user(id).await })` does
    /// not: it hands the closure a clone, made only if memory has no answer. See [`Region::get_or_load_with`].
    ///
    /// ```
    /// # use std::io;
    /// # async fn ask_for_price(symbol: &str) -> io::Result<f64> { Ok(190.5) }
    /// # async fn ask_for_name(symbol: &str) -> io::Result<Option<String>> { Ok(None) }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> cache_facade::Result<()> {
    /// # let cache = cache_facade::Cache::builder().build().await?;
    /// # let prices = cache.region::<f64>("price").open()?;
    /// # let names = cache.region::<String>("name").open()?;
    /// let price = prices.get_or_load("AAPL", || ask_for_price("AAPL")).await?;
    /// assert_eq!(*price, 190.5);
    /// let name = names.get_or_load("NOPE", || ask_for_name("NOPE")).await?;
    /// assert_eq!(name, None);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Region::get`].
    pub async fn get_or_load<K, F, Fut, T>(&self, key: &K, load: F) -> Result<T::Answer>
    where
        K: ToKey + ?Sized,
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output = T> + Send + 'static,
        T: IntoLoaded<V>,
    {
        self.at_hand_or(key, || ClosureLoader::new(load)).await
    }

    /// As [`Region::get_or_load`], with a clone of `context` for the closure, which is made only if memory can't
    /// answer. For an `Arc` of what the closure needs, and for types that are cheap to clone as such: a connection
    /// pool, an HTTP client, a tuple of them.
    ///
    /// ```
    /// use std::{io, sync::Arc};
    ///
    /// struct Database;
    ///
    /// impl Database {
    ///     async fn user(&self, id: u64) -> io::Result<String> {
    ///         Ok(format!("user {id}"))
    ///     }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> cache_facade::Result<()> {
    /// # let cache = cache_facade::Cache::builder().build().await?;
    /// # let users = cache.region::<String>("user").open()?;
    /// let (database, id) = (Arc::new(Database), 7);
    /// let user = users.get_or_load_with(&id, &database, move |db| async move { db.user(id).await }).await?;
    /// assert_eq!(*user, "user 7");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Region::get_or_load`].
    pub async fn get_or_load_with<K, C, F, Fut, T>(&self, key: &K, context: &C, load: F) -> Result<T::Answer>
    where
        K: ToKey + ?Sized,
        C: Clone + Send + 'static,
        F: FnOnce(C) -> Fut + Send + 'static,
        Fut: Future<Output = T> + Send + 'static,
        T: IntoLoaded<V>,
    {
        self.at_hand_or(key, || {
            let context = context.clone();
            ClosureLoader::new(move || load(context))
        })
        .await
    }

    /// Returns the values of many keys, in their order; `None` for those that there are none of. Those that
    /// neither memory nor a tier has are loaded by `load`, as a rule in one call, which gets their keys and
    /// returns pairs of a key and its value: a `HashMap`, a `Vec`, or whatever iterates over them. A key that
    /// it leaves out has no value. What is in a pair with a key is what a closure of [`Region::get_or_load`]
    /// may return, so one key can fail and the others not.
    ///
    /// The closure is called a second time if another node loads some of the keys, and fails.
    ///
    /// ```
    /// use std::{collections::HashMap, io};
    ///
    /// async fn users(ids: Vec<u64>) -> io::Result<HashMap<u64, String>> {
    ///     Ok(ids.into_iter().filter(|id| *id < 9).map(|id| (id, format!("user {id}"))).collect())
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> cache_facade::Result<()> {
    /// # let cache = cache_facade::Cache::builder().build().await?;
    /// let names = cache.region::<String>("name").open()?;
    /// let found = names.get_many_or_load(&[7, 8, 9], users).await?;
    /// assert_eq!(found[1].as_deref().map(String::as_str), Some("user 8"));
    /// assert_eq!((found[2].as_deref(), cache.stats().loads), (None, 1));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// The first error of any key.
    pub async fn get_many_or_load<K, F, Fut, M, O, T, E>(
        &self,
        keys: &[K],
        load: F,
    ) -> Result<Vec<Option<Arc<V>>>>
    where
        K: ToKey + Clone + Send + Sync + 'static,
        F: Fn(Vec<K>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = std::result::Result<M, E>> + Send + 'static,
        M: IntoIterator<Item = (O, T)> + 'static,
        O: ToKey + 'static,
        T: IntoLoaded<V> + 'static,
        E: Into<Box<dyn StdError + Send + Sync>> + 'static,
    {
        let ids = keys.iter().map(|id| Ok((id.to_key(&self.core.prefix)?, id.clone())));
        let ids = ids.collect::<Result<Vec<(Key, K)>>>()?;
        let wanted: Vec<Key> = ids.iter().map(|(key, _)| key.clone()).collect();
        let ids: HashMap<Key, K> = ids.into_iter().collect();
        let id_of = move |key: &Key| ids.get(key).cloned();
        let loader = FunctionLoader::new(usize::MAX, self.core.prefix.clone(), id_of, load);
        let found = Box::pin(self.read(&wanted, FirstLook::Closer, Some(self.counted(loader)))).await;
        found.into_iter().map(|answer| answer.map(|found| found.value)).collect()
    }

    /// Returns the same region with another loader, for reads whose keys it can load with fewer calls than the
    /// region's own: all keys that one read leads go in its batches. Flights are shared with all other reads.
    ///
    /// ```
    /// use async_trait::async_trait;
    /// use cache_facade::{Cache, Loaded, Loader, Request, Result};
    ///
    /// /// Loads as many as are wanted at once.
    /// struct Whole;
    ///
    /// #[async_trait]
    /// impl Loader<usize> for Whole {
    ///     fn max_batch(&self) -> usize {
    ///         1000
    ///     }
    ///
    ///     async fn load(&self, requests: &[Request<usize>]) -> Result<Vec<Loaded<usize>>> {
    ///         Ok(requests.iter().map(|_| requests.len().into()).collect())
    ///     }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<()> {
    /// # let cache = Cache::builder().build().await?;
    /// let parts = cache.region::<usize>("part").open()?;
    /// let found = parts.loaded_by(Whole).get_many(&["1", "2", "3"]).await?;
    /// assert_eq!((found[0].as_deref(), parts.get("3").await?.as_deref()), (Some(&3), Some(&3)));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn loaded_by(&self, loader: impl Loader<V>) -> Self {
        let loader = Some(self.counted(loader)).filter(|_| !self.policy.only_cached);
        Self { loader, ..self.clone() }
    }

    /// Returns what memory has, if that is an answer that will do, and otherwise reads with a loader for this
    /// call.
    #[inline]
    async fn at_hand_or<A: MaybeValue<V>, L: Loader<V>>(
        &self,
        key: &(impl ToKey + ?Sized),
        loader: impl FnOnce() -> L,
    ) -> Result<A> {
        match self.fresh_in_memory(key, |held| A::of(value_as(held)?)) {
            Ok(answer) => Ok(answer),
            Err(first) => Box::pin(self.loaded_once(key.to_key(&self.core.prefix)?, first, loader())).await,
        }
    }

    /// Reads a key, of which the hit path had the `first` look, with a loader for this call.
    async fn loaded_once<A: MaybeValue<V>>(
        &self,
        key: Key,
        first: FirstLook,
        loader: impl Loader<V>,
    ) -> Result<A> {
        // Someone else's loader may know of no value, where this one always has one.
        let region = match A::NEEDS_VALUE {
            true => self.with(|policy| Policy { needs_value: true, ..policy }),
            false => self.clone(),
        };
        let loader = Some(region.counted(loader));
        let found = region.found(Ok(key.clone()), first, loader).await?;
        A::of(found.value).ok_or_else(|| {
            let message = if self.policy.only_cached {
                format!("{key} is not cached, and this call may load nothing")
            } else {
                format!("there is no {key}, though its loader has a value for every key")
            };
            Error::new(ErrorKind::Load, "get", message)
        })
    }

    /// A loader for one call, counted as this region's.
    pub(crate) fn counted(&self, loader: impl Loader<V>) -> Arc<dyn SharedLoader<V>> {
        let (engine, core) = (Arc::clone(&self.engine), Arc::clone(&self.core));
        Arc::new(Instrumented { engine, core, loader: Arc::new(loader) })
    }
}
