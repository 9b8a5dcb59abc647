//! A read that memory could not answer, watched until it has its answer or its caller went away; its spans.

use std::sync::Arc;

use cache_core::{Event, Key, Outcome};
use tracing::Span;

use super::servable::Servable;
use crate::{
    answer::{FlightResult, Found, Source},
    engine::{Engine, spans},
    load::flight::Flight,
    region::{Cacheable, Region},
};

/// A read that waits. Dropping this tells observers how it ended.
#[derive(Debug)]
pub(crate) struct AwaitedRead {
    engine: Arc<Engine>,
    key: Key,
    begun: i64,
    joined: bool,
    outcome: Outcome,
}

impl AwaitedRead {
    /// Begins to watch, if anyone does.
    pub(crate) fn begin(engine: &Arc<Engine>, key: &Key, joined: bool) -> Option<Self> {
        let is_watched = engine.observers().any();
        is_watched.then(|| Self {
            engine: Arc::clone(engine),
            key: key.clone(),
            begun: engine.clock().steady(),
            joined,
            outcome: Outcome::Cancelled,
        })
    }

    /// Notes the answer.
    pub(crate) fn answered<V>(mut self, answer: &FlightResult<V>) {
        self.outcome = match answer {
            Ok(found) => outcome_of(found, &self.engine),
            Err(_) => Outcome::Failed,
        };
    }
}

fn outcome_of<V>(found: &Found<V>, engine: &Engine) -> Outcome {
    let tier = match found.source {
        Source::Loader => return Outcome::Loaded,
        Source::Nowhere => return Outcome::Nothing,
        Source::Memory => "memory",
        Source::Tier(name) => name,
    };
    match Servable::by_age(found, engine.clock().now()) {
        Servable::Fresh | Servable::Due => Outcome::Found(tier),
        _ => Outcome::Stale(tier),
    }
}

impl Drop for AwaitedRead {
    fn drop(&mut self) {
        let Self { engine, key, begun, joined, outcome } = self;
        let waited = engine.clock().elapsed(*begun);
        engine.observers().tell(&Event::Answered { key, outcome: *outcome, waited, joined: *joined });
    }
}

impl<V: Cacheable> Region<V> {
    /// The span of a read of these keys, to be entered while it is begun and finished.
    pub(crate) fn read_span(&self, keys: &[Key]) -> Span {
        self.engine.spans().read(self.core.prefix.kind(), keys)
    }

    /// Records in the present span, which is that of the read, how many flights of others it joined. Returns the
    /// span of the wait for them, if there are any.
    pub(super) fn wait_span<'a>(
        &self,
        joined: impl Iterator<Item = &'a Flight<FlightResult<V>>> + Clone,
    ) -> Span {
        let count = joined.clone().count();
        if count == 0 {
            return Span::none();
        }
        Span::current().record("joined", count);
        spans::wait(self.core.prefix.kind(), count, joined.filter_map(Flight::span))
    }

    /// Records in the present span how the read ended.
    pub(super) fn record_answers(&self, answers: &[FlightResult<V>]) {
        let age = |found: &Found<V>| Servable::by_age(found, self.engine.clock().now());
        spans::record_answers(&Span::current(), answers, age);
    }
}
