//! A function as a loader, asked for ids rather than keys.

use std::{
    collections::HashMap,
    error::Error as StdError,
    marker::PhantomData,
    sync::atomic::{AtomicBool, Ordering},
};

use async_trait::async_trait;
use cache_core::{Error, ErrorKind, FromId, Key, Loaded, Loader, Prefix, Request, Result, ToKey};
use tracing::{debug, warn};

use super::into_loaded::{IntoLoaded, own};
use crate::region::Cacheable;

/// A function of many ids as a loader. It returns pairs of an id and what became of it; an id that is not among
/// them has no value.
pub(crate) struct FunctionLoader<I, F, Of> {
    max_batch: usize,
    prefix: Prefix,
    id_of: Of,
    load: F,
    /// Whether it has answered ids that it was not asked for.
    answered_others: AtomicBool,
    id: PhantomData<fn() -> I>,
}

impl<I, F, Of> FunctionLoader<I, F, Of> {
    /// Returns the loader of a region with this prefix. `id_of` returns the id of a key, if the key is one that
    /// an id makes.
    pub(crate) fn new(max_batch: usize, prefix: Prefix, id_of: Of, load: F) -> Self {
        Self { max_batch, prefix, id_of, load, answered_others: AtomicBool::new(false), id: PhantomData }
    }
}

#[async_trait]
impl<V, I, F, Fut, M, O, T, E, Of> Loader<V> for FunctionLoader<I, F, Of>
where
    V: Cacheable,
    I: Send + 'static,
    F: Fn(Vec<I>) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = std::result::Result<M, E>> + Send + 'static,
    M: IntoIterator<Item = (O, T)>,
    O: ToKey,
    T: IntoLoaded<V>,
    E: Into<Box<dyn StdError + Send + Sync>>,
    Of: Fn(&Key) -> Option<I> + Send + Sync + 'static,
{
    fn max_batch(&self) -> usize {
        self.max_batch
    }

    async fn load(&self, requests: &[Request<V>]) -> Result<Vec<Loaded<V>>> {
        let mut wanted = Vec::with_capacity(requests.len());
        let mut want = |request: &Request<V>| (self.id_of)(&request.key).map(|id| wanted.push(id)).is_some();
        let are_ids: Vec<bool> = requests.iter().map(&mut want).collect();
        let mut answers = HashMap::with_capacity(wanted.len());
        if !wanted.is_empty() {
            let found = (self.load)(wanted).await.map_err(|error| own(error.into()))?;
            for (id, outcome) in found {
                let loaded = outcome.into_loaded().unwrap_or_else(|error| Loaded::Failed(own(error)));
                match id.to_key(&self.prefix) {
                    Ok(key) => drop(answers.insert(key, loaded)),
                    Err(error) => debug!(%error, "a loader answered an id that nobody can have asked for"),
                }
            }
        }
        let answer = |(request, is_id): (&Request<V>, bool)| match is_id {
            true => answers.remove(&request.key).unwrap_or(Loaded::Absent),
            false => Loaded::Failed(not_an_id::<I>(&request.key)),
        };
        let answers_of_keys = requests.iter().zip(are_ids).map(answer).collect();
        if let Some(key) = answers.keys().next()
            && !self.answered_others.swap(true, Ordering::Relaxed)
        {
            let (others, asked) = (answers.len(), requests.len());
            warn!(%key, others, asked, "a loader answers ids that it was not asked for, perhaps in another spelling: \
                what it leaves out counts as absent; further ones are passed over");
        }
        Ok(answers_of_keys)
    }
}

/// A function of one id as a loader.
pub(crate) struct OneByOne<I, F> {
    load: F,
    id: PhantomData<fn() -> I>,
}

impl<I, F> OneByOne<I, F> {
    pub(crate) fn new(load: F) -> Self {
        Self { load, id: PhantomData }
    }
}

#[async_trait]
impl<V, I, F, Fut> Loader<V> for OneByOne<I, F>
where
    V: Cacheable,
    I: FromId + Send + 'static,
    F: Fn(I) -> Fut + Send + Sync + 'static,
    Fut: Future<Output: IntoLoaded<V>> + Send + 'static,
{
    fn max_batch(&self) -> usize {
        1
    }

    async fn load(&self, requests: &[Request<V>]) -> Result<Vec<Loaded<V>>> {
        let mut answers = Vec::with_capacity(requests.len());
        for Request { key, .. } in requests {
            answers.push(match I::from_id(key.id()) {
                Some(id) => (self.load)(id).await.into_loaded().map_err(own)?,
                None => Loaded::Failed(not_an_id::<I>(key)),
            });
        }
        Ok(answers)
    }
}

fn not_an_id<I>(key: &Key) -> Error {
    let message = format!(
        "{key} can't be loaded: {:?} is not the text of a {}, which the loader of {:?} takes",
        key.id(),
        std::any::type_name::<I>(),
        key.kind()
    );
    Error::new(ErrorKind::Config, "load", message)
}
