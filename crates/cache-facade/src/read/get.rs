//! Reading what memory alone can't answer: joining flights, and waiting no longer than promised.

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use cache_core::{
    Clock, Error, ErrorKind, Event, Freshness, Key, Loaded, Loader, Request, Result, Timestamp,
};
use futures_util::{
    FutureExt,
    future::{Either, select},
};

use crate::{
    answer::{Found, Source},
    engine::counters::Count,
    load::fetch::Reach,
    load::flight::{Flight, Joined, Leader},
    policy::Policy,
    read::memory_lookup::Glance,
    region::{Answer, Cacheable, Region},
    timer,
};

/// What is to be done for one key.
enum Plan<V> {
    /// Memory has the answer.
    Have(Found<V>),
    /// A flight brings it.
    Await(Arc<Flight<Answer<V>>>),
}

impl<V: Cacheable> Region<V> {
    /// One key, or why it is none.
    pub(crate) async fn found(&self, key: Result<Key>, loader: Option<Arc<dyn Loader<V>>>) -> Answer<V> {
        let mut answers = self.read(&[key?], loader).await;
        answers.pop().unwrap_or_else(|| unreachable!("one answer a key"))
    }

    /// Answers for `keys`, in their order.
    pub(crate) async fn read(&self, keys: &[Key], loader: Option<Arc<dyn Loader<V>>>) -> Vec<Answer<V>> {
        let seen = self.engine.stamps.newest().max(self.core.cleared());
        let now = self.engine.clock.now();
        let good =
            |answer: &Answer<V>| answer.as_ref().is_ok_and(|found| found.freshness(now) == Freshness::Fresh);
        let mut wanted = Vec::new();
        let mut behind = Vec::new();
        let plans: Vec<Plan<V>> = keys
            .iter()
            .map(|key| {
                let (found, stale) = match self.glance(key, now) {
                    Glance::Fresh(found) => {
                        self.hit(key, false);
                        return Plan::Have(found);
                    }
                    Glance::Due(found) => (Some(found), false),
                    Glance::Stale(found) => (Some(found), true),
                    Glance::Miss => (None, false),
                };
                let throttled = found.is_some() && self.core.throttle.paused(key, now);
                match found {
                    Some(found) if throttled || !stale || self.policy.soft_timeout.is_zero() => {
                        self.hit(key, stale);
                        if !throttled {
                            self.flight(key, &mut behind, good);
                        }
                        Plan::Have(found)
                    }
                    _ => {
                        self.engine.memory.count_miss(key);
                        self.engine.observers.tell(&Event::Miss { key });
                        let (flight, leads) = self.flight(key, &mut wanted, good);
                        if !leads {
                            self.engine.counters.bump(Count::Coalesced);
                        }
                        Plan::Await(flight)
                    }
                }
            })
            .collect();
        self.launch(wanted, Reach::Tiers, loader.clone());
        self.launch(behind, Reach::Behind, loader.clone());

        let mut patience = Patience::new(&self.engine.clock, &self.policy);
        let mut answers = Vec::with_capacity(keys.len());
        for (key, plan) in keys.iter().zip(plans) {
            answers.push(match plan {
                Plan::Have(found) => Ok(found),
                Plan::Await(flight) => self.landed(key, flight, seen, &mut patience, &loader).await,
            });
        }
        answers
    }

    /// Loads keys anew and answers how many came. A load under way counts; one that a tier answered
    /// is followed by a load.
    pub(crate) async fn reload(&self, keys: &[Key]) -> Result<usize> {
        // Nothing that is merely offered will do.
        let policy = (*self.policy).clone().soft_timeout(self.policy.hard_timeout);
        let mut patience = Patience::new(&self.engine.clock, &policy);
        let (mut came, mut failed) = (0, None);
        let mut left: Vec<Key> = keys.to_vec();
        for _ in 0..2 {
            let mut leaders = Vec::new();
            let flights: Vec<_> = left.iter().map(|key| self.flight(key, &mut leaders, |_| false)).collect();
            self.launch(leaders, Reach::Loader, self.loader.clone());
            let mut again = Vec::new();
            for (key, flight) in left.drain(..).zip(flights) {
                match patience.wait(&flight.0).await.unwrap_or_else(|| Err(self.lost(&key))) {
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
        leaders: &mut Vec<Leader<Answer<V>>>,
        good: impl Fn(&Answer<V>) -> bool,
    ) -> (Arc<Flight<Answer<V>>>, bool) {
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
        mut flight: Arc<Flight<Answer<V>>>,
        seen: Timestamp,
        patience: &mut Patience<'_>,
        loader: &Option<Arc<dyn Loader<V>>>,
    ) -> Answer<V> {
        loop {
            let found = match patience.wait(&flight).await {
                None => return Err(self.lost(key)),
                Some(Err(error)) => return Err(error),
                Some(Ok(found)) => found,
            };
            let again = match found.source {
                // Whoever led it had no loader to ask.
                Source::Nowhere => loader.is_some(),
                _ => {
                    let stamp = self.engine.stamps.latest(&found.meta).max(self.core.cleared());
                    found.meta.born <= stamp && found.meta.born <= seen
                }
            };
            if !again {
                return Ok(found);
            }
            self.core.flights.leave(key, &flight);
            let mut leaders = Vec::new();
            flight = self.flight(key, &mut leaders, |_| true).0;
            self.launch(leaders, Reach::Tiers, loader.clone());
        }
    }

    /// Sends leaders off in a task of their own.
    fn launch(&self, leaders: Vec<Leader<Answer<V>>>, reach: Reach, loader: Option<Arc<dyn Loader<V>>>) {
        if leaders.is_empty() {
            return;
        }
        if let Err(error) = self.engine.check_open("load") {
            leaders.iter().for_each(|leader| leader.land(Err(error.clone())));
            return;
        }
        let region = self.clone();
        self.engine.tasks.spawn(async move { region.fly(leaders, reach, loader).await });
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

/// How long one call still waits: for a fresh value where a stale one is at hand, and at all. The
/// timers run over all keys of the call together, and start only if it has to wait.
struct Patience<'a> {
    clock: &'a Clock,
    soft: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    hard: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    hard_timeout: Duration,
}

impl<'a> Patience<'a> {
    fn new<V>(clock: &'a Clock, policy: &Policy<V>) -> Self {
        let Policy { soft_timeout, hard_timeout, .. } = *policy;
        let timer = |span| timer::sleep(clock, span).boxed();
        Self {
            clock,
            soft: (!soft_timeout.is_zero()).then(|| timer(soft_timeout.min(hard_timeout))),
            hard: Some(timer(hard_timeout)),
            hard_timeout,
        }
    }

    /// `None` if the flight's leader was lost.
    async fn wait<V: Cacheable>(&mut self, flight: &Arc<Flight<Answer<V>>>) -> Option<Answer<V>> {
        if let Some(soft) = &mut self.soft {
            match select(flight.landed(), soft).await {
                Either::Left((answer, _)) => return answer,
                Either::Right(_) => self.soft = None,
            }
        }
        if let Some(hard) = &mut self.hard {
            match select(flight.offered(), hard).await {
                Either::Left((answer, _)) if servable(self.clock, &answer) => return answer,
                Either::Left(_) => {}
                Either::Right(_) => self.hard = None,
            }
        }
        // What was offered has died meanwhile: only the answer itself will do.
        if let Some(hard) = &mut self.hard {
            match select(flight.landed(), hard).await {
                Either::Left((answer, _)) => return answer,
                Either::Right(_) => self.hard = None,
            }
        }
        let at_hand = flight.offered().now_or_never().filter(|answer| servable(self.clock, answer));
        at_hand.unwrap_or_else(|| {
            let message = format!("no answer within {:?}; the load goes on", self.hard_timeout);
            Some(Err(Error::new(ErrorKind::Timeout, "get", message)))
        })
    }
}

/// Whether an answer, which may be no more than an offer, may be given now.
fn servable<V>(clock: &Clock, answer: &Option<Answer<V>>) -> bool {
    match answer {
        // What comes from the source is answered once, whatever its life.
        Some(Ok(found)) if matches!(found.source, Source::Loader | Source::Nowhere) => true,
        Some(Ok(found)) => found.freshness(clock.now()) != Freshness::Dead,
        Some(Err(_)) | None => true,
    }
}

/// A closure as a loader of one key, once.
pub(crate) struct Once<F>(Mutex<Option<F>>);

impl<F> Once<F> {
    pub(crate) fn new(load: F) -> Self {
        Self(Mutex::new(Some(load)))
    }
}

#[async_trait]
impl<V, F, Fut, T, E> Loader<V> for Once<F>
where
    V: Cacheable,
    F: FnOnce() -> Fut + Send + 'static,
    Fut: Future<Output = std::result::Result<T, E>> + Send + 'static,
    T: Into<Loaded<V>> + 'static,
    E: Into<Box<dyn std::error::Error + Send + Sync>> + 'static,
{
    fn max_batch(&self) -> usize {
        1
    }

    async fn load(&self, _: &[Request]) -> Result<Vec<Loaded<V>>> {
        let load = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(load) = load else {
            return Err(Error::new(ErrorKind::Load, "load", "the closure was called already"));
        };
        match load().await {
            Ok(answer) => Ok(vec![answer.into()]),
            Err(source) => Err(own(source.into())),
        }
    }
}

/// The error itself if it is one of ours, else one of ours with it as the source.
fn own(source: Box<dyn std::error::Error + Send + Sync>) -> Error {
    match source.downcast::<Error>() {
        Ok(error) => *error,
        Err(source) => Error::caused(ErrorKind::Load, "load", "the source failed", source),
    }
}
