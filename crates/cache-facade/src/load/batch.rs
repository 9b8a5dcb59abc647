//! Loads one batch of keys, within the hard timeout or late.

use std::{sync::Arc, time::Duration};

use cache_core::{Error, ErrorKind, Loaded, Request, Result, Timestamp};
use futures_util::future::{Either, select};
use tracing::{Instrument, Span};

use super::{
    circular::Loading,
    fetch::{Fetch, LookupScope},
    loaders::shared_loader::SharedLoader,
};
use crate::{
    answer::Found,
    engine::{counters::Count, spans},
    read::servable::Servable,
    region::{Cacheable, Region},
    timer,
};

impl<V: Cacheable> Region<V> {
    /// Loads one batch. After the hard timeout its callers get a value in grace or an error, and the next caller
    /// begins a new flight. The load may go on for a while, and its result is stored if nothing newer came.
    pub(crate) async fn load_batch(
        &self,
        batch: Vec<Fetch<V>>,
        scope: LookupScope,
        loader: &dyn SharedLoader<V>,
    ) {
        let background = scope == LookupScope::Background;
        let span = self.engine.spans().load(self.core.prefix.kind(), batch.len(), background);
        self.load_in_time(batch, loader, &span).instrument(span.clone()).await;
    }

    async fn load_in_time(&self, batch: Vec<Fetch<V>>, loader: &dyn SharedLoader<V>, span: &Span) {
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
                span.record("outcome", "timed_out");
                span.record("otel.status_code", "ERROR");
                let _late = self.engine.late_loads().begin();
                for fetch in &batch {
                    self.fail(fetch, &error);
                    fetch.leader.abandon();
                }
                let late = std::pin::pin!(timer::sleep(clock, self.policy.late));
                match select(load, late).await {
                    Either::Left((outcome, _)) => {
                        self.core.counters.bump(Count::LateLoad);
                        self.settle(batch, outcome, born, &Span::none()).await;
                    }
                    Either::Right(_) => {}
                }
                return;
            }
        };
        self.settle(batch, outcome, born, span).await;
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

    /// Stores and lands what a load brought, and records in its span how many keys failed.
    async fn settle(
        &self,
        batch: Vec<Fetch<V>>,
        outcome: Result<Vec<Loaded<Arc<V>>>>,
        born: Timestamp,
        span: &Span,
    ) {
        let failed = |error: Error| batch.iter().map(|_| Loaded::Failed(error.clone())).collect();
        let answers = outcome.unwrap_or_else(failed);
        let failed = answers.iter().filter(|answer| matches!(answer, Loaded::Failed(_))).count();
        spans::record_failed(span, failed, batch.len());
        self.store_loaded(batch, answers, born).await;
    }

    /// Lands a value in grace, or the error if there is none or the error forbids it.
    pub(crate) fn fail(&self, Fetch { leader, prior, begun, .. }: &Fetch<V>, error: &Error) {
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
                let crowded = match Servable::by_age(prior, now) {
                    Servable::Fresh => self.core.throttle.pause_refresh(key, error, usual, now),
                    _ => self.core.throttle.pause(key, error, usual, now),
                };
                self.note_crowded(crowded, now);
                self.count_stale_answer(leader.key(), prior, *begun);
                leader.land(Ok(Found { failure: Some(error.clone()), ..prior.clone() }));
            }
            _ => {
                if error.retry_after().is_some() {
                    let crowded = self.core.throttle.pause(leader.key(), error, Duration::ZERO, now);
                    self.note_crowded(crowded, now);
                }
                if let Some(times) = self.engine.log_sums().failed_loads.count(now) {
                    tracing::warn!(key = %leader.key(), %error, times,
                        "a load failed, and there is no value to serve: its callers get the error");
                }
                leader.land(Err(error.clone()));
            }
        }
    }

    /// Logs that there are more failing keys than can be told apart.
    fn note_crowded(&self, crowded: bool, now: Timestamp) {
        if crowded && let Some(times) = self.engine.log_sums().shared_pauses.count(now) {
            tracing::warn!(
                kind = self.core.prefix.kind(),
                times,
                "the loads of very many keys fail: some share a pause, so that keys which would load may be paused"
            );
        }
    }

    fn timed_out(&self, keys: usize) -> Error {
        let limit = self.policy.hard_timeout;
        let message =
            format!("{keys} keys of {:?} were not loaded within {limit:?}", self.core.prefix.kind());
        Error::new(ErrorKind::Timeout, "load", message)
    }
}
