//! Sleeps on a clock, the system's or a manual one.

use std::{
    future::{Future, pending},
    time::Duration,
};

use cache_core::Clock;
use tokio::time::{Instant, sleep_until};

/// Sleeps for `span` from now, not from when it is first polled: on a manual clock until it is advanced
/// that far, else by the runtime's timer.
pub(crate) fn sleep(clock: &Clock, span: Duration) -> impl Future<Output = ()> + Send + 'static + use<> {
    let manual = clock.manual_sleep(clock.now().after(span));
    let deadline = if manual.is_some() { None } else { Instant::now().checked_add(span) };
    async move {
        match (manual, deadline) {
            (Some(sleep), _) => sleep.await,
            (None, Some(deadline)) => sleep_until(deadline).await,
            (None, None) => pending().await,
        }
    }
}
