//! What `#[cached]` and `#[invalidates]` expand to, beside the cache itself: ids, loads, errors carried whole.
//!
//! Written for the attributes, and of use where one would like to do by hand what they do.

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

/// The longest id that is written out, in bytes.
const MAX_WRITTEN: usize = 256;
/// How much of a longer one is, beside its hash.
const START: usize = 64;

/// An id made of parts, which are never taken for one another: `:` and `%` in a part are
/// percent-encoded, and what is longer than 256 bytes is cut and ends in its SHA-256.
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
    /// The id without parts.
    #[must_use]
    pub fn new() -> Self {
        Self { text: String::new(), error: None }
    }

    /// With `text` at its end, taken as it is.
    #[must_use]
    pub fn text(mut self, text: &str) -> Self {
        self.text.push_str(text);
        self
    }

    /// With a part as it is displayed.
    #[must_use]
    pub fn shown(mut self, part: &(impl fmt::Display + ?Sized)) -> Self {
        // Writing fails only if `Display` does.
        if write!(Quoting(&mut self.text), "{part}").is_err() {
            let message = "a part of a key can't be displayed: its Display failed";
            self.error = Some(Error::new(ErrorKind::Config, "key", message));
        }
        self
    }

    /// With a part as serde writes it: a text as it is, unless it could be taken for something else;
    /// everything else as JSON.
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

    /// The text of the id.
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
        let start = (0..=START).rev().find(|at| self.text.is_char_boundary(*at)).unwrap_or_default();
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

/// Percent-encodes what keeps parts apart.
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

/// The text that `json` is, if no other JSON looks like it.
fn plain(json: &str) -> Option<String> {
    let text: String = json.starts_with('"').then(|| serde_json::from_str(json).ok())??;
    let is_json = serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok();
    (!is_json).then_some(text)
}

/// The tags of these texts.
///
/// # Errors
///
/// `Config` if a part can't be written, `Limit` for a text that is empty.
pub fn tags<const N: usize>(texts: [Id; N]) -> Result<Vec<Tag>> {
    texts.into_iter().map(|text| Tag::new(&text.finish()?)).collect()
}

/// What memory holds fresh: nothing has to be cloned for a load then.
#[must_use]
pub fn hit<V: Cacheable>(region: &Region<V>, id: &str) -> Option<Option<Arc<V>>> {
    region.fresh_in_memory(id, value_as).ok()
}

/// As [`Region::get_or_load`], with an error that [`Errors`] can give back.
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

/// A value as it is to be kept: with a life of its own, if it has one, and tags.
#[must_use]
pub fn loaded<V>(value: V, ttl: Option<Ttl>, tags: Vec<Tag>) -> Loaded<V> {
    Loaded::Value(Fetched { value, ttl, tags, etag: None })
}

/// What an attribute's `ttl` says: a life, or one with its grace.
pub fn ttl(ttl: impl Into<Ttl>) -> Ttl {
    ttl.into()
}

/// An error of the cache as one of the function's own.
pub fn own<E: From<Error>>(error: Error) -> E {
    error.into()
}

/// The error of a function that has no way to say "absent", where the region knows the key as absent.
#[must_use]
pub fn absent<V: Cacheable>(region: &Region<V>, id: &str) -> Error {
    let kind = region.core.prefix.kind();
    let message = format!("{kind}:{id} is known to be absent, and its function must answer with a value");
    Error::new(ErrorKind::Load, "get", message)
}

/// Tells that a function is called past the cache: it has no way to say what went wrong there.
pub fn bypassed(function: &str, error: &Error) {
    tracing::warn!(function, %error, "called past the cache");
}

/// What a function ends in a cache: a key of a region, and tags.
#[derive(Debug)]
pub struct Ended<'a> {
    key: Option<(&'a str, String)>,
    tags: Vec<Tag>,
}

impl<'a> Ended<'a> {
    /// The key of this id in the region of this kind, and these tags.
    ///
    /// # Errors
    ///
    /// `Config` or `Limit` for what can't be a kind, an id or a tag.
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

    /// Ends it.
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

/// Tells that a function could not end what it should have.
pub fn not_ended(function: &str, error: &Error) {
    tracing::warn!(function, %error, "what is cached was not invalidated");
}

/// The same region with other settings: so that the compiler knows the type of a closure's argument.
pub fn set<V>(
    region: RegionBuilder<V>,
    settings: impl FnOnce(RegionBuilder<V>) -> RegionBuilder<V>,
) -> RegionBuilder<V> {
    settings(region)
}

/// Gives back the errors of a load as what they were: to all who waited for it if they are `Clone`, else
/// to the first who asks. The others get the cache's error, which tells the same.
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

/// An error of the caller's own on its way through the cache.
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
