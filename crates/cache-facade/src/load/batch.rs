//! Asking the loader for one batch, for no longer than anybody may wait.

use std::sync::atomic::{AtomicUsize, Ordering};

use cache_core::{Error, ErrorKind, Freshness, Loaded, Loader, Request, Result, Timestamp};
use futures_util::future::{Either, select};

use crate::{
    engine::counters::Count,
    load::fetch::Flying,
    region::{Cacheable, Region},
    timer,
};

/// Counts a load that goes on though nobody finds its flight any more.
struct Late<'a>(&'a AtomicUsize);

impl<'a> Late<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::AcqRel);
        Self(count)
    }
}

impl Drop for Late<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl<V: Cacheable> Region<V> {
    /// Loads one batch. Past the hard timeout its callers get an error, or what is in grace, and the
    /// next caller begins anew; the load may go on for a while, and is kept if nothing newer came.
    pub(crate) async fn load(&self, batch: Vec<Flying<V>>, loader: &dyn Loader<V>) {
        let clock = &self.engine.clock;
        let born = clock.tick();
        let requests: Vec<Request> = batch
            .iter()
            .map(|Flying { leader, prior, .. }| Request {
                key: leader.key().clone(),
                etag: prior.as_ref().and_then(|prior| prior.meta.etag()).map(Into::into),
            })
            .collect();
        let load = loader.load(&requests);
        let limit = std::pin::pin!(timer::sleep(clock, self.policy.hard_timeout));
        let outcome = match select(load, limit).await {
            Either::Left((outcome, _)) => outcome,
            Either::Right(((), load)) => {
                let error = self.timed_out(batch.len());
                let _late = Late::new(&self.engine.late);
                for flight in &batch {
                    self.fail(flight, &error);
                    flight.leader.abandon();
                }
                let late = std::pin::pin!(timer::sleep(clock, self.policy.late));
                match select(load, late).await {
                    Either::Left((outcome, _)) => {
                        self.engine.counters.bump(Count::LateLoad);
                        self.settle(batch, outcome, born).await;
                    }
                    Either::Right(_) => {}
                }
                return;
            }
        };
        self.settle(batch, outcome, born).await;
    }

    /// Does what a load's outcome says.
    async fn settle(&self, batch: Vec<Flying<V>>, outcome: Result<Vec<Loaded<V>>>, born: Timestamp) {
        match outcome {
            Err(error) => batch.iter().for_each(|flight| self.fail(flight, &error)),
            Ok(answers) => self.keep(batch, answers, born).await,
        }
    }

    /// Lands what is in grace, or the error.
    pub(crate) fn fail(&self, Flying { leader, prior, .. }: &Flying<V>, error: &Error) {
        self.engine.counters.bump(Count::LoadFailure);
        let now = self.engine.clock.now();
        match prior {
            Some(prior) if prior.freshness(now) != Freshness::Dead && self.alive(&prior.meta) => {
                tracing::warn!(key = %leader.key(), %error, "a load failed; what is in grace is served");
                self.core.throttle.pause(leader.key(), now.after(self.policy.throttle), now);
                leader.land(Ok(prior.clone()));
            }
            _ => leader.land(Err(error.clone())),
        }
    }

    fn timed_out(&self, keys: usize) -> Error {
        let limit = self.policy.hard_timeout;
        let message =
            format!("{keys} keys of {:?} were not loaded within {limit:?}", self.core.prefix.kind());
        Error::new(ErrorKind::Timeout, "load", message)
    }
}
