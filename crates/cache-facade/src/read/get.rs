//! Reading what memory alone can't answer: joining flights, and waiting no longer than promised.

use std::sync::Arc;

use cache_core::{Error, ErrorKind, Key, Loader, Result, Timestamp};

use super::{deadlines::Deadlines, memory_lookup::MemoryLookup, servable::Servable};
use crate::{
    answer::{FlightResult, Found, Source},
    engine::counters::Count,
    load::{
        fetch::LookupScope,
        flight::{Flight, Joined, Leader},
    },
    region::{Cacheable, Region},
};

/// What is to be done for one key.
enum Plan<V> {
    /// Memory has the answer.
    Have(Found<V>),
    /// A flight brings it.
    Await(Arc<Flight<FlightResult<V>>>),
}

impl<V: Cacheable> Region<V> {
    /// One key, or why it is none.
    pub(crate) async fn found(
        &self,
        key: Result<Key>,
        loader: Option<Arc<dyn Loader<V>>>,
    ) -> FlightResult<V> {
        let mut answers = self.read(&[key?], loader).await;
        answers.pop().unwrap_or_else(|| unreachable!("one answer a key"))
    }

    /// Answers for `keys`, in their order.
    pub(crate) async fn read(
        &self,
        keys: &[Key],
        loader: Option<Arc<dyn Loader<V>>>,
    ) -> Vec<FlightResult<V>> {
        let seen = self.engine.stamps().newest().max(self.core.cleared());
        let now = self.engine.clock().now();
        let good = |answer: &FlightResult<V>| {
            answer.as_ref().is_ok_and(|found| Servable::by_age(found, now) == Servable::Fresh)
        };
        let mut wanted = Vec::new();
        let mut behind = Vec::new();
        let plans: Vec<Plan<V>> = keys
            .iter()
            .map(|key| {
                let (found, servable) = match self.look_in_memory(key, now) {
                    MemoryLookup::Fresh(found) => {
                        self.count_hit(key, false);
                        return Plan::Have(found);
                    }
                    MemoryLookup::Due(found) => (Some(found), Servable::Due),
                    MemoryLookup::Stale(found) => (Some(found), Servable::Stale),
                    MemoryLookup::Miss(reason) => (None, Servable::No(reason)),
                };
                let stale = servable == Servable::Stale;
                let throttled = found.is_some() && self.core.throttle.paused(key, now);
                match found {
                    Some(found) if throttled || !stale || self.policy.soft_timeout.is_zero() => {
                        self.count_hit(key, stale);
                        if !throttled {
                            self.flight(key, &mut behind, good);
                        }
                        Plan::Have(found)
                    }
                    _ => {
                        self.count_miss(key, servable);
                        let (flight, leads) = self.flight(key, &mut wanted, good);
                        if !leads {
                            self.engine.counters().bump(Count::Coalesced);
                        }
                        Plan::Await(flight)
                    }
                }
            })
            .collect();
        self.spawn_fetch(wanted, LookupScope::Everywhere, loader.clone());
        self.spawn_fetch(behind, LookupScope::Background, loader.clone());

        let mut deadlines = Deadlines::new(self.engine.clock(), &self.policy);
        let mut answers = Vec::with_capacity(keys.len());
        for (key, plan) in keys.iter().zip(plans) {
            answers.push(match plan {
                Plan::Have(found) => Ok(found),
                Plan::Await(flight) => self.landed(key, flight, seen, &mut deadlines, &loader).await,
            });
        }
        answers
    }

    /// Loads keys anew and answers how many came. A load under way counts; one that a tier answered
    /// is followed by a load.
    pub(crate) async fn reload(&self, keys: &[Key]) -> Result<usize> {
        // Nothing that is merely offered will do.
        let policy = (*self.policy).clone().soft_timeout(self.policy.hard_timeout);
        let mut deadlines = Deadlines::new(self.engine.clock(), &policy);
        let (mut came, mut failed) = (0, None);
        let mut left: Vec<Key> = keys.to_vec();
        for _ in 0..2 {
            let mut leaders = Vec::new();
            let flights: Vec<_> = left.iter().map(|key| self.flight(key, &mut leaders, |_| false)).collect();
            self.spawn_fetch(leaders, LookupScope::LoaderOnly, self.loader.clone());
            let mut again = Vec::new();
            for (key, flight) in left.drain(..).zip(flights) {
                match deadlines.wait(&flight.0).await.unwrap_or_else(|| Err(self.lost(&key))) {
                    Ok(found) if found.source == Source::Loader => came += 1,
                    Ok(_) if flight.1 => failed = failed.or(Some(self.not_refreshed(&key))),
                    Ok(_) => again.push(key),
                    Err(error) => failed = failed.or(Some(error)),
                }
            }
            left = again;
        }
        match failed {
            Some(error) if came == 0 => Err(error),
            _ => Ok(came),
        }
    }

    /// The flight of a key, and whether this call leads it.
    fn flight(
        &self,
        key: &Key,
        leaders: &mut Vec<Leader<FlightResult<V>>>,
        good: impl Fn(&FlightResult<V>) -> bool,
    ) -> (Arc<Flight<FlightResult<V>>>, bool) {
        match self.core.flights.join(key, good) {
            Joined::Follows(flight) => (flight, false),
            Joined::Leads(leader) => {
                let flight = Arc::clone(leader.flight());
                leaders.push(leader);
                (flight, true)
            }
        }
    }

    /// Waits for a flight. One whose answer was invalidated before this caller asked is flown again, and
    /// one that found nothing because nobody had a loader. `seen` is the latest invalidation of anything when it asked.
    async fn landed(
        &self,
        key: &Key,
        mut flight: Arc<Flight<FlightResult<V>>>,
        seen: Timestamp,
        deadlines: &mut Deadlines<'_>,
        loader: &Option<Arc<dyn Loader<V>>>,
    ) -> FlightResult<V> {
        loop {
            let found = match deadlines.wait(&flight).await {
                None => return Err(self.lost(key)),
                Some(Err(error)) => return Err(error),
                Some(Ok(found)) => found,
            };
            let again = match found.source {
                // Whoever led it had no loader to ask.
                Source::Nowhere => loader.is_some(),
                _ => self.was_invalidated_before(&found.meta, seen),
            };
            if !again {
                return Ok(found);
            }
            self.core.flights.leave(key, &flight);
            let mut leaders = Vec::new();
            flight = self.flight(key, &mut leaders, |_| true).0;
            self.spawn_fetch(leaders, LookupScope::Everywhere, loader.clone());
        }
    }

    /// Sends leaders off in a task of their own.
    fn spawn_fetch(
        &self,
        leaders: Vec<Leader<FlightResult<V>>>,
        scope: LookupScope,
        loader: Option<Arc<dyn Loader<V>>>,
    ) {
        if leaders.is_empty() {
            return;
        }
        if let Err(error) = self.engine.check_open("load") {
            leaders.iter().for_each(|leader| leader.land(Err(error.clone())));
            return;
        }
        let region = self.clone();
        self.engine.spawn(async move { region.fetch(leaders, scope, loader).await });
    }

    fn lost(&self, key: &Key) -> Error {
        Error::new(ErrorKind::Load, "load", format!("the load of {key} ended without an answer"))
    }

    fn not_refreshed(&self, key: &Key) -> Error {
        Error::new(
            ErrorKind::Load,
            "refresh",
            format!("{key} could not be loaded anew; what is in grace stays"),
        )
    }
}
