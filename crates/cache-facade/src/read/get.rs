//! Reads what memory alone can't answer: joins flights, and waits no longer than the deadlines.

use std::sync::Arc;

use cache_core::{Error, ErrorKind, Event, Key, LookupKey, MissReason, Result, Timestamp};
use tracing::{Instrument, Span};

use super::{
    awaited::AwaitedRead,
    deadlines::{Deadlines, Waited},
    demand::too_old,
    memory_lookup::{FirstLook, MemoryLookup},
    servable::{Servable, Unservable},
};
use crate::{
    answer::{FlightResult, Found, Source},
    engine::counters::Count,
    load::{
        circular,
        coalesce::nested,
        fetch::{Fetch, LookupScope, together::AnyFetch},
        flight::{Flight, Joined},
        loaders::shared_loader::SharedLoader,
    },
    region::{Cacheable, Region},
};

/// How often a call begins a flight of its own after one whose leader is gone.
const MAX_TAKEOVERS: u32 = 2;

/// How often a call that asks for what is younger than others do begins anew, before it gives up.
const MAX_UNMET: u32 = 3;

/// How a read gets the answer for one key.
enum Plan<V> {
    /// There is an answer without waiting, as a rule in memory.
    Have(FlightResult<V>),
    /// A flight brings it, which this read leads or joined.
    Await {
        flight: Arc<Flight<FlightResult<V>>>,
        leads: bool,
        awaited: Option<AwaitedRead>,
        missed: MissReason,
    },
}

impl<V> Plan<V> {
    /// The flight of another read, if it waits for one.
    fn joined(&self) -> Option<&Flight<FlightResult<V>>> {
        match self {
            Self::Await { flight, leads: false, .. } => Some(flight),
            _ => None,
        }
    }
}

/// A read that waits for its flights.
pub(crate) struct BegunRead<V> {
    plans: Vec<Plan<V>>,
    asked: Asked,
}

/// What is known of the moment when a caller asked.
#[derive(Clone, Copy)]
struct Asked {
    at: Timestamp,
    /// The latest invalidation of anything by then.
    seen: Timestamp,
}

impl<V: Cacheable> Region<V> {
    /// Reads one key, of which the hit path had the `first` look.
    pub(crate) async fn found(
        &self,
        key: Result<Key>,
        first: FirstLook,
        loader: Option<Arc<dyn SharedLoader<V>>>,
    ) -> FlightResult<V> {
        let mut answers = self.read(&[key?], first, loader).await;
        answers.pop().unwrap_or_else(|| unreachable!("one answer a key"))
    }

    /// Reads `keys` and returns the answers in their order. `first` is what was seen of them in memory.
    pub(crate) async fn read(
        &self,
        keys: &[Key],
        first: FirstLook,
        loader: Option<Arc<dyn SharedLoader<V>>>,
    ) -> Vec<FlightResult<V>> {
        let loader = loader.filter(|_| !self.policy.only_cached);
        let read = async {
            let (begun, fetches) = self.begin_read(keys, first, &loader);
            self.engine.spawn_fetches(fetches);
            self.finish_read(keys, begun, loader).await
        };
        read.instrument(self.read_span(keys)).await
    }

    /// Begins to read: looks into memory, and joins the flights of what it can't answer. Returns what is to be
    /// fetched for that.
    pub(crate) fn begin_read(
        &self,
        keys: &[Key],
        first: FirstLook,
        loader: &Option<Arc<dyn SharedLoader<V>>>,
    ) -> (BegunRead<V>, Vec<Box<dyn AnyFetch>>) {
        let seen = self.engine.stamps().newest_end().max(self.core.cleared());
        let now = self.engine.clock().now();
        let mut wanted = Vec::new();
        let mut background = Vec::new();
        let plans = keys.iter().map(|key| self.plan(key, first, now, &mut wanted, &mut background)).collect();
        let background = self.with_inputs(background, LookupScope::Background, loader);
        self.engine.spawn_in_background(background, &Span::current());
        (
            BegunRead { plans, asked: Asked { at: now, seen } },
            self.with_inputs(wanted, LookupScope::Everywhere, loader),
        )
    }

    /// Begins to fetch what memory does not have, without counting a read. Returns what is to be fetched.
    pub(crate) fn fetch_ahead(&self, keys: &[Key]) -> Vec<Box<dyn AnyFetch>> {
        let now = self.engine.clock().now();
        let (scope, mut fetches) = (LookupScope::Everywhere, Vec::new());
        for key in keys {
            let looked = self.look_in_memory(key, now);
            if !matches!(looked, MemoryLookup::Fresh(_) | MemoryLookup::Due(_) | MemoryLookup::Stale(_)) {
                self.join(key, scope, &mut fetches, |_| true);
            }
        }
        self.with_inputs(fetches, scope, &self.loader)
    }

    /// Returns what is to be fetched for these, after what they are computed from.
    fn with_inputs(
        &self,
        fetches: Vec<Fetch<V>>,
        scope: LookupScope,
        loader: &Option<Arc<dyn SharedLoader<V>>>,
    ) -> Vec<Box<dyn AnyFetch>> {
        let mut all = match &self.policy.computed {
            Some(computed) => {
                computed.prefetch(&fetches.iter().map(|fetch| fetch.leader.key()).collect::<Vec<_>>())
            }
            None => Vec::new(),
        };
        all.extend(self.fetches(fetches, scope, loader.clone()));
        all
    }

    /// Waits for the answers to what was begun, in the order of `keys`, and records in the present span how they
    /// came.
    pub(crate) async fn finish_read(
        &self,
        keys: &[Key],
        begun: BegunRead<V>,
        loader: Option<Arc<dyn SharedLoader<V>>>,
    ) -> Vec<FlightResult<V>> {
        let _waiting = nested::waiting();
        let joined = begun.plans.iter().filter_map(Plan::joined);
        let _wait = self.wait_span(joined);
        let mut deadlines = Deadlines::new(self.engine.clock(), &self.policy);
        let mut answers = Vec::with_capacity(keys.len());
        for (key, plan) in keys.iter().zip(begun.plans) {
            answers.push(match plan {
                Plan::Have(answer) => answer,
                Plan::Await { flight, leads, awaited, missed } => {
                    let answer = self.landed(key, flight, leads, begun.asked, &mut deadlines, &loader).await;
                    awaited.into_iter().for_each(|awaited| awaited.answered(&answer));
                    answer.map(|found| Found { missed: Some(missed), joined: !leads, ..found })
                }
            });
        }
        self.record_answers(&answers);
        answers
    }

    /// Looks a key up in memory, unless the first look says that it isn't there, and joins a flight if that is
    /// not all there is to do.
    fn plan(
        &self,
        key: &Key,
        first: FirstLook,
        now: Timestamp,
        wanted: &mut Vec<Fetch<V>>,
        background: &mut Vec<Fetch<V>>,
    ) -> Plan<V> {
        let lookup = match first {
            FirstLook::Nothing(reason) => MemoryLookup::Miss(reason),
            FirstLook::Closer => self.look_in_memory(key, now),
        };
        let too_old = |found: &Found<V>| !self.is_young_enough(found, now);
        let (found, servable) = match lookup {
            MemoryLookup::Fresh(found) | MemoryLookup::Due(found) if too_old(&found) => {
                (None, Servable::No(Unservable::TooOld))
            }
            MemoryLookup::Stale(found) if too_old(&found) => (None, Servable::Stale),
            MemoryLookup::Fresh(found) => {
                self.count_hit(key, false);
                return Plan::Have(Ok(found));
            }
            MemoryLookup::Due(found) => (Some(found), Servable::Due),
            MemoryLookup::Stale(found) => (Some(found), Servable::Stale),
            MemoryLookup::Replaced(_) => (None, Servable::Replaced),
            MemoryLookup::Miss(reason) => (None, Servable::No(reason)),
        };
        // What has landed and is still being written to the tiers is joined while it is fresh.
        let joinable = |answer: &FlightResult<V>| {
            answer.as_ref().is_ok_and(|found| {
                self.has_what_is_needed(found)
                    && self.is_young_enough(found, now)
                    && self.is_still_fresh(key, found, now)
            })
        };
        let stale = servable == Servable::Stale;
        let throttled = found.is_some() && self.core.throttle.paused(key, now);
        match found {
            Some(found) if throttled || !stale || self.policy.soft_timeout.is_zero() => {
                self.count_hit(key, stale);
                let can_wait = servable == Servable::Due || found.meta.is_marked_stale();
                if !(throttled || can_wait && self.put_refresh_off(key, &found, now)) {
                    self.join(key, LookupScope::Background, background, joinable);
                }
                Plan::Have(Ok(found))
            }
            _ => {
                self.count_miss(key, servable);
                let (flight, leads) = self.join(key, LookupScope::Everywhere, wanted, joinable);
                let awaited = AwaitedRead::begin(&self.engine, key, !leads);
                if !leads && circular::is_own(&flight) {
                    let answer = circular::answer(key, &flight, now);
                    awaited.into_iter().for_each(|awaited| awaited.answered(&answer));
                    return Plan::Have(answer);
                }
                if !leads {
                    self.core.counters.bump(Count::Coalesced);
                    self.engine.observers().tell(&Event::Joined { key });
                }
                Plan::Await { flight, leads, awaited, missed: servable.miss_reason() }
            }
        }
    }

    /// Brings keys from the tiers into memory, and waits for it. A load under way is waited for, and none is
    /// begun.
    /// Returns of each key whether a fresh value was there, though memory may have no room for it.
    pub(crate) async fn lifted(&self, keys: &[Key]) -> Vec<bool> {
        let is_there = |key: &Key| self.fresh_in_memory_for(key).is_some();
        let mut there: Vec<bool> = keys.iter().map(is_there).collect();
        if !self.has_tiers() {
            return there;
        }
        let mut deadlines = Deadlines::new(self.engine.clock(), &self.policy);
        // What memory holds stale is not what the tiers are asked for.
        deadlines.take_offers(false);
        let mut fetches = Vec::new();
        let flights: Vec<_> = keys
            .iter()
            .zip(&mut there)
            // What is of another region is nowhere.
            .filter(|(key, there)| !**there && key.has_prefix(&self.core.prefix))
            .map(|(key, there)| (self.join(key, LookupScope::Everywhere, &mut fetches, |_| false).0, there))
            .collect();
        self.engine.spawn_fetches(self.fetches(fetches, LookupScope::Everywhere, None));
        for (flight, there) in flights {
            if !circular::is_own(&flight)
                && let Waited::Answered(Ok(found)) = deadlines.wait(&flight).await
            {
                let now = self.engine.clock().now();
                *there = found.source != Source::Nowhere && Servable::by_age(&found, now) == Servable::Fresh;
            }
        }
        there
    }

    /// Joins the flight of a key, or begins one and adds its fetch to `fetches`. Returns the flight, and whether
    /// this call leads it.
    pub(crate) fn join(
        &self,
        key: &Key,
        scope: LookupScope,
        fetches: &mut Vec<Fetch<V>>,
        joinable: impl Fn(&FlightResult<V>) -> bool,
    ) -> (Arc<Flight<FlightResult<V>>>, bool) {
        match self.core.flights.join(key, self.engine.clock().steady(), joinable) {
            Joined::Follows(flight) => (flight, false),
            Joined::Leads(leader) => {
                let flight = Arc::clone(leader.flight());
                fetches.extend(self.begin_fetch(leader, scope));
                (flight, true)
            }
        }
    }

    /// Waits for a flight, and for another one if the answer was invalidated before this caller asked, or if
    /// whoever led the flight had no loader to ask. `is_own` says that the flight began after that: what it
    /// computed, it computed of inputs that were there then.
    async fn landed(
        &self,
        key: &Key,
        mut flight: Arc<Flight<FlightResult<V>>>,
        mut is_own: bool,
        asked: Asked,
        deadlines: &mut Deadlines<'_>,
        loader: &Option<Arc<dyn SharedLoader<V>>>,
    ) -> FlightResult<V> {
        let (mut takeovers, mut unmet) = (0, 0);
        deadlines.take_offers(true);
        loop {
            let waited = deadlines.wait(&flight).await;
            self.abandon_if_overdue(key, &flight, deadlines);
            match waited {
                Waited::Answered(Err(error)) => return Err(error),
                Waited::Answered(Ok(found)) => {
                    let is_offered = flight.is_pending();
                    // A load that was under way when the caller asked will do.
                    let does = found.source == Source::Loader || self.is_young_enough(&found, asked.at);
                    if !is_offered && !does {
                        // What is too old stands in for nothing.
                        match (found.failure, loader) {
                            (Some(failure), _) => return Err(failure),
                            (None, None) => return Ok(Found::nowhere(self.engine.clock().now())),
                            (None, Some(_)) if unmet == MAX_UNMET => return Err(too_old(key)),
                            (None, Some(_)) => unmet += 1,
                        }
                        flight = self.fly_anew(key, flight, asked, loader);
                        is_own = true;
                        continue;
                    }
                    let again = match found.source {
                        Source::Nowhere => loader.is_some(),
                        _ if !does || !self.has_what_is_needed(&found) => true,
                        _ if !is_own && !self.is_current(key, &found.meta) => true,
                        _ => self.was_invalidated_before(&found.meta, asked.seen),
                    };
                    if !again {
                        return Ok(found);
                    }
                    if is_offered {
                        // It was but offered: the load may still bring another.
                        deadlines.take_offers(false);
                        continue;
                    }
                }
                // The runtime that it was on has ended, or stands still: someone else has to lead.
                Waited::Lost if takeovers < MAX_TAKEOVERS && !deadlines.have_passed() => takeovers += 1,
                Waited::Lost => return Err(self.lost(key)),
                Waited::Overdue if deadlines.have_passed() => return Err(deadlines.timed_out()),
                Waited::Overdue => {}
            }
            flight = self.fly_anew(key, flight, asked, loader);
            is_own = true;
        }
    }

    /// Leaves a flight whose answer won't do for another one, which this call joins or leads.
    fn fly_anew(
        &self,
        key: &Key,
        left: Arc<Flight<FlightResult<V>>>,
        asked: Asked,
        loader: &Option<Arc<dyn SharedLoader<V>>>,
    ) -> Arc<Flight<FlightResult<V>>> {
        self.core.flights.leave(key, &left);
        let (scope, mut fetches) = (LookupScope::Everywhere, Vec::new());
        let joinable = |answer: &FlightResult<V>| {
            let does =
                |found: &Found<V>| self.has_what_is_needed(found) && self.is_young_enough(found, asked.at);
            answer.as_ref().map_or(true, does)
        };
        let flight = self.join(key, scope, &mut fetches, joinable).0;
        self.engine.spawn_fetches(self.fetches(fetches, scope, loader.clone()));
        flight
    }

    /// Whether an answer has a value, if this caller needs one: someone else's that there is none may not do.
    fn has_what_is_needed(&self, found: &Found<V>) -> bool {
        found.value.is_some() || !self.policy.needs_value
    }

    /// Takes a flight out of the table that is as old as a load may be, so that the next call begins another.
    pub(crate) fn abandon_if_overdue(
        &self,
        key: &Key,
        flight: &Arc<Flight<FlightResult<V>>>,
        deadlines: &Deadlines<'_>,
    ) {
        if deadlines.have_passed() && deadlines.is_overdue(flight) {
            self.core.flights.leave(key, flight);
        }
    }

    pub(crate) fn lost(&self, key: &Key) -> Error {
        Error::new(
            ErrorKind::Load,
            "load",
            format!("the load of {key} ended without an answer: the runtime that ran it has ended"),
        )
    }
}
