//! Single flight: one leader per key, any number of waiters, and nobody stranded.
//!
//! The first caller to join becomes the [`Leader`] and brings the answer; the others wait. The leader
//! lives in a task of its own, so a caller that is dropped or no longer polled holds up nobody. If a
//! leader is dropped before it landed, its waiters learn of it. A flight knows no runtime and no clock.

use std::{
    collections::HashMap,
    future::Future,
    hash::BuildHasherDefault,
    pin::Pin,
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, Waker},
};

use cache_core::{Key, KeyHasher};
use tracing::span::Id;

use super::loom_shim::{Arc, Mutex};

/// How many flights there were.
static FLIGHTS: AtomicU64 = AtomicU64::new(0);

/// The flights of one region, by key.
#[derive(Debug)]
pub(crate) struct Flights<T> {
    table: Mutex<HashMap<Key, Arc<Flight<T>>, BuildHasherDefault<KeyHasher>>>,
}

/// One load under way, or landed and still being written to the tiers.
#[derive(Debug)]
pub(crate) struct Flight<T> {
    /// No other has the same.
    number: u64,
    /// When it began, in microseconds of a steady clock.
    began: i64,
    /// The span of the fetch that brings the answer, if that has one.
    span: OnceLock<Id>,
    state: Mutex<State<T>>,
}

#[derive(Debug)]
struct State<T> {
    /// What can be served meanwhile.
    offer: Option<T>,
    outcome: Outcome<T>,
    /// Whether the key was written or removed meanwhile, so that the result must not be kept.
    overtaken: bool,
    /// Whether someone waits for it who asked for a load, and not just for an answer.
    urgent: bool,
    /// One place a waiter, until the waiter goes; empty once it was woken.
    wakers: Vec<Option<Waker>>,
    /// The places of waiters that went.
    free: Vec<usize>,
}

#[derive(Debug)]
enum Outcome<T> {
    Pending,
    Landed(T),
    Lost,
}

/// How a caller takes part in a flight.
#[derive(Debug)]
pub(crate) enum Joined<T> {
    /// The caller has to bring the answer, and may wait for it too.
    Leads(Leader<T>),
    /// Someone else brings the answer.
    Follows(Arc<Flight<T>>),
}

impl<T> Flights<T> {
    pub(crate) fn new() -> Self {
        Self { table: Mutex::new(HashMap::default()) }
    }

    /// Joins the flight of `key`, or begins one at `now`. A flight that has landed is joined only if `good`
    /// says so of its answer.
    pub(crate) fn join(self: &Arc<Self>, key: &Key, now: i64, good: impl Fn(&T) -> bool) -> Joined<T> {
        let mut table = self.table.lock();
        if let Some(flight) = table.get(key)
            && flight.joinable(good)
        {
            return Joined::Follows(Arc::clone(flight));
        }
        let flight = Arc::new(Flight::new(now));
        table.insert(key.clone(), Arc::clone(&flight));
        Joined::Leads(Leader { flights: Arc::clone(self), key: key.clone(), flight })
    }

    /// Overtakes the flight of a key that was written or removed: its waiters still get the answer, which is not
    /// stored, and nobody joins it any more. Returns whether there was a flight.
    pub(crate) fn overtake(&self, key: &Key) -> bool {
        let flight = self.table.lock().remove(key);
        if let Some(flight) = &flight {
            flight.state.lock().overtaken = true;
        }
        flight.is_some()
    }

    /// The same for every key that `matches`.
    pub(crate) fn overtake_matching(&self, matches: impl Fn(&Key) -> bool) {
        let overtaken: Vec<_> = self.table.lock().extract_if(|key, _| matches(key)).collect();
        for (_, flight) in overtaken {
            flight.state.lock().overtaken = true;
        }
    }

    /// Returns how many flights there are.
    pub(crate) fn len(&self) -> usize {
        self.table.lock().len()
    }

    /// Takes a flight out of the table, if it is still the key's: who comes now begins another.
    pub(crate) fn leave(&self, key: &Key, flight: &Arc<Flight<T>>) {
        let mut table = self.table.lock();
        if table.get(key).is_some_and(|current| Arc::ptr_eq(current, flight)) {
            table.remove(key);
        }
    }
}

impl<T> Flight<T> {
    fn new(began: i64) -> Self {
        let state = State {
            offer: None,
            outcome: Outcome::Pending,
            overtaken: false,
            urgent: false,
            wakers: Vec::new(),
            free: Vec::new(),
        };
        let number = FLIGHTS.fetch_add(1, Ordering::Relaxed);
        Self { number, began, span: OnceLock::new(), state: Mutex::new(state) }
    }

    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// Notes the span of the fetch that brings the answer.
    pub(crate) fn set_span(&self, span: &Id) {
        self.span.get_or_init(|| span.clone());
    }

    /// Returns the span of the fetch that brings the answer, if it has one.
    pub(crate) fn span(&self) -> Option<Id> {
        self.span.get().cloned()
    }

    /// Notes that someone waits for it who asked for a load.
    pub(crate) fn set_urgent(&self) {
        self.state.lock().urgent = true;
    }

    /// Whether someone waits for it who asked for a load, and not just for an answer.
    pub(crate) fn is_urgent(&self) -> bool {
        self.state.lock().urgent
    }

    /// Whether nothing has come of it yet.
    pub(crate) fn is_pending(&self) -> bool {
        matches!(self.state.lock().outcome, Outcome::Pending)
    }

    /// Returns for how long it has been under way at `now`, in microseconds.
    pub(crate) fn age(&self, now: i64) -> u64 {
        now.saturating_sub(self.began).max(0).unsigned_abs()
    }

    fn joinable(&self, good: impl Fn(&T) -> bool) -> bool {
        match &self.state.lock().outcome {
            Outcome::Pending => true,
            Outcome::Landed(answer) => good(answer),
            Outcome::Lost => false,
        }
    }

    /// Waits for the answer. Returns `None` if the leader was lost.
    pub(crate) fn landed(self: &Arc<Self>) -> Wait<T> {
        Wait { flight: Arc::clone(self), place: None, or_offer: false }
    }

    /// Waits for the answer or for something that can be served meanwhile.
    pub(crate) fn offered(self: &Arc<Self>) -> Wait<T> {
        Wait { flight: Arc::clone(self), place: None, or_offer: true }
    }

    /// Gives waiters something to serve meanwhile.
    pub(crate) fn offer(&self, offer: T) {
        let mut state = self.state.lock();
        state.offer = Some(offer);
        let wakers = state.take_wakers();
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Sets the outcome, unless there is one, and wakes the waiters.
    fn settle(&self, outcome: Outcome<T>) {
        let mut state = self.state.lock();
        if matches!(state.outcome, Outcome::Pending) {
            state.outcome = outcome;
            let wakers = state.take_wakers();
            drop(state);
            wakers.into_iter().for_each(Waker::wake);
        }
    }
}

/// The one who brings the answer. Dropping it ends the flight.
#[derive(Debug)]
pub(crate) struct Leader<T> {
    flights: Arc<Flights<T>>,
    key: Key,
    flight: Arc<Flight<T>>,
}

impl<T> Leader<T> {
    pub(crate) fn key(&self) -> &Key {
        &self.key
    }

    pub(crate) fn flight(&self) -> &Arc<Flight<T>> {
        &self.flight
    }

    /// Gives the waiters their answer, once. Who joins before this leader is dropped gets the same.
    pub(crate) fn land(&self, answer: T) {
        self.flight.settle(Outcome::Landed(answer));
    }

    /// Whether the waiters have had their answer.
    pub(crate) fn has_landed(&self) -> bool {
        !self.flight.is_pending()
    }

    /// Lets the next caller begin a new flight, while this one goes on.
    pub(crate) fn abandon(&self) {
        self.flights.leave(&self.key, &self.flight);
    }

    /// Whether the key was written or removed since the flight began.
    pub(crate) fn overtaken(&self) -> bool {
        self.flight.state.lock().overtaken
    }
}

impl<T> Drop for Leader<T> {
    fn drop(&mut self) {
        self.flights.leave(&self.key, &self.flight);
        self.flight.settle(Outcome::Lost);
    }
}

/// A wait for a flight; see [`Flight::landed`] and [`Flight::offered`].
#[derive(Debug)]
pub(crate) struct Wait<T> {
    flight: Arc<Flight<T>>,
    place: Option<usize>,
    or_offer: bool,
}

impl<T: Clone> Future for Wait<T> {
    type Output = Option<T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<T>> {
        let flight = Arc::clone(&self.flight);
        let mut state = flight.state.lock();
        match (&state.outcome, &state.offer) {
            (Outcome::Landed(answer), _) => return Poll::Ready(Some(answer.clone())),
            (Outcome::Lost, _) => return Poll::Ready(None),
            (Outcome::Pending, Some(offer)) if self.or_offer => return Poll::Ready(Some(offer.clone())),
            (Outcome::Pending, _) => {}
        }
        let place = match self.place {
            Some(place) => place,
            None => state.place(),
        };
        state.wakers[place] = Some(context.waker().clone());
        drop(state);
        self.place = Some(place);
        Poll::Pending
    }
}

impl<T> Drop for Wait<T> {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            let mut state = self.flight.state.lock();
            state.wakers[place] = None;
            state.free.push(place);
        }
    }
}

impl<T> State<T> {
    fn place(&mut self) -> usize {
        self.free.pop().unwrap_or_else(|| {
            self.wakers.push(None);
            self.wakers.len() - 1
        })
    }

    fn take_wakers(&mut self) -> Vec<Waker> {
        self.wakers.iter_mut().filter_map(Option::take).collect()
    }
}
