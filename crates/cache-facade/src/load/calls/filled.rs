//! Calls of a loader filled up: what they carry in places that no caller needs.
//!
//! A call that callers wait for carries in its free places the keys whose refreshes were put off, then those that
//! whoever fills calls names. The callers wait for the call, and for nothing that is done with the rest of it.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use cache_core::{Error, Key, Loaded, Loader, OpenCall, Request, Result, Timestamp};
use tracing::Instrument;

use super::halves::is_refused;
use crate::{
    engine::Engine,
    load::{
        circular::Loading,
        fetch::{Fetch, LookupScope},
        loaders::{instrumented::Instrumented, shared_loader::SharedLoader},
    },
    panics,
    region::{Cacheable, Region},
};

/// A loader whose calls are filled up.
pub(crate) struct Filled<V> {
    pub(super) loader: Instrumented<V>,
    /// The region that it loads for; it has no loader here.
    pub(super) region: Region<V>,
}

/// Keys in places that no caller needs.
struct ExtraKeys<V> {
    fetches: Vec<Fetch<V>>,
    /// Those of them whom the filler named.
    named: Vec<Key>,
}

impl<V: Cacheable> Filled<V> {
    pub(crate) fn new(region: Region<V>, loader: Arc<dyn Loader<V>>) -> Self {
        let (engine, core) = (Arc::clone(&region.engine), Arc::clone(&region.core));
        Self { loader: Instrumented { engine, core, loader }, region }
    }

    pub(crate) fn kind(&self) -> &str {
        self.loader.kind()
    }

    pub(crate) fn engine(&self) -> &Arc<Engine> {
        &self.region.engine
    }

    /// Begins the flights of what a call carries besides.
    fn fill_up(&self, requests: &[Request<V>]) -> ExtraKeys<V> {
        let mut extra = ExtraKeys { fetches: Vec::new(), named: Vec::new() };
        let places = self.max_batch().saturating_sub(requests.len());
        // What is computed costs no call.
        if places == 0 || requests.is_empty() || self.region.policy.computed.is_some() {
            return extra;
        }
        for key in self.region.core.put_off.take(places) {
            extra.fetches.extend(self.region.lead(&key, LookupScope::LoaderOnly));
        }
        let places = places - extra.fetches.len();
        let Some(fill) = self.engine().fill().filter(|_| places > 0) else { return extra };
        let gathered: Vec<Key> = extra.fetches.iter().map(|fetch| fetch.leader.key().clone()).collect();
        let keys: Vec<&Key> = requests.iter().map(|request| &request.key).chain(&gathered).collect();
        let fresh_for = |key: &Key| self.region.fresh_in_memory_for(key);
        let kind = self.loader.kind();
        let call = OpenCall { kind, keys: &keys, places, fresh_for: &fresh_for };
        let named = panics::caught_now("fill", || fill.fill(&call)).unwrap_or_default();
        for key in named.into_iter().take(places) {
            if key.prefix() == self.region.core.prefix.as_str()
                && let Some(fetch) = self.region.lead(&key, LookupScope::LoaderOnly)
            {
                extra.fetches.push(fetch);
                extra.named.push(key);
            }
        }
        extra
    }

    /// Stores what came of the extra keys, behind those who wait, and tells who named them.
    fn land(&self, extra: ExtraKeys<V>, answers: Vec<Loaded<Arc<V>>>, born: Timestamp, tell: Told) {
        let ExtraKeys { fetches, named } = extra;
        let region = self.region.clone();
        let storing = async move {
            region.store_loaded(fetches, answers, born).await;
            region.tell_filled(&named, tell, None);
        };
        self.engine().spawn(storing.in_current_span());
    }
}

/// What whoever fills calls is told of each: its keys, and how long it took.
#[derive(Clone, Copy)]
struct Told {
    keys: usize,
    took: Duration,
}

#[async_trait]
impl<V: Cacheable> SharedLoader<V> for Filled<V> {
    fn max_batch(&self) -> usize {
        self.loader.max_batch()
    }

    fn coalesces(&self) -> bool {
        false
    }

    async fn load(&self, requests: &[Request<V>]) -> Result<Vec<Loaded<Arc<V>>>> {
        let extra = self.fill_up(requests);
        let clock = self.engine().clock();
        let begun = clock.steady();
        let told = |keys| Told { keys, took: clock.elapsed(begun) };
        if extra.fetches.is_empty() {
            let answers = self.loader.load(requests).await;
            if answers.is_ok() {
                self.region.tell_filled(&[], told(requests.len()), None);
            }
            return self.rescued(requests, answers).await;
        }
        let born = clock.tick();
        let all: Vec<Request<V>> = requests
            .iter()
            .cloned()
            .chain(extra.fetches.iter().map(|fetch| self.region.request(fetch)))
            .collect();
        let loading =
            Loading::current().with(extra.fetches.iter().map(|fetch| fetch.leader.flight().number()));
        match loading.around(self.loader.load(&all)).await {
            Ok(mut answers) => {
                let rest = answers.split_off(requests.len());
                self.land(extra, rest, born, told(all.len()));
                Ok(answers)
            }
            Err(error) => {
                let ExtraKeys { fetches, named } = extra;
                // What was put off pauses, else it would be gathered again at the next read.
                let put_off = fetches.iter().filter(|fetch| !named.contains(fetch.leader.key()));
                put_off.for_each(|fetch| self.region.fail(fetch, &error));
                drop(fetches);
                // It may have failed for one of the extra keys, for which nobody waits.
                let alone = match error.retry_after().is_some() {
                    true => Err(error.clone()),
                    false => self.loader.load(requests).await,
                };
                match &alone {
                    // A call that is refused without them says nothing of them, nor of its source.
                    Err(error) if is_refused(error) => {}
                    Err(error) => self.region.tell_filled(&[], told(all.len()), Some(error)),
                    Ok(_) => self.region.tell_filled(&named, told(all.len()), Some(&error)),
                }
                self.rescued(requests, alone).await
            }
        }
    }
}

impl<V: Cacheable> Region<V> {
    fn tell_filled(&self, named: &[Key], Told { keys, took }: Told, error: Option<&Error>) {
        if let Some(fill) = self.engine.fill() {
            let kind = self.core.prefix.kind();
            let _ = panics::caught_now("fill", || fill.filled(kind, named, keys, took, error));
        }
    }
}
