//! The pace of loads for what was marked stale: few at once, so that a kind that is marked as a whole is no rush
//! on its source.

use std::{collections::VecDeque, pin::pin, time::Duration};

use cache_core::{Clock, Timestamp, sync::Mutex};
use futures_util::future::{Either, join, join_all, select};
use tokio::sync::oneshot;

use super::{
    fetch::{Fetch, LookupScope},
    flight::Flight,
    loaders::shared_loader::SharedLoader,
};
use crate::{
    region::{Cacheable, Region},
    timer,
};

/// How many calls for what was marked run at once, of one region.
const MOST_CALLS: usize = 4;

/// The places of a call. A load of keys that share calls with others takes as many as its keys do.
const PLACES: usize = 1 << 16;

/// The loads of a region that are under way for what was marked, and those that wait for their turn, the first to
/// come first.
#[derive(Debug, Default)]
pub(crate) struct Pace(Mutex<PacedLoads>);

#[derive(Debug, Default)]
struct PacedLoads {
    under_way: Vec<PacedLoad>,
    waiting: VecDeque<WaitingLoad>,
    /// How many there ever were.
    total: u64,
}

#[derive(Debug)]
struct PacedLoad {
    number: u64,
    places: usize,
    /// When it no longer counts: its load is late by then, or its runtime stands still.
    lapses: Timestamp,
}

#[derive(Debug)]
struct WaitingLoad {
    number: u64,
    places: usize,
    /// How long its turn counts.
    span: Duration,
    /// The flights of its keys.
    flights: Vec<u64>,
    turn: oneshot::Sender<()>,
}

/// The place of a load in the queue, then its turn, until this is dropped.
struct PacedTurn<'a> {
    pace: &'a Pace,
    clock: &'a Clock,
    number: u64,
}

impl PacedLoads {
    /// Gives turns to those who wait, as far as there is room. Returns when the first of those under way lapses.
    fn give_turns(&mut self, now: Timestamp) -> Option<Timestamp> {
        self.under_way.retain(|load| now < load.lapses);
        let mut used: usize = self.under_way.iter().map(|load| load.places).sum();
        let fits = |next: &WaitingLoad, used| used == 0 || used + next.places <= MOST_CALLS * PLACES;
        while self.waiting.front().is_some_and(|next| fits(next, used))
            && let Some(next) = self.waiting.pop_front()
        {
            used += next.places;
            self.begin(next, now);
        }
        self.under_way.iter().map(|load| load.lapses).min()
    }

    fn begin(&mut self, WaitingLoad { number, places, span, turn, .. }: WaitingLoad, now: Timestamp) {
        self.under_way.push(PacedLoad { number, places, lapses: now.after(span) });
        // If nobody waits for it any more, the place is given back at once.
        let _ = turn.send(());
    }
}

impl Pace {
    /// Waits for the turn of a load of these fetches, which counts for `span` at the longest. Returns none if it
    /// did not come `until` then.
    async fn turn<'a, V>(
        &'a self,
        clock: &'a Clock,
        batch: &[Fetch<V>],
        places: usize,
        span: Duration,
        until: Timestamp,
    ) -> Option<PacedTurn<'a>> {
        let (turn, mut comes) = oneshot::channel();
        let place = {
            let mut loads = self.0.lock();
            loads.total += 1;
            let flights = batch.iter().map(|fetch| fetch.leader.flight().number()).collect();
            let load = WaitingLoad { number: loads.total, places, span, flights, turn };
            let place = PacedTurn { pace: self, clock, number: load.number };
            // Under the lock: who asks from now on finds it in the queue.
            match batch.iter().any(|fetch| fetch.leader.flight().is_urgent()) {
                true => loads.begin(load, clock.now()),
                false => loads.waiting.push_back(load),
            }
            place
        };
        loop {
            let now = clock.now();
            let lapse = self.0.lock().give_turns(now);
            if comes.try_recv().is_ok() {
                return Some(place);
            }
            if now >= until {
                return None;
            }
            // Whoever ends gives the turn on; one that lapses does not.
            let wait = lapse.unwrap_or(until).min(until).since(now);
            if let Either::Left(_) = select(&mut comes, pin!(timer::sleep(clock, wait))).await {
                return Some(place);
            }
        }
    }

    /// Lets the load of a flight go now, if it waits for its turn: someone asks for it who has no pace.
    pub(super) fn hurry<T>(&self, clock: &Clock, flight: &Flight<T>) {
        let mut loads = self.0.lock();
        let place = loads.waiting.iter().position(|load| load.flights.contains(&flight.number()));
        if let Some(load) = place.and_then(|place| loads.waiting.remove(place)) {
            loads.begin(load, clock.now());
        }
    }
}

impl Drop for PacedTurn<'_> {
    fn drop(&mut self) {
        let mut loads = self.pace.0.lock();
        loads.under_way.retain(|load| load.number != self.number);
        loads.waiting.retain(|load| load.number != self.number);
        loads.give_turns(self.clock.now());
    }
}

impl<V: Cacheable> Region<V> {
    /// Loads keys that no tier had: those of which something is at hand that was marked stale at their pace, the
    /// others at once. A refresh that was asked for has no pace.
    pub(super) async fn load_at_pace(
        &self,
        fetches: Vec<Fetch<V>>,
        scope: LookupScope,
        loader: &dyn SharedLoader<V>,
    ) {
        let (marked, others): (Vec<_>, Vec<_>) = match scope {
            LookupScope::LoaderOnly => (Vec::new(), fetches),
            _ => fetches.into_iter().partition(Fetch::is_marked_stale),
        };
        if marked.is_empty() {
            return self.load_now(others, scope, loader).await;
        }
        let (mut marked, most) = (marked.into_iter().peekable(), loader.max_batch().max(1));
        let mut batches = Vec::new();
        while marked.peek().is_some() {
            batches.push(marked.by_ref().take(most).collect::<Vec<_>>());
        }
        let in_turn = batches.into_iter().map(|batch| self.load_in_turn(batch, scope, loader));
        join(self.load_now(others, scope, loader), join_all(in_turn)).await;
    }

    /// Loads a batch when it is its turn. If that does not come within the hard timeout, who waits gets what is at
    /// hand, and the next read asks again; but what is not servable any more is loaded without a turn.
    async fn load_in_turn(&self, batch: Vec<Fetch<V>>, scope: LookupScope, loader: &dyn SharedLoader<V>) {
        let (clock, span, most) = (self.engine.clock(), self.policy.hard_timeout, loader.max_batch().max(1));
        let places = if loader.coalesces() { (PLACES / most).max(1) * batch.len() } else { PLACES };
        let until = first_end(&batch).min(clock.now().after(span));
        let turn = self.core.pace.turn(clock, &batch, places, span, until).await;
        let batch = match turn {
            Some(_) => batch,
            None => batch.into_iter().filter_map(|fetch| self.land_at_hand(fetch)).collect(),
        };
        if !batch.is_empty() {
            self.load_now(batch, scope, loader).await;
        }
    }
}

/// When what is at hand of one of these keys is the first not to be served any more.
fn first_end<V>(batch: &[Fetch<V>]) -> Timestamp {
    let at_hand = batch.iter().flat_map(|fetch| &fetch.prior);
    at_hand.map(|at_hand| at_hand.meta.dead_at).min().unwrap_or(Timestamp::MAX)
}
