//! Loader: where values come from when no tier has them.

use std::{fmt, sync::Arc};

use async_trait::async_trait;

use crate::{Error, GivenTtl, Key, Result, Tag, Ttl};

/// A source of values, asked in batches.
#[async_trait]
pub trait Loader<V>: Send + Sync + 'static {
    /// Returns how many keys one call may ask for; at least 1.
    fn max_batch(&self) -> usize;

    /// Loads values. Item `i` of the result belongs to `requests[i]`.
    ///
    /// It may read other keys through the cache. The keys of the call itself can't be read within it, nor those of
    /// calls that wait for it: such a read, in the same task, fails at once with an error of
    /// [`ErrorKind::Load`](crate::ErrorKind::Load), unless a stale value may be served in its place. A read in a
    /// task that the loader spawned waits for the hard timeout.
    ///
    /// # Errors
    ///
    /// If the call as a whole failed. A failure of a single key is [`Loaded::Failed`]. Of both, the cache heeds
    /// [`Error::with_retry_after`] and [`Error::forbid_stale`]. If the call fails with an error of kind
    /// [`Config`](crate::ErrorKind::Config) or [`Limit`](crate::ErrorKind::Limit), one of its keys may be at
    /// fault: it is made again in halves, until that key is alone.
    async fn load(&self, requests: &[Request<V>]) -> Result<Vec<Loaded<V>>>;
}

/// One key to load, and what is still cached of it.
pub struct Request<V> {
    /// The key.
    pub key: Key,
    /// The source's version of [`Request::previous`], for a source that can say "not modified".
    pub etag: Option<Box<str>>,
    /// The value that is still cached, fresh or in grace, for a loader that fetches only what has changed since.
    /// `None` if there is none, or if several loads of the key share one call and have different ones.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use cache_core::{Key, Loaded, Request};
    ///
    /// /// Adds the new trades to those that are cached.
    /// fn merged(request: &Request<Vec<u32>>, new: &[u32]) -> Loaded<Vec<u32>> {
    ///     let known = request.previous.as_deref().map_or(&[][..], Vec::as_slice);
    ///     [known, new].concat().into()
    /// }
    ///
    /// let request = Request { previous: Some(Arc::new(vec![1, 2])), ..Request::new(Key::new("trades", "AAPL")?) };
    /// assert!(matches!(merged(&request, &[3]), Loaded::Value(all) if all.value == [1, 2, 3]));
    /// # Ok::<(), cache_core::Error>(())
    /// ```
    pub previous: Option<Arc<V>>,
}

impl<V> Request<V> {
    /// Returns a request for a key of which nothing is cached.
    pub fn new(key: Key) -> Self {
        Self { key, etag: None, previous: None }
    }
}

impl<V> Clone for Request<V> {
    fn clone(&self) -> Self {
        Self { key: self.key.clone(), etag: self.etag.clone(), previous: self.previous.clone() }
    }
}

impl<V> fmt::Debug for Request<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("key", &self.key)
            .field("etag", &self.etag)
            .field("previous", &self.previous.is_some())
            .finish()
    }
}

/// What a source says about a key.
#[derive(Clone, Debug)]
pub enum Loaded<V> {
    /// The value.
    Value(Fetched<V>),
    /// The key does not exist.
    Absent,
    /// The key does not exist, and the knowledge of that ends with any of these tags, if it is remembered.
    AbsentWith {
        /// The tags to invalidate it by.
        tags: Vec<Tag>,
    },
    /// The value of [`Request::etag`] is still current. It is kept, and its life begins anew.
    NotModified {
        /// Its TTL from now on, if the source states one, as a 304 with `Cache-Control` does. Without, the one
        /// that the source had given it before, else one by the region's policy.
        ttl: Option<Ttl>,
    },
    /// This key could not be loaded. Others may have been.
    Failed(Error),
}

impl<V> Loaded<V> {
    /// Returns that the cached value is still current, and that its life begins anew as it was.
    #[must_use]
    pub fn not_modified() -> Self {
        Self::NotModified { ttl: None }
    }
}

/// A value from its source, with what the source says about it.
#[derive(Clone, Debug)]
pub struct Fetched<V> {
    /// The value.
    pub value: V,
    /// Its TTL, if the source knows better than the policy of the region.
    pub ttl: Option<GivenTtl>,
    /// The tags to invalidate it by.
    pub tags: Vec<Tag>,
    /// The source's version of it.
    pub etag: Option<String>,
    /// Why one of the tags that it was given can't be one.
    refusal: Option<Error>,
    /// What the same call brought under other keys.
    besides: Vec<Beside<V>>,
}

/// A value that a call brought besides the one that it was asked for: see [`Fetched::beside`].
#[derive(Clone, Debug)]
pub struct Beside<V> {
    /// The id of its key, which is of the same region.
    pub id: Box<str>,
    /// The value.
    pub fetched: Fetched<V>,
}

impl<V> Fetched<V> {
    /// Returns a value about which its source says nothing more.
    pub fn new(value: V) -> Self {
        Self { value, ttl: None, tags: Vec::new(), etag: None, refusal: None, besides: Vec::new() }
    }

    /// Returns the same with this TTL, which overrides the policy of the region: a [`Ttl`], a `Duration`, which
    /// has no grace, or a [`Class`](crate::Class), which comes to what the cache says.
    #[must_use]
    pub fn ttl(self, ttl: impl Into<GivenTtl>) -> Self {
        Self { ttl: Some(ttl.into()), ..self }
    }

    /// Returns the same with one more tag, a text or a [`Tag`]. A text that can't be a tag, empty or too long, is
    /// refused by the cache: where the value is put, or as the failure of its load.
    ///
    /// ```
    /// use cache_core::Fetched;
    ///
    /// assert!(Fetched::new(190.5).tag("AAPL").tag(format!("user:{}", 7)).checked().is_ok());
    /// assert!(Fetched::new(190.5).tag("").checked().is_err());
    /// ```
    #[must_use]
    pub fn tag(mut self, tag: impl TryInto<Tag, Error: Into<Error>>) -> Self {
        match tag.try_into() {
            Ok(tag) => self.tags.push(tag),
            Err(error) => self.refusal = self.refusal.or_else(|| Some(error.into())),
        }
        self
    }

    /// Returns the same with further tags, each as in [`Fetched::tag`].
    #[must_use]
    pub fn tags<T: TryInto<Tag, Error: Into<Error>>>(self, tags: impl IntoIterator<Item = T>) -> Self {
        tags.into_iter().fold(self, Self::tag)
    }

    /// Returns the same with the source's version of it.
    #[must_use]
    pub fn etag(self, etag: impl Into<String>) -> Self {
        Self { etag: Some(etag.into()), ..self }
    }

    /// Returns the same with a value that the call brought under another id of the same region, such as a part of
    /// what was asked for. A load stores it as it does the value itself: born with it, before the callers of the
    /// load have their answer, and not at all if the key of the load was written or removed meanwhile. A put
    /// leaves it out, and so does the cache what such a value has besides.
    ///
    /// ```
    /// use std::time::Duration;
    /// use cache_core::Fetched;
    ///
    /// let older = Fetched::new(vec![1, 2]).ttl(Duration::from_secs(86_400));
    /// let mut latest = Fetched::new(vec![3]).beside("trades:2019", older);
    /// assert_eq!(latest.take_besides()[0].fetched.value, [1, 2]);
    /// ```
    #[must_use]
    pub fn beside(mut self, id: impl Into<Box<str>>, fetched: Self) -> Self {
        self.besides.push(Beside { id: id.into(), fetched });
        self
    }

    /// Takes what the call brought under other ids.
    pub fn take_besides(&mut self) -> Vec<Beside<V>> {
        std::mem::take(&mut self.besides)
    }

    /// Returns the same, if every tag that it was given is one.
    ///
    /// # Errors
    ///
    /// As [`Tag::new`], of the first that is none.
    pub fn checked(self) -> Result<Self> {
        match self.refusal {
            Some(error) => Err(error),
            None => Ok(self),
        }
    }

    /// Returns what `change` makes of the value, and of each that is beside it, with all that is said about them.
    pub fn map<U>(self, mut change: impl FnMut(V) -> U) -> Fetched<U> {
        self.map_by(&mut change)
    }

    fn map_by<U>(self, change: &mut dyn FnMut(V) -> U) -> Fetched<U> {
        let Self { value, ttl, tags, etag, refusal, besides } = self;
        let value = change(value);
        let mapped = |Beside { id, fetched }: Beside<V>| Beside { id, fetched: fetched.map_by(&mut *change) };
        Fetched { value, ttl, tags, etag, refusal, besides: besides.into_iter().map(mapped).collect() }
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
    /// Loads these keys from their source again. Returns how many were loaded, and which failed.
    ///
    /// # Errors
    ///
    /// If none was asked for, as when the cache is shut down. A failure of a key is in [`Refreshed::failed`].
    async fn refresh(&self, keys: &[Key]) -> Result<Refreshed>;
}

/// What came of loading keys again.
///
/// ```
/// use cache_core::{Error, ErrorKind, Key, Refreshed};
///
/// let halted = Error::new(ErrorKind::Load, "load", "no price today");
/// let refreshed = Refreshed { loaded: 2, failed: vec![(Key::new("price", "HALT")?, halted)] };
/// assert_eq!(refreshed.failed[0].0.id(), "HALT");
/// assert_eq!(refreshed.all().unwrap_err().to_string(), "load: no price today");
/// assert_eq!(Refreshed { loaded: 2, failed: Vec::new() }.all()?, 2);
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "keys may have failed: see `failed`, or call `all`"]
pub struct Refreshed {
    /// How many keys their source answered, be it that there is no value.
    pub loaded: usize,
    /// The keys that were not loaded, in the order in which they were given, each with what its load failed with.
    /// What was cached of them stays, unless the error [forbids it](Error::forbid_stale).
    pub failed: Vec<(Key, Error)>,
}

impl Refreshed {
    /// Returns how many keys were loaded, if all of them were.
    ///
    /// # Errors
    ///
    /// The error of the first key that failed.
    pub fn all(self) -> Result<usize> {
        match self.failed.into_iter().next() {
            Some((_, error)) => Err(error),
            None => Ok(self.loaded),
        }
    }
}
