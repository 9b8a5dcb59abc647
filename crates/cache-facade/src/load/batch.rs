//! Loads one batch of keys, within the hard timeout or late.

use std::{sync::Arc, time::Duration};

use cache_core::{Error, ErrorKind, Loaded, Request, Result, Timestamp};
use futures_util::future::{Either, select};

use super::{circular::Loading, fetch::Fetch, loaders::shared_loader::SharedLoader};
use crate::{
    answer::Found,
    engine::counters::Count,
    read::servable::Servable,
    region::{Cacheable, Region},
    timer,
};

impl<V: Cacheable> Region<V> {
    /// Loads one batch. After the hard timeout its callers get a value in grace or an error, and the next caller
    /// begins a new flight. The load may go on for a while, and its result is stored if nothing newer came.
    pub(crate) async fn load_batch(&self, batch: Vec<Fetch<V>>, loader: &dyn SharedLoader<V>) {
        let clock = self.engine.clock();
        let born = clock.tick();
        let requests: Vec<Request<V>> = batch.iter().map(|fetch| self.request(fetch)).collect();
        let loading = Loading::current().with(batch.iter().map(|fetch| fetch.leader.flight().number()));
        let load = std::pin::pin!(loading.around(loader.load(&requests)));
        let limit = std::pin::pin!(timer::sleep(clock, self.policy.hard_timeout));
        let outcome = match select(load, limit).await {
            Either::Left((outcome, _)) => outcome,
            Either::Right(((), load)) => {
                let error = self.timed_out(batch.len());
                let _late = self.engine.late_loads().begin();
                for fetch in &batch {
                    self.fail(fetch, &error);
                    fetch.leader.abandon();
                }
                let late = std::pin::pin!(timer::sleep(clock, self.policy.late));
                match select(load, late).await {
                    Either::Left((outcome, _)) => {
                        self.core.counters.bump(Count::LateLoad);
                        self.settle(batch, outcome, born).await;
                    }
                    Either::Right(_) => {}
                }
                return;
            }
        };
        self.settle(batch, outcome, born).await;
    }

    /// Returns what to ask the loader: what is at hand is told, unless it was ended since.
    pub(crate) fn request(&self, Fetch { leader, prior, .. }: &Fetch<V>) -> Request<V> {
        let now = self.engine.clock().now();
        let servable = |prior: &&Found<V>| {
            !leader.overtaken() && self.judge(leader.key(), &prior.meta, now).is_servable()
        };
        let prior = prior.as_ref().filter(servable);
        Request {
            key: leader.key().clone(),
            etag: prior.and_then(|prior| prior.meta.etag()).map(Into::into),
            previous: prior.and_then(|prior| prior.value.clone()),
        }
    }

    /// Stores and lands what a load brought.
    async fn settle(&self, batch: Vec<Fetch<V>>, outcome: Result<Vec<Loaded<Arc<V>>>>, born: Timestamp) {
        let failed = |error: Error| batch.iter().map(|_| Loaded::Failed(error.clone())).collect();
        let answers = outcome.unwrap_or_else(failed);
        self.store_loaded(batch, answers, born).await;
    }

    /// Lands a value in grace, or the error if there is none or the error forbids it.
    pub(crate) fn fail(&self, Fetch { leader, prior, .. }: &Fetch<V>, error: &Error) {
        if leader.has_landed() {
            // It failed at the hard timeout already, and fails late now.
            return;
        }
        self.core.counters.bump(Count::LoadFailure);
        let now = self.engine.clock().now();
        match prior {
            Some(prior) if !error.forbids_stale() && self.judge(leader.key(), &prior.meta, now).bridges() => {
                if let Some(times) = self.engine.log_sums().stale_served.count(now) {
                    tracing::warn!(key = %leader.key(), %error, times,
                        "a load failed: a stale value in grace is served, and loads of the key are paused");
                }
                let (key, usual) = (leader.key(), self.policy.throttle);
                match Servable::by_age(prior, now) {
                    Servable::Fresh => self.core.throttle.pause_refresh(key, error, usual, now),
                    _ => self.core.throttle.pause(key, error, usual, now),
                }
                self.count_stale_answer(leader.key(), prior);
                leader.land(Ok(Found { failure: Some(error.clone()), ..prior.clone() }));
            }
            _ => {
                if error.retry_after().is_some() {
                    self.core.throttle.pause(leader.key(), error, Duration::ZERO, now);
                }
                if let Some(times) = self.engine.log_sums().failed_loads.count(now) {
                    tracing::warn!(key = %leader.key(), %error, times,
                        "a load failed, and there is no value to serve: its callers get the error");
                }
                leader.land(Err(error.clone()));
            }
        }
    }

    fn timed_out(&self, keys: usize) -> Error {
        let limit = self.policy.hard_timeout;
        let message =
            format!("{keys} keys of {:?} were not loaded within {limit:?}", self.core.prefix.kind());
        Error::new(ErrorKind::Timeout, "load", message)
    }
}
