//! Time that a test can turn, and that never goes back where it can't.

use std::time::Duration;

use cache_core::{Clock, Timestamp};
use futures_util::future::{Either, select};
use tokio::time::Instant;

/// The time by which limits and pauses are kept: a wall clock that is set back would stop them for as long.
#[derive(Clone, Debug)]
pub(crate) struct MonotonicClock {
    clock: Clock,
    began: Timestamp,
    started: Instant,
}

impl MonotonicClock {
    pub(crate) fn new(clock: Clock) -> Self {
        Self { began: clock.now(), started: Instant::now(), clock }
    }

    /// Returns the moment, which is near that of the clock and never before an earlier one.
    pub(crate) fn now(&self) -> Timestamp {
        match self.clock.manual_sleep(Timestamp::MIN) {
            Some(_) => self.clock.now(),
            None => self.began.after(self.started.elapsed()),
        }
    }

    /// Returns the clock's own moment, for people.
    pub(crate) fn wall_now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) async fn sleep(&self, span: Duration) {
        match self.clock.manual_sleep(self.clock.now().after(span)) {
            Some(sleep) => sleep.await,
            None => tokio::time::sleep(span).await,
        }
    }

    /// Returns what `work` comes to, unless that takes longer than `limit`: `None`, and it is dropped.
    pub(crate) async fn within<T>(&self, limit: Duration, work: impl Future<Output = T> + Send) -> Option<T> {
        let work = std::pin::pin!(work);
        let limit = std::pin::pin!(self.sleep(limit));
        match select(work, limit).await {
            Either::Left((done, _)) => Some(done),
            Either::Right(_) => None,
        }
    }
}
