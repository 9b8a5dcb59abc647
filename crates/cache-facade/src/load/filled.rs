//! Calls of a loader filled up: what they carry in places that no caller needs.
//!
//! A call that callers wait for carries in its free places the keys whose refreshes were put off, then those that
//! whoever fills calls names. The callers wait for the call, and for nothing that is done with the rest of it.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use cache_core::{Error, ErrorKind, Key, Loaded, Loader, OpenCall, Request, Result};

use super::{
    circular::Loading,
    fetch::{Fetch, LookupScope},
    flight::Joined,
    loaders::{instrumented::Instrumented, shared_loader::SharedLoader},
};
use crate::{
    engine::Engine,
    panics,
    region::{Cacheable, Region},
};

/// A loader whose calls are filled up.
pub(crate) struct Filled<V> {
    loader: Instrumented<V>,
    /// The region that it loads for; it has no loader here.
    region: Region<V>,
}

/// Keys in places that no caller needs.
struct Riders<V> {
    fetches: Vec<Fetch<V>>,
    /// Those of them whom the filler named.
    named: Vec<Key>,
}

impl<V: Cacheable> Filled<V> {
    pub(crate) fn new(region: Region<V>, loader: Arc<dyn Loader<V>>) -> Self {
        let (engine, core) = (Arc::clone(&region.engine), Arc::clone(&region.core));
        Self { loader: Instrumented { engine, core, loader }, region }
    }

    pub(crate) fn engine(&self) -> &Arc<Engine> {
        &self.region.engine
    }

    /// Begins the flights of what a call carries besides.
    fn board(&self, requests: &[Request<V>]) -> Riders<V> {
        let mut riders = Riders { fetches: Vec::new(), named: Vec::new() };
        let places = self.max_batch().saturating_sub(requests.len());
        // What is computed costs no call.
        if places == 0 || requests.is_empty() || self.region.policy.computed.is_some() {
            return riders;
        }
        for key in self.region.core.put_off.take(places) {
            riders.fetches.extend(self.region.board(&key));
        }
        let places = places - riders.fetches.len();
        let Some(fill) = self.engine().fill().filter(|_| places > 0) else { return riders };
        let riding: Vec<Key> = riders.fetches.iter().map(|fetch| fetch.leader.key().clone()).collect();
        let keys: Vec<&Key> = requests.iter().map(|request| &request.key).chain(&riding).collect();
        let fresh_for = |key: &Key| self.region.fresh_in_memory_for(key);
        let kind = self.loader.kind();
        let call = OpenCall { kind, keys: &keys, places, fresh_for: &fresh_for };
        let named = panics::caught_now("fill", || fill.fill(&call)).unwrap_or_default();
        for key in named.into_iter().take(places) {
            if key.prefix() == self.region.core.prefix.as_str()
                && let Some(fetch) = self.region.board(&key)
            {
                riders.fetches.push(fetch);
                riders.named.push(key);
            }
        }
        riders
    }

    /// Tells who filled a call what came of it.
    fn tell(&self, named: &[Key], keys: usize, took: Duration, error: Option<&Error>) {
        if let Some(fill) = self.engine().fill() {
            let _ = panics::caught_now("fill", || fill.filled(self.loader.kind(), named, keys, took, error));
        }
    }

    /// Stores what came of the riders, behind those who wait.
    fn land(&self, riders: Riders<V>, answers: Vec<Loaded<Arc<V>>>, call: CallFacts) {
        let Riders { fetches, named } = riders;
        let (region, loader) = (self.region.clone(), self.loader.clone());
        let CallFacts { keys, took, born } = call;
        self.engine().spawn(async move {
            let filled = Self { loader, region };
            filled.region.store_loaded(fetches, answers, born).await;
            filled.tell(&named, keys, took, None);
        });
    }
}

/// A call that was made.
struct CallFacts {
    keys: usize,
    took: Duration,
    born: cache_core::Timestamp,
}

#[async_trait]
impl<V: Cacheable> SharedLoader<V> for Filled<V> {
    fn max_batch(&self) -> usize {
        self.loader.max_batch()
    }

    async fn load(&self, requests: &[Request<V>]) -> Result<Vec<Loaded<Arc<V>>>> {
        let riders = self.board(requests);
        let clock = self.engine().clock();
        let begun = clock.steady();
        let took = || Duration::from_micros(clock.steady().saturating_sub(begun).max(0).unsigned_abs());
        if riders.fetches.is_empty() {
            let answers = self.loader.load(requests).await;
            if answers.is_ok() {
                self.tell(&[], requests.len(), took(), None);
            }
            return answers;
        }
        let born = clock.tick();
        let all: Vec<Request<V>> = requests
            .iter()
            .cloned()
            .chain(riders.fetches.iter().map(|fetch| self.region.request(fetch)))
            .collect();
        let loading =
            Loading::current().with(riders.fetches.iter().map(|fetch| fetch.leader.flight().number()));
        match loading.around(self.loader.load(&all)).await {
            Ok(mut answers) => {
                let rest = answers.split_off(requests.len());
                self.land(riders, rest, CallFacts { keys: all.len(), took: took(), born });
                Ok(answers)
            }
            Err(error) => {
                self.tell(&riders.named, all.len(), took(), Some(&error));
                drop(riders);
                // It may have failed for one of the riders, for whom nobody waits.
                if error.retry_after().is_some() || error.kind() == ErrorKind::Timeout {
                    return Err(error);
                }
                self.loader.load(requests).await
            }
        }
    }
}

impl<V: Cacheable> Region<V> {
    /// Begins the flight of a key that nobody waits for, unless there is one.
    fn board(&self, key: &Key) -> Option<Fetch<V>> {
        match self.core.flights.join(key, self.engine.clock().steady(), |_| false) {
            Joined::Leads(leader) => self.begin_fetch(leader, LookupScope::LoaderOnly),
            Joined::Follows(_) => None,
        }
    }
}
