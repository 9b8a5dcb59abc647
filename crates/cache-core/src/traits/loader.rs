//! Where values come from when no tier has them.

use async_trait::async_trait;

use crate::{Error, Key, Result, Tag, Ttl};

/// A source of values, asked in batches.
#[async_trait]
pub trait Loader<V>: Send + Sync + 'static {
    /// How many keys one call may ask for; at least 1.
    fn max_batch(&self) -> usize;

    /// Loads values: answer `i` belongs to `requests[i]`.
    ///
    /// # Errors
    ///
    /// If the call as a whole failed. A failure of one key is [`Loaded::Failed`].
    async fn load(&self, requests: &[Request]) -> Result<Vec<Loaded<V>>>;
}

/// One key to load.
#[derive(Clone, Debug)]
pub struct Request {
    /// The key.
    pub key: Key,
    /// The version of the value that is still at hand, for a source that can answer "not modified".
    pub etag: Option<Box<str>>,
}

/// What a source says about a key.
#[derive(Clone, Debug)]
pub enum Loaded<V> {
    /// This is the value.
    Value(Fetched<V>),
    /// There is no such key.
    Absent,
    /// The value of [`Request::etag`] is still the right one: it is kept and its life renewed.
    NotModified,
    /// This key could not be loaded, though others may have been.
    Failed(Error),
}

/// A value from its source, with what the source says of it.
#[derive(Clone, Debug)]
pub struct Fetched<V> {
    /// The value.
    pub value: V,
    /// How long it holds, if the source knows better than the region's policy.
    pub ttl: Option<Ttl>,
    /// Labels to invalidate it by.
    pub tags: Vec<Tag>,
    /// The source's version of it.
    pub etag: Option<String>,
}

impl<V> Fetched<V> {
    /// A value of which its source says nothing.
    pub fn new(value: V) -> Self {
        Self { value, ttl: None, tags: Vec::new(), etag: None }
    }

    /// The same, holding for `ttl` whatever the region's policy says.
    #[must_use]
    pub fn ttl(self, ttl: Ttl) -> Self {
        Self { ttl: Some(ttl), ..self }
    }

    /// The same with one more tag.
    #[must_use]
    pub fn tag(mut self, tag: Tag) -> Self {
        self.tags.push(tag);
        self
    }

    /// The same with the source's version of it.
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

/// All that a warmer may ask of a cache.
#[async_trait]
pub trait Refresh: Send + Sync + 'static {
    /// Loads these keys anew, from their source, and answers how many came.
    ///
    /// # Errors
    ///
    /// If none came.
    async fn refresh(&self, keys: &[Key]) -> Result<usize>;
}
