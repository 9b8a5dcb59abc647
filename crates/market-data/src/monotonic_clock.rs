//! A clock that never goes back, and that tests can advance.

use std::time::Duration;

use cache_core::{Clock, Timestamp};
use futures_util::future::{Either, select};
use tokio::time::Instant;

/// The clock for limits and pauses: a wall clock that is set back would extend them by as much.
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

    /// Returns the present moment, near the wall clock's and never before an earlier one.
    pub(crate) fn now(&self) -> Timestamp {
        match self.clock.manual_sleep(Timestamp::MIN) {
            Some(_) => self.clock.now(),
            None => self.began.after(self.started.elapsed()),
        }
    }

    /// Returns the wall clock's moment, for display.
    pub(crate) fn wall_now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) async fn sleep(&self, span: Duration) {
        match self.clock.manual_sleep(self.clock.now().after(span)) {
            Some(sleep) => sleep.await,
            None => tokio::time::sleep(span).await,
        }
    }

    /// Returns the result of `work`; `None` if it takes longer than `limit`, and `work` is dropped.
    pub(crate) async fn within<T>(&self, limit: Duration, work: impl Future<Output = T> + Send) -> Option<T> {
        let work = std::pin::pin!(work);
        let limit = std::pin::pin!(self.sleep(limit));
        match select(work, limit).await {
            Either::Left((done, _)) => Some(done),
            Either::Right(_) => None,
        }
    }
}
