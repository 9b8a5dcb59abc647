//! Loader: where values come from when no tier has them.

use async_trait::async_trait;

use crate::{Error, Key, Result, Tag, Ttl};

/// A source of values, asked in batches.
#[async_trait]
pub trait Loader<V>: Send + Sync + 'static {
    /// Returns how many keys one call may ask for; at least 1.
    fn max_batch(&self) -> usize;

    /// Loads values. Item `i` of the result belongs to `requests[i]`.
    ///
    /// # Errors
    ///
    /// If the call as a whole failed. A failure of a single key is [`Loaded::Failed`].
    async fn load(&self, requests: &[Request]) -> Result<Vec<Loaded<V>>>;
}

/// One key to load.
#[derive(Clone, Debug)]
pub struct Request {
    /// The key.
    pub key: Key,
    /// The source's version of the value that is still cached, for a source that can say "not modified".
    pub etag: Option<Box<str>>,
}

/// What a source says about a key.
#[derive(Clone, Debug)]
pub enum Loaded<V> {
    /// The value.
    Value(Fetched<V>),
    /// The key does not exist.
    Absent,
    /// The value of [`Request::etag`] is still current. It is kept, and its life begins anew: the one that its
    /// source had given it, else one by the region's policy.
    NotModified,
    /// This key could not be loaded. Others may have been.
    Failed(Error),
}

/// A value from its source, with what the source says about it.
#[derive(Clone, Debug)]
pub struct Fetched<V> {
    /// The value.
    pub value: V,
    /// Its TTL, if the source knows better than the policy of the region.
    pub ttl: Option<Ttl>,
    /// The tags to invalidate it by.
    pub tags: Vec<Tag>,
    /// The source's version of it.
    pub etag: Option<String>,
}

impl<V> Fetched<V> {
    /// Returns a value about which its source says nothing more.
    pub fn new(value: V) -> Self {
        Self { value, ttl: None, tags: Vec::new(), etag: None }
    }

    /// Returns the same with this TTL, which overrides the policy of the region.
    #[must_use]
    pub fn ttl(self, ttl: Ttl) -> Self {
        Self { ttl: Some(ttl), ..self }
    }

    /// Returns the same with one more tag.
    #[must_use]
    pub fn tag(mut self, tag: Tag) -> Self {
        self.tags.push(tag);
        self
    }

    /// Returns the same with the source's version of it.
    #[must_use]
    pub fn etag(self, etag: impl Into<String>) -> Self {
        Self { etag: Some(etag.into()), ..self }
    }
}

impl<V> From<V> for Fetched<V> {
    fn from(value: V) -> Self {
        Self::new(value)
    }
}

impl<V> From<V> for Loaded<V> {
    fn from(value: V) -> Self {
        Self::Value(Fetched::new(value))
    }
}

impl<V> From<Fetched<V>> for Loaded<V> {
    fn from(fetched: Fetched<V>) -> Self {
        Self::Value(fetched)
    }
}

/// Loads keys again without a read. A region implements it for code that decides which keys to renew but
/// knows neither the type of their values nor the rest of the cache, such as a scheduler of refreshes.
#[async_trait]
pub trait Refresh: Send + Sync + 'static {
    /// Loads these keys from their source again. Returns how many were loaded.
    ///
    /// # Errors
    ///
    /// If none was loaded.
    async fn refresh(&self, keys: &[Key]) -> Result<usize>;
}
