//! How long one call waits: for a fresh value where a stale one is at hand, and at all.

use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

use cache_core::{Clock, Error, ErrorKind};
use futures_util::{
    FutureExt,
    future::{Either, select},
};

use super::servable::Servable;
use crate::{
    answer::{FlightResult, Source},
    load::flight::Flight,
    policy::Policy,
    region::Cacheable,
    timer,
};

type Timer = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The soft and the hard timeout of one call. They run over all keys of the call together, and are boxed
/// only where the call has to wait.
pub(crate) struct Deadlines<'a> {
    clock: &'a Clock,
    soft: Option<Timer>,
    hard: Option<Timer>,
    hard_timeout: Duration,
    /// Whether the answer that is offered meanwhile may be given.
    takes_offers: bool,
}

/// What came of waiting for a flight.
pub(crate) enum Waited<V> {
    /// An answer, or the end of the call's own time.
    Answered(FlightResult<V>),
    /// The flight's leader is gone.
    Lost,
    /// The flight is as old as a load may be, and has not landed.
    Overdue,
}

impl<'a> Deadlines<'a> {
    pub(crate) fn new<V>(clock: &'a Clock, policy: &Policy<V>) -> Self {
        let Policy { soft_timeout, hard_timeout, .. } = *policy;
        let timer = |span| timer::sleep(clock, span).boxed();
        Self {
            clock,
            soft: (!soft_timeout.is_zero()).then(|| timer(soft_timeout.min(hard_timeout))),
            hard: Some(timer(hard_timeout)),
            hard_timeout,
            takes_offers: true,
        }
    }

    /// Says whether the answer that the next flights offer may be given, or their own alone.
    pub(crate) fn take_offers(&mut self, takes_offers: bool) {
        self.takes_offers = takes_offers;
    }

    /// Waits for a flight, at most until it is as old as a load may be: nobody may be driving it any more.
    pub(crate) async fn wait<V: Cacheable>(&mut self, flight: &Arc<Flight<FlightResult<V>>>) -> Waited<V> {
        let age = Duration::from_micros(flight.age(self.clock.steady()));
        if age.is_zero() || self.hard.is_none() {
            // It ends with this call's own limit.
            return self.landed(flight).await.map_or(Waited::Lost, Waited::Answered);
        }
        let (clock, takes_offers) = (self.clock, self.takes_offers);
        let left = self.hard_timeout.saturating_sub(age);
        let landed = std::pin::pin!(self.landed(flight));
        match select(landed, std::pin::pin!(timer::sleep(clock, left))).await {
            Either::Left((answer, _)) => return answer.map_or(Waited::Lost, Waited::Answered),
            Either::Right(_) => {}
        }
        let offered =
            flight.offered().now_or_never().filter(|answer| takes_offers && may_be_given(clock, answer));
        match offered {
            Some(answer) => answer.map_or(Waited::Lost, Waited::Answered),
            None => Waited::Overdue,
        }
    }

    /// Whether the call may wait no longer.
    pub(crate) fn have_passed(&self) -> bool {
        self.hard.is_none()
    }

    /// Whether a flight is as old as a load may be.
    pub(crate) fn is_overdue<T>(&self, flight: &Flight<T>) -> bool {
        u128::from(flight.age(self.clock.steady())) >= self.hard_timeout.as_micros()
    }

    /// Returns the error of a call that waited for as long as it may.
    pub(crate) fn timed_out(&self) -> Error {
        let message = format!("no answer within {:?}; the load goes on", self.hard_timeout);
        Error::new(ErrorKind::Timeout, "get", message)
    }

    /// Waits for a flight until this call's limits. Returns `None` if the flight's leader was lost.
    async fn landed<V: Cacheable>(
        &mut self,
        flight: &Arc<Flight<FlightResult<V>>>,
    ) -> Option<FlightResult<V>> {
        let takes_offers = self.takes_offers;
        if let Some(soft) = self.soft.as_mut().filter(|_| takes_offers) {
            match select(flight.landed(), soft).await {
                Either::Left((answer, _)) => return answer,
                Either::Right(_) => self.soft = None,
            }
        }
        if let Some(hard) = self.hard.as_mut().filter(|_| takes_offers) {
            match select(flight.offered(), hard).await {
                Either::Left((answer, _)) if may_be_given(self.clock, &answer) => return answer,
                Either::Left(_) => {}
                Either::Right(_) => self.hard = None,
            }
        }
        // What was offered has died meanwhile: only the flight's own answer will do.
        if let Some(hard) = &mut self.hard {
            match select(flight.landed(), hard).await {
                Either::Left((answer, _)) => return answer,
                Either::Right(_) => self.hard = None,
            }
        }
        let may_be_given = |answer: &_| takes_offers && may_be_given(self.clock, answer);
        let offered = flight.offered().now_or_never().filter(may_be_given);
        offered.unwrap_or_else(|| Some(Err(self.timed_out())))
    }
}

/// Whether an answer, which may be no more than an offer, may be given now.
fn may_be_given<V>(clock: &Clock, answer: &Option<FlightResult<V>>) -> bool {
    match answer {
        // What comes from the source is given once, whatever its life.
        Some(Ok(found)) if matches!(found.source, Source::Loader | Source::Nowhere) => true,
        Some(Ok(found)) => Servable::by_age(found, clock.now()).is_servable(),
        Some(Err(_)) | None => true,
    }
}
