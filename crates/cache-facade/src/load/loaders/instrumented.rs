//! A loader whose calls are counted and reported to observers; a panic or a wrong number of answers is an error.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use async_trait::async_trait;
use cache_core::{Error, ErrorKind, Event, Loaded, Loader, Request, Result};
use futures_util::FutureExt;
use tracing::Instrument;

use super::shared_loader::{SharedLoader, shared};
use crate::{
    engine::{Engine, counters::Count, spans},
    panics::{self, Panicked},
    region::Cacheable,
    region_core::RegionCore,
};

/// A loader that is counted, and whose panics are errors.
pub(crate) struct Instrumented<V> {
    pub(crate) engine: Arc<Engine>,
    pub(crate) core: Arc<RegionCore<V>>,
    pub(crate) loader: Arc<dyn Loader<V>>,
}

#[async_trait]
impl<V: Cacheable> SharedLoader<V> for Instrumented<V> {
    fn max_batch(&self) -> usize {
        // Whoever can't say how many takes them one by one.
        catch_unwind(AssertUnwindSafe(|| self.loader.max_batch())).unwrap_or(1)
    }

    fn coalesces(&self) -> bool {
        false
    }

    async fn load(&self, requests: &[Request<V>]) -> Result<Vec<Loaded<Arc<V>>>> {
        self.core.counters.bump(Count::Load);
        self.core.counters.add(Count::LoadedKey, requests.len() as u64);
        let begun = self.engine.clock().steady();
        let span = self.engine.spans().call(self.kind(), requests, self.max_batch());
        let load = AssertUnwindSafe(async { self.loader.load(requests).await }).catch_unwind();
        let answers = match load.instrument(span.clone()).await {
            Ok(Ok(answers)) if answers.len() != requests.len() => {
                Err(self.miscounted(answers.len(), requests.len()))
            }
            Ok(answers) => answers,
            Err(panic) => Err(self.panicked(&*panic)),
        };
        let failed = match &answers {
            Ok(answers) => answers.iter().filter(|answer| matches!(answer, Loaded::Failed(_))).count(),
            Err(_) => requests.len(),
        };
        spans::record_call(&span, failed, requests.len(), answers.as_ref().err());
        let (kind, error, took) = (self.kind(), answers.as_ref().err(), self.engine.clock().elapsed(begun));
        self.engine.observers().tell(&Event::Load { kind, keys: requests.len(), failed, took, error });
        answers.map(|answers| answers.into_iter().map(shared).collect())
    }
}

impl<V> Instrumented<V> {
    pub(crate) fn kind(&self) -> &str {
        self.core.prefix.kind()
    }

    fn panicked(&self, panic: &(dyn Any + Send)) -> Error {
        let message = format!("the loader of {:?} panicked", self.kind());
        Error::caused(ErrorKind::Load, "load", message, Panicked(panics::text(panic).to_owned()))
    }

    fn miscounted(&self, answers: usize, requests: usize) -> Error {
        let message = format!("the loader of {:?} answered {answers} of {requests} keys", self.kind());
        Error::new(ErrorKind::Load, "load", message)
    }
}
