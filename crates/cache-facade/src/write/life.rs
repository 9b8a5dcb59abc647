//! The life of a value, set anew.

use cache_core::{Fetched, Result, ToKey, Ttl};

use super::update::Op;
use crate::{
    answer::Found,
    region::{Cacheable, Region},
};

impl<V: Cacheable> Region<V> {
    /// Gives the value of a key this life, counted from now: in memory, in every tier, and for other nodes,
    /// which let go of their copies. Its value, tags and etag stay; it has a new version, and its age counts
    /// from now: in the tiers a value has one birth, by which the later write wins. A value in grace becomes
    /// fresh again; a life of zero removes the value. Returns whether there was a value that could be served;
    /// nothing is loaded. If another value comes in between, that one is given the life; but a put that began
    /// before and is stored after loses to it, as to any update: see [`Region::compute`].
    ///
    /// ```
    /// use std::time::Duration;
    /// use cache_facade::Ttl;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> cache_facade::Result<()> {
    /// # let cache = cache_facade::Cache::builder().build().await?;
    /// let sessions = cache.region::<String>("session").open()?;
    /// sessions.put("42", "Ada".to_owned()).await?;
    /// assert!(sessions.set_life("42", Ttl::new(Duration::from_secs(1800))).await?);
    /// assert!(!sessions.set_life("43", Ttl::new(Duration::from_secs(1800))).await?);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Region::compute`].
    pub async fn set_life<K: ToKey + ?Sized>(&self, key: &K, life: Ttl) -> Result<bool> {
        let anew = move |Found { value, meta, .. }: &Found<V>| {
            let (value, tags, etag) = (value.clone()?, meta.tags().to_vec(), meta.etag().map(str::to_owned));
            Some(Op::Put(Fetched { value, ttl: Some(life), tags, etag }))
        };
        let updated =
            self.update(key, move |current| current.found.as_ref().and_then(anew).unwrap_or(Op::Keep));
        Ok(updated.await?.changed)
    }
}
