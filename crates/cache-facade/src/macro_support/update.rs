//! Values that functions which write return, put under their keys.

use std::sync::Arc;

use cache_core::{Result, Tag, Ttl};

use super::{Ended, EndedIfDropped, Id, errors::fetched, returns::Returns, shape::Part, tags};
use crate::{
    cache::Cache,
    region::{Cacheable, Region},
    region_builder::RegionBuilder,
};

/// Where to put what a function will return. If it is dropped before that, the key is removed.
#[derive(Debug)]
pub struct Update<V> {
    region: Region<V>,
    id: String,
    ttl: Option<Ttl>,
    tags: Vec<Tag>,
    /// The removal of the key.
    removal: EndedIfDropped,
}

impl<V: Cacheable> Update<V> {
    /// Names the key of this id in the region that `open` opens, of this kind, and the life and tags of the value.
    ///
    /// # Errors
    ///
    /// As [`Cache::region_once`], and `Config` or `Limit` for an invalid id or tag.
    pub fn new<R, F, const N: usize>(
        _: R,
        cache: &Cache,
        open: F,
        kind: &str,
        id: Id,
        ttl: Option<Ttl>,
        texts: [Id; N],
    ) -> Result<Self>
    where
        R: Returns<Value = V>,
        F: Fn(&Cache) -> RegionBuilder<V> + 'static,
    {
        let region = cache.region_once(open)?;
        let (id, tags) = (id.finish()?, tags(texts)?);
        let removal = Ended::key(kind, id.clone())?.if_dropped(cache);
        Ok(Self { region, id, ttl, tags, removal })
    }
}

/// Puts what the function returned, and hands it back: its value if it succeeded, nothing if it failed. Absence
/// removes the key, and so does a value that is not to be kept. All of it is done even if the caller goes away
/// meanwhile.
///
/// # Errors
///
/// As [`Cache::remove`], if a value that can't be put can't be removed either.
pub async fn put_returned<R>(
    update: Option<Update<R::Value>>,
    shape: R,
    returned: R::Returned,
    keep: impl FnOnce(&R::Value) -> bool,
) -> (R::Returned, Result<()>)
where
    R: Returns<Value: Cacheable + Clone>,
{
    let Some(Update { region, id, ttl, tags, removal }) = update else { return (returned, Ok(())) };
    let ended = removal.take();
    let (returned, value) = match shape.split(returned) {
        Part::Failed(returned, _) => return (returned, Ok(())),
        Part::Value(value) if shape.is_error(&value) => {
            return (shape.join(Arc::new(value)), Ok(()));
        }
        Part::Value(value) if !keep(&value) => (shape.join(Arc::new(value)), None),
        Part::Value(value) => (shape.join(Arc::new(value.clone())), Some(value)),
        Part::Absent => (shape.absent().unwrap_or_else(|| unreachable!("it was returned")), None),
    };
    let cache = Cache { engine: Arc::clone(&region.engine) };
    let engine = Arc::clone(&region.engine);
    let write = async move {
        if let Some(value) = value {
            match region.put(&id, fetched(value, ttl, tags)).await {
                Ok(()) => return Ok(()),
                Err(error) => {
                    tracing::debug!(id, %error, "a value that was written is removed, since it can't be put");
                }
            }
        }
        ended.end(&cache).await
    };
    (returned, engine.run_to_completion(write).await.unwrap_or(Ok(())))
}
