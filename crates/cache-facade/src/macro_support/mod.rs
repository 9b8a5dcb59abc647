//! What `#[cached]`, `#[invalidates]` and `#[updates]` expand to, beside the cache itself: ids, what functions
//! return, loads and writes.
//!
//! Written for the attributes, and of use to whoever does by hand what they do.

mod batch;
mod encode;
mod encode_compound;
mod errors;
mod function;
mod hidden_error;
mod id;
mod returns;
mod shape;
mod type_names;
mod update;

use std::{borrow::Cow, fmt, future::Future, sync::Arc, time::Duration};

use cache_core::{Error, ErrorKind, GivenTtl, Key, Loaded, Result, Tag, Ttl};
use futures_util::{
    FutureExt,
    future::{join, join_all},
};

use crate::{
    cache::Cache,
    load::loaders::into_loaded::own as own_error,
    panics::Panicked,
    read::memory_lookup::value_as,
    region::{Cacheable, Region},
    region_builder::RegionBuilder,
};

pub use batch::{BatchCall, BatchOutput, BatchShape, Wanted, loaded_each};
pub use errors::{Cloned, Errors, Failure, Taken, errors_of, loaded};
pub use function::CachedFunction;
pub use id::{Id, KeyPart};
pub use returns::{CloneValue, Counted, Returns, Unsearched, Whole, Within};
pub use shape::{AnyShape, ErrorText, Fallible, Layer, Optional, Part, Same, Shape, Undescribed};
pub use update::{Update, put_returned};

/// Makes tags of texts.
///
/// # Errors
///
/// `Config` if a part can't be written, `Limit` for a text that is empty.
pub fn tags<const N: usize>(texts: [Id; N]) -> Result<Vec<Tag>> {
    texts.into_iter().map(|text| Tag::new(&text.finish()?)).collect()
}

/// Returns the region of a function that returns this, as [`Cache::region_once`] does.
///
/// # Errors
///
/// As [`Cache::region_once`], and `Config` if another function keeps its values there.
pub fn region<R, F>(
    _: R,
    cache: &Cache,
    function: fn() -> CachedFunction,
    open: F,
) -> Result<Region<R::Value>>
where
    R: Returns<Value: Cacheable>,
    F: Fn(&Cache) -> RegionBuilder<R::Value> + 'static,
{
    cache.region_once_if(open, |kind| function::admit(cache, kind, function()))
}

/// Returns a value that memory holds fresh, before anything is cloned for a load.
#[must_use]
pub fn hit<V: Cacheable>(region: &Region<V>, id: &str) -> Option<Option<Arc<V>>> {
    region.fresh_in_memory(id, value_as).ok()
}

/// As [`Region::get_or_load`], with an error that [`Errors`] can restore. A function that can't say that it
/// took too long is waited for, by all its callers, since calling it directly would run it once more for each.
///
/// # Errors
///
/// As [`Region::get_or_load`].
pub async fn load<V, E, F, Fut>(
    region: &Region<V>,
    id: &str,
    says_errors: bool,
    load: F,
) -> Result<Option<Arc<V>>>
where
    V: Cacheable,
    E: fmt::Display + Send + 'static,
    F: FnOnce() -> Fut + Send + 'static,
    Fut: Future<Output = Result<Loaded<V>, E>> + Send + 'static,
{
    // A boxed error would be asked for `From` of itself for every lifetime where this is spawned.
    let load = || async { load().await.map_err(|error| own_error(errors::carried(error))) };
    patient(region, says_errors).get_or_load(id, load).await
}

/// Returns the region as it is for a function that can say that it took too long, else one that waits for as long
/// as a load takes. What takes longer than tombstones last is not stored.
fn patient<V: Cacheable>(region: &Region<V>, says_errors: bool) -> Cow<'_, Region<V>> {
    if says_errors {
        return Cow::Borrowed(region);
    }
    let policy = (*region.policy).clone().hard_timeout(Duration::MAX);
    Cow::Owned(Region { policy: Arc::new(policy), ..region.clone() })
}

/// Panics again with what the body of a function panicked with, if that is what the error says: its callers would
/// have to call it once more each to learn the same.
///
/// # Panics
///
/// If the body did.
pub fn resume_panic(error: &Error) {
    if let Some(Panicked(text)) = error.cause().and_then(|cause| cause.downcast_ref()) {
        std::panic::resume_unwind(Box::new(text.clone()));
    }
}

/// Makes a [`Ttl`] of what an attribute says: a life, a life and its grace, or a class.
pub fn ttl(cache: &Cache, ttl: impl Into<GivenTtl>) -> Ttl {
    cache.engine.ttl(ttl.into())
}

/// The error of a function, which can say that the cache failed.
#[diagnostic::on_unimplemented(
    message = "an error of the cache can't become a `{Self}`, which this function returns",
    label = "of this function's `Result`",
    note = "implement `From<cache_facade::Error>` for it; with thiserror, by a variant `Cache(#[from] cache_facade::Error)`",
    note = "or return an `anyhow::Error`, or a `Box<dyn std::error::Error + Send + Sync>`"
)]
pub trait OwnError: From<Error> {}

#[diagnostic::do_not_recommend]
impl<E: From<Error>> OwnError for E {}

/// Makes the function's own error of one of the cache's.
pub fn own<E: OwnError>(error: Error) -> E {
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
        let message = "cache unavailable, calling the function directly";
        match error.kind() {
            // It never will be, such as for a second function in one region.
            ErrorKind::Config => tracing::error!(function, %error, times, message),
            _ => tracing::warn!(function, %error, times, message),
        }
    }
}

/// What a function invalidates in a cache: a key of a region, and tags.
#[derive(Debug)]
pub struct Ended {
    key: Option<(String, String)>,
    tags: Vec<Tag>,
}

/// Invalidates something when it is dropped, unless that is taken from it before.
#[derive(Debug)]
pub struct EndedIfDropped {
    cache: Cache,
    ended: Option<Ended>,
}

impl Ended {
    /// Names the key of this id in the region of this kind, and these tags.
    ///
    /// # Errors
    ///
    /// `Config` or `Limit` for an invalid kind, id or tag.
    pub fn new<const N: usize>(key: Option<(&str, Id)>, texts: [Id; N]) -> Result<Self> {
        let key = key.map(|(kind, id)| Self::key(kind, id.finish()?)).transpose()?;
        Ok(Self { tags: tags(texts)?, ..key.unwrap_or_else(Self::nothing) })
    }

    /// Names one key.
    fn key(kind: &str, id: String) -> Result<Self> {
        Key::new(kind, &id)?;
        Ok(Self { key: Some((kind.to_owned(), id)), tags: Vec::new() })
    }

    /// Nothing at all.
    #[must_use]
    pub fn nothing() -> Self {
        Self { key: None, tags: Vec::new() }
    }

    /// Invalidates it if what this returns is dropped: the function that is called meanwhile may have written,
    /// though its caller went away.
    #[must_use]
    pub fn if_dropped(self, cache: &Cache) -> EndedIfDropped {
        EndedIfDropped { cache: cache.clone(), ended: Some(self) }
    }

    /// Invalidates it, all of it even if the caller goes away meanwhile.
    ///
    /// # Errors
    ///
    /// As [`Cache::remove`] and [`Cache::invalidate`].
    pub async fn end(self, cache: &Cache) -> Result<()> {
        let (cache, engine) = (cache.clone(), Arc::clone(&cache.engine));
        engine.run_to_completion(async move { self.end_each(&cache).await }).await.unwrap_or(Ok(()))
    }

    async fn end_each(self, cache: &Cache) -> Result<()> {
        // All at once, so that memory is rid of each before the first is waited for.
        let key = async {
            match &self.key {
                Some((kind, id)) => cache.remove(kind, id).await.map(drop),
                None => Ok(()),
            }
        };
        let tags = join_all(self.tags.iter().map(|tag| cache.invalidate(tag)));
        let (key, tags) = join(key, tags).await;
        key.and(tags.into_iter().collect())
    }
}

impl EndedIfDropped {
    /// Returns what is then no longer invalidated by itself.
    #[must_use]
    pub fn take(mut self) -> Ended {
        self.ended.take().unwrap_or_else(Ended::nothing)
    }
}

impl Drop for EndedIfDropped {
    fn drop(&mut self) {
        if let Some(ended) = self.ended.take() {
            let cache = self.cache.clone();
            // What is invalid was refused when this was made.
            let mut ending = Box::pin(async move { ended.end_each(&cache).await.unwrap_or_default() });
            // Memory is rid of it at once: the next read may come before a task does.
            if (&mut ending).now_or_never().is_none() {
                self.cache.engine.spawn(ending);
            }
        }
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
