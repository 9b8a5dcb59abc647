//! A formula as a loader: it reads the inputs of its keys together, and computes.

use std::sync::Arc;

use async_trait::async_trait;
use cache_core::{Fetched, Key, Loaded, Loader, Request, Result};

use super::{
    ComputedFrom, Inputs,
    inputs::{Births, EngineRef, Fetches},
    provenance::Provenance,
};
use crate::{engine::Engine, load::fetch::together::AnyFetch, region::Cacheable};

/// How many values are computed in one call.
const MAX_BATCH: usize = 1000;

/// How the values of a region are computed.
pub(super) struct Formula<I, M, F> {
    pub(super) engine: Arc<Engine>,
    pub(super) inputs: I,
    /// Which inputs an id has.
    pub(super) ids: M,
    pub(super) compute: F,
}

#[async_trait]
impl<V, I, M, F, T> Loader<V> for Formula<I, M, F>
where
    V: Cacheable,
    I: Inputs,
    M: Fn(&str) -> Result<I::Ids> + Send + Sync + 'static,
    F: Fn(&str, I::Values) -> Result<Option<T>> + Send + Sync + 'static,
    T: Into<Fetched<V>>,
{
    fn max_batch(&self) -> usize {
        MAX_BATCH
    }

    async fn load(&self, requests: &[Request<V>]) -> Result<Vec<Loaded<V>>> {
        let ids: Vec<Result<I::Ids>> = requests.iter().map(|request| (self.ids)(request.key.id())).collect();
        let known: Vec<I::Ids> = ids.iter().flatten().cloned().collect();
        let (Fetches(fetches), reading) = self.inputs.begin(&known);
        self.engine.spawn_fetches(fetches);
        let mut read = reading.await.into_iter();
        let mut computed = |(request, ids): (&Request<V>, Result<I::Ids>)| {
            ids?;
            let (values, provenance) = read.next().unwrap_or_else(|| unreachable!("one answer an id"))?;
            let Some(value) = (self.compute)(request.key.id(), values)? else { return Ok(Loaded::Absent) };
            let tags = provenance.tags().iter().cloned();
            Ok(value.into().tags(tags).etag(provenance.text()).into())
        };
        let loaded = requests.iter().zip(ids).map(&mut computed);
        Ok(loaded.map(|loaded| loaded.unwrap_or_else(Loaded::Failed)).collect())
    }
}

impl<I, M, F> ComputedFrom for Formula<I, M, F>
where
    I: Inputs,
    M: Fn(&str) -> Result<I::Ids> + Send + Sync,
    F: Send + Sync,
{
    fn is_of_one_cache(&self) -> bool {
        self.inputs.are_of(&EngineRef(&self.engine))
    }

    fn is_current(&self, key: &Key, provenance: &Provenance) -> bool {
        let mut births = Births::default();
        (self.ids)(key.id()).is_ok_and(|ids| self.inputs.births(&ids, &mut births))
            && births.at == provenance.births()
            // What was computed before an input was marked does not say that it is stale.
            && (!births.marked || provenance.is_stale())
    }

    fn prefetch(&self, keys: &[&Key]) -> Vec<Box<dyn AnyFetch>> {
        let ids: Vec<I::Ids> = keys.iter().filter_map(|key| (self.ids)(key.id()).ok()).collect();
        self.inputs.prefetch(&ids).0
    }
}
