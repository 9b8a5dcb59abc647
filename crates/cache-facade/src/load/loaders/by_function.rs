//! Regions whose loader is a function of ids.

use std::{error::Error as StdError, future::Future};

use cache_core::{FromId, Key, ToKey};

use super::{
    function_loader::{FunctionLoader, OneByOne},
    into_loaded::IntoLoaded,
};
use crate::{region::Cacheable, region_builder::RegionBuilder};

impl<V: Cacheable> RegionBuilder<V> {
    /// Loads each missing value by itself, by its id. As [`RegionBuilder::load_many`], for a source that is asked
    /// for one at a time; the function returns what a closure of [`Region::get_or_load`] may return.
    ///
    /// ```
    /// # use std::{io, time::Duration};
    /// # async fn ask_for_name(id: u64) -> io::Result<Option<String>> { Ok(Some(format!("user {id}"))) }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> cache_facade::Result<()> {
    /// # let cache = cache_facade::Cache::builder().build().await?;
    /// let names = cache.region::<String>("name").load_one(ask_for_name).open()?;
    /// assert_eq!(names.get(&7).await?.as_deref().map(String::as_str), Some("user 7"));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// [`Region::get_or_load`]: crate::Region::get_or_load
    #[must_use]
    pub fn load_one<I, F, Fut>(self, load: F) -> Self
    where
        I: FromId + Send + 'static,
        F: Fn(I) -> Fut + Send + Sync + 'static,
        Fut: Future<Output: IntoLoaded<V>> + Send + 'static,
    {
        self.loader(OneByOne::new(load))
    }

    /// As [`RegionBuilder::load_one`], with a clone of `context` at each call. The future owns the clone:
    /// `|db, id| async move { db.user(id).await }`, where `|db, id| db.user(id)` would return what borrows from
    /// it.
    #[must_use]
    pub fn load_one_with<C, I, F, Fut>(self, context: &C, load: F) -> Self
    where
        C: Clone + Send + Sync + 'static,
        I: FromId + Send + 'static,
        F: Fn(C, I) -> Fut + Send + Sync + 'static,
        Fut: Future<Output: IntoLoaded<V>> + Send + 'static,
    {
        let context = context.clone();
        self.load_one(move |id| load(context.clone(), id))
    }

    /// Loads missing values in calls of `max_batch` ids at most. The function gets ids as [`FromId`] reads them
    /// out of keys, and returns pairs of an id and its value: a `HashMap`, a `Vec`, or whatever iterates over
    /// them. An id that it leaves out has no value. What is in a pair with an id is what a closure of
    /// [`Region::get_or_load`] may return, so one can fail and the others not; an error of the whole is one of
    /// every id. A key that no such id makes fails without a call.
    ///
    /// ```
    /// use std::{collections::HashMap, io, time::Duration};
    ///
    /// async fn prices(symbols: Vec<String>) -> io::Result<HashMap<String, f64>> {
    ///     Ok(symbols.into_iter().map(|symbol| (symbol, 190.5)).collect())
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> cache_facade::Result<()> {
    /// # let cache = cache_facade::Cache::builder().build().await?;
    /// let prices = cache.region::<f64>("price").load_many(50, prices).open()?;
    /// assert_eq!(prices.get_many(&["AAPL", "MSFT"]).await?.len(), 2);
    /// assert_eq!(cache.stats().loads, 1);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// [`Region::get_or_load`]: crate::Region::get_or_load
    #[must_use]
    pub fn load_many<I, F, Fut, M, O, T, E>(self, max_batch: usize, load: F) -> Self
    where
        I: FromId + Send + 'static,
        F: Fn(Vec<I>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<M, E>> + Send + 'static,
        M: IntoIterator<Item = (O, T)> + 'static,
        O: ToKey + 'static,
        T: IntoLoaded<V> + 'static,
        E: Into<Box<dyn StdError + Send + Sync>> + 'static,
    {
        // A kind that makes no prefix is refused when the region is opened.
        let Ok(prefix) = self.prefix() else { return self };
        let id_of = |key: &Key| I::from_id(key.id());
        self.loader(FunctionLoader::new(max_batch, prefix, id_of, load))
    }

    /// As [`RegionBuilder::load_many`], with a clone of `context` at each call: an `Arc` of what the function
    /// needs, or a connection pool or client that is cheap to clone.
    ///
    /// ```
    /// use std::{io, sync::Arc};
    ///
    /// struct Database;
    ///
    /// impl Database {
    ///     async fn names(&self, ids: &[u64]) -> io::Result<Vec<(u64, String)>> {
    ///         Ok(ids.iter().map(|id| (*id, format!("user {id}"))).collect())
    ///     }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> cache_facade::Result<()> {
    /// # let cache = cache_facade::Cache::builder().build().await?;
    /// let database = Arc::new(Database);
    /// let names = cache
    ///     .region::<String>("name")
    ///     .load_many_with(100, &database, |db, ids: Vec<u64>| async move { db.names(&ids).await })
    ///     .open()?;
    /// assert_eq!(names.get(&7).await?.as_deref().map(String::as_str), Some("user 7"));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn load_many_with<C, I, F, Fut, M, O, T, E>(self, max_batch: usize, context: &C, load: F) -> Self
    where
        C: Clone + Send + Sync + 'static,
        I: FromId + Send + 'static,
        F: Fn(C, Vec<I>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<M, E>> + Send + 'static,
        M: IntoIterator<Item = (O, T)> + 'static,
        O: ToKey + 'static,
        T: IntoLoaded<V> + 'static,
        E: Into<Box<dyn StdError + Send + Sync>> + 'static,
    {
        let context = context.clone();
        self.load_many(max_batch, move |ids| load(context.clone(), ids))
    }
}
