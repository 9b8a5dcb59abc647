//! Many keys read at once, what was found apart from what failed.

use std::sync::Arc;

use cache_core::{Error, ToKey};

use crate::region::{Cacheable, Region};

impl<V: Cacheable> Region<V> {
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
}
