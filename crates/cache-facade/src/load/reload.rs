//! Loads keys anew, whatever is cached of them.

use std::sync::Arc;

use cache_core::{Error, ErrorKind, Key, Refreshed};

use tracing::Instrument;

use super::{circular, coalesce::nested, fetch::LookupScope, loaders::shared_loader::SharedLoader};
use crate::{
    answer::{FlightResult, Found, Source},
    read::deadlines::{Deadlines, Waited},
    region::{Cacheable, Region},
};

/// How many fetches that bring no load a refresh waits for, before it gives up.
const MOST_IN_THE_WAY: usize = 5;

impl<V: Cacheable> Region<V> {
    /// Loads keys anew. Returns how many came, and which failed.
    pub(crate) async fn refreshed(&self, keys: &[Key]) -> Refreshed {
        let span = self.engine.spans().refresh(self.core.prefix.kind(), keys);
        let mut refreshed = Refreshed::default();
        let outcomes = self.reload(keys, &self.loader).instrument(span.clone()).await;
        for (key, outcome) in keys.iter().zip(outcomes) {
            match outcome {
                Ok(_) => refreshed.loaded += 1,
                Err(error) => refreshed.failed.push((key.clone(), error)),
            }
        }
        span.record("failed", refreshed.failed.len());
        refreshed
    }

    /// Loads keys anew, and returns what came of each, in their order. A load under way counts; a flight that a
    /// tier answered is followed by a load.
    pub(crate) async fn reload(
        &self,
        keys: &[Key],
        loader: &Option<Arc<dyn SharedLoader<V>>>,
    ) -> Vec<FlightResult<V>> {
        let mut deadlines = Deadlines::new(self.engine.clock(), &self.policy);
        // Nothing that is merely offered will do.
        deadlines.take_offers(false);
        let _waiting = nested::waiting();
        let mut outcomes: Vec<Option<FlightResult<V>>> = keys.iter().map(|_| None).collect();
        for _ in 0..MOST_IN_THE_WAY {
            let (scope, mut fetches) = (LookupScope::LoaderOnly, Vec::new());
            let mut join = |(key, outcome)| {
                let (flight, leads) = self.join(key, scope, &mut fetches, |_| false);
                if !leads {
                    flight.set_urgent();
                    self.core.pace.hurry(self.engine.clock(), &flight);
                }
                (key, outcome, flight)
            };
            let left = keys.iter().zip(&mut outcomes).filter(|(_, outcome)| outcome.is_none());
            let flights: Vec<_> = left.map(&mut join).collect();
            self.engine.spawn_fetches(self.fetches(fetches, scope, loader.clone()));
            for (key, outcome, flight) in flights {
                if circular::is_own(&flight) {
                    *outcome = Some(Err(circular::error(key)));
                    continue;
                }
                let waited = deadlines.wait(&flight).await;
                self.abandon_if_overdue(key, &flight, &deadlines);
                *outcome = match waited {
                    Waited::Answered(Ok(found)) if found.source == Source::Loader => Some(Ok(found)),
                    // What is stale stands in for it, here and where the flight was joined.
                    Waited::Answered(Ok(Found { failure, .. })) => failure.map(Err),
                    Waited::Answered(Err(error)) => Some(Err(error)),
                    Waited::Lost => Some(Err(self.lost(key))),
                    Waited::Overdue if deadlines.have_passed() => Some(Err(deadlines.timed_out())),
                    Waited::Overdue => {
                        // Nobody may be driving it any more, as where its runtime stands still: another is begun.
                        self.core.flights.leave(key, &flight);
                        None
                    }
                };
            }
        }
        let answer =
            |(key, outcome): (&Key, Option<_>)| outcome.unwrap_or_else(|| Err(self.not_refreshed(key)));
        keys.iter().zip(outcomes).map(answer).collect()
    }

    fn not_refreshed(&self, key: &Key) -> Error {
        let message = format!(
            "{key} was not loaded anew: fetches that a tier answered were in the way, again and again"
        );
        Error::new(ErrorKind::Load, "refresh", message)
    }
}
