//! What `#[cached]` and `#[invalidates]` expand to, beside the cache itself: ids, loads, and errors that keep
//! their type.
//!
//! Written for the attributes, and of use to whoever does by hand what they do.

use std::{
    any::Any,
    fmt::{self, Write},
    future::Future,
    marker::PhantomData,
    sync::Arc,
};

use cache_core::{Error, ErrorKind, Fetched, Key, Loaded, Result, Tag, Ttl, sync::Mutex};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::{
    cache::Cache,
    read::memory_lookup::value_as,
    region::{Cacheable, Region},
    region_builder::RegionBuilder,
};

/// The longest id that is written in full, in bytes.
const MAX_WRITTEN: usize = 256;
/// How many bytes of a longer id are written in front of its hash.
const HASHED_PREFIX: usize = 64;

/// An id made of parts. Different parts never make the same id: `:` and `%` in a part are percent-encoded,
/// and an id longer than 256 bytes is cut and ends in its SHA-256.
///
/// ```
/// use cache_facade::macro_support::Id;
///
/// let id = Id::new().text("quote:").shown(&"A:B").text(":").part(&Some(5)).finish()?;
/// assert_eq!(id, "quote:A%3AB:5");
/// # Ok::<(), cache_facade::Error>(())
/// ```
#[derive(Debug)]
pub struct Id {
    text: String,
    error: Option<Error>,
}

impl Id {
    /// Makes an id without parts.
    #[must_use]
    pub fn new() -> Self {
        Self { text: String::new(), error: None }
    }

    /// Adds `text` as it is.
    #[must_use]
    pub fn text(mut self, text: &str) -> Self {
        self.text.push_str(text);
        self
    }

    /// Adds a part as it is displayed.
    #[must_use]
    pub fn shown(mut self, part: &(impl fmt::Display + ?Sized)) -> Self {
        // Writing fails only if `Display` does.
        if write!(Quoting(&mut self.text), "{part}").is_err() {
            let message = "a part of a key can't be displayed: its Display failed";
            self.error = Some(Error::new(ErrorKind::Config, "key", message));
        }
        self
    }

    /// Adds a part as serde writes it: a text as it is, unless it looks like other JSON; everything else as
    /// JSON.
    #[must_use]
    pub fn part(mut self, part: &(impl Serialize + ?Sized)) -> Self {
        match serde_json::to_string(part) {
            Ok(json) => self.shown(plain(&json).as_deref().unwrap_or(&json)),
            Err(source) => {
                let message = "an argument can't be part of a key: ignore it, or say `key = \"...\"`";
                self.error = Some(Error::caused(ErrorKind::Config, "key", message, source));
                self
            }
        }
    }

    /// Returns the text of the id.
    ///
    /// # Errors
    ///
    /// `Config` if a part can't be written.
    pub fn finish(self) -> Result<String> {
        match self.error {
            Some(error) => Err(error),
            None if self.text.len() <= MAX_WRITTEN => Ok(self.text),
            None => Ok(self.hashed()),
        }
    }

    /// `%#` is in no part: there a `%` comes with `25` or `3A`.
    fn hashed(&self) -> String {
        let start = (0..=HASHED_PREFIX).rev().find(|at| self.text.is_char_boundary(*at)).unwrap_or_default();
        let mut text = self.text[..start].to_owned();
        text.push_str("%#");
        for byte in Sha256::digest(&self.text) {
            // Writing to a string does not fail.
            let _ = write!(text, "{byte:02x}");
        }
        text
    }
}

impl Default for Id {
    fn default() -> Self {
        Self::new()
    }
}

/// Percent-encodes the signs that separate parts.
struct Quoting<'a>(&'a mut String);

impl fmt::Write for Quoting<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for piece in text.split_inclusive([':', '%']) {
            let (plain, sign) = match piece.as_bytes().last() {
                Some(b':') => (&piece[..piece.len() - 1], "%3A"),
                Some(b'%') => (&piece[..piece.len() - 1], "%25"),
                _ => (piece, ""),
            };
            self.0.push_str(plain);
            self.0.push_str(sign);
        }
        Ok(())
    }
}

/// Returns the text that `json` is, unless it looks like other JSON.
fn plain(json: &str) -> Option<String> {
    let text: String = json.starts_with('"').then(|| serde_json::from_str(json).ok())??;
    let is_json = serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok();
    (!is_json).then_some(text)
}

/// Makes tags of texts.
///
/// # Errors
///
/// `Config` if a part can't be written, `Limit` for a text that is empty.
pub fn tags<const N: usize>(texts: [Id; N]) -> Result<Vec<Tag>> {
    texts.into_iter().map(|text| Tag::new(&text.finish()?)).collect()
}

/// Returns a value that memory holds fresh, before anything is cloned for a load.
#[must_use]
pub fn hit<V: Cacheable>(region: &Region<V>, id: &str) -> Option<Option<Arc<V>>> {
    region.fresh_in_memory(id, value_as).ok()
}

/// As [`Region::get_or_load`], with an error that [`Errors`] can restore.
///
/// # Errors
///
/// As [`Region::get_or_load`].
pub async fn load<V, E, F, Fut>(region: &Region<V>, id: &str, load: F) -> Result<Option<Arc<V>>>
where
    V: Cacheable,
    E: fmt::Display + Send + 'static,
    F: FnOnce() -> Fut + Send + 'static,
    Fut: Future<Output = Result<Loaded<V>, E>> + Send + 'static,
{
    region.get_or_load(id, || async { load().await.map_err(carried) }).await
}

/// Makes a loaded value, with a life of its own if it has one, and tags.
#[must_use]
pub fn loaded<V>(value: V, ttl: Option<Ttl>, tags: Vec<Tag>) -> Loaded<V> {
    Loaded::Value(Fetched { value, ttl, tags, etag: None })
}

/// Makes a [`Ttl`] of what an attribute says: a life, or a life and its grace.
pub fn ttl(ttl: impl Into<Ttl>) -> Ttl {
    ttl.into()
}

/// Makes the function's own error of one of the cache's.
pub fn own<E: From<Error>>(error: Error) -> E {
    error.into()
}

/// The error of a function that can't return "absent", where the region knows that the key is absent.
#[must_use]
pub fn absent<V: Cacheable>(region: &Region<V>, id: &str) -> Error {
    let kind = region.core.prefix.kind();
    let message = format!("{kind}:{id} is known to be absent, and its function must return a value");
    Error::new(ErrorKind::Load, "get", message)
}

/// Logs that a function is called directly: its own error can't express the cache's.
pub fn bypassed(cache: &Cache, function: &str, error: &Error) {
    let engine = &cache.engine;
    if let Some(times) = engine.log_sums().bypassed.count(engine.clock().now()) {
        tracing::warn!(function, %error, times, "cache unavailable, calling the function directly");
    }
}

/// What a function invalidates in a cache: a key of a region, and tags.
#[derive(Debug)]
pub struct Ended<'a> {
    key: Option<(&'a str, String)>,
    tags: Vec<Tag>,
}

impl<'a> Ended<'a> {
    /// Names the key of this id in the region of this kind, and these tags.
    ///
    /// # Errors
    ///
    /// `Config` or `Limit` for an invalid kind, id or tag.
    pub fn new<const N: usize>(key: Option<(&'a str, Id)>, texts: [Id; N]) -> Result<Self> {
        let key = key.map(|(kind, id)| {
            let id = id.finish()?;
            Key::new(kind, &id).map(|_| (kind, id))
        });
        Ok(Self { key: key.transpose()?, tags: tags(texts)? })
    }

    /// Nothing at all.
    #[must_use]
    pub fn nothing() -> Self {
        Self { key: None, tags: Vec::new() }
    }

    /// Invalidates it.
    ///
    /// # Errors
    ///
    /// As [`Cache::remove`] and [`Cache::invalidate`].
    pub async fn end(self, cache: &Cache) -> Result<()> {
        if let Some((kind, id)) = self.key {
            cache.remove(kind, &id).await?;
        }
        for tag in &self.tags {
            cache.invalidate(tag).await?;
        }
        Ok(())
    }
}

/// Logs that a function could not invalidate what it should have.
pub fn not_ended(cache: &Cache, function: &str, error: &Error) {
    let engine = &cache.engine;
    if let Some(times) = engine.log_sums().not_ended.count(engine.clock().now()) {
        tracing::warn!(function, %error, times,
            "cached entries were not invalidated: they may be served until they expire");
    }
}

/// Applies settings to a region. The compiler takes the type of the closure's argument from here.
pub fn set<V>(
    region: RegionBuilder<V>,
    settings: impl FnOnce(RegionBuilder<V>) -> RegionBuilder<V>,
) -> RegionBuilder<V> {
    settings(region)
}

/// Restores the errors of a load as what they were: for all who waited if they are `Clone`, else for the
/// first who asks. The others get the cache's error, whose text is the same.
#[derive(Debug)]
pub struct Errors<E>(PhantomData<fn() -> E>);

/// The errors of `load`.
pub fn errors_of<T, E, F, Fut>(_: &F) -> Errors<E>
where
    F: FnOnce() -> Fut,
    Fut: Future<Output = Result<T, E>>,
{
    Errors(PhantomData)
}

/// [`Errors`] that are `Clone`.
pub trait Cloned<E> {
    /// The error of the function.
    fn restore(&self, error: Error) -> E;
}

/// [`Errors`] that need not be `Clone`. Implemented for references, so that a call takes [`Cloned`]
/// where it can.
pub trait Taken<E> {
    /// The error of the function.
    fn restore(&self, error: Error) -> E;
}

impl<E: Clone + From<Error> + Send + 'static> Cloned<E> for Errors<E> {
    fn restore(&self, error: Error) -> E {
        restored(error, |own| own.clone())
    }
}

impl<E: From<Error> + Send + 'static> Taken<E> for &Errors<E> {
    fn restore(&self, error: Error) -> E {
        restored(error, Option::take)
    }
}

fn restored<E: From<Error> + Send + 'static>(error: Error, own: fn(&mut Option<E>) -> Option<E>) -> E {
    let cause = error.cause().and_then(|cause| cause.downcast_ref::<Carried<E>>());
    let own = cause.and_then(|Carried { own: error, .. }| own(&mut error.lock()));
    own.unwrap_or_else(|| E::from(error))
}

/// An error of the caller's own while it passes through the cache.
struct Carried<E> {
    text: String,
    own: Mutex<Option<E>>,
}

/// The cache's own errors are passed on as they are.
fn carried<E: fmt::Display + Send + 'static>(error: E) -> Box<dyn std::error::Error + Send + Sync> {
    if let Some(ours) = (&error as &dyn Any).downcast_ref::<Error>() {
        return ours.clone().into();
    }
    Box::new(Carried { text: error.to_string(), own: Mutex::new(Some(error)) })
}

impl<E> fmt::Display for Carried<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl<E> fmt::Debug for Carried<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Carried({})", self.text)
    }
}

impl<E: Send> std::error::Error for Carried<E> {}
