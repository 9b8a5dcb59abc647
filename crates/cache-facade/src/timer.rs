//! Waiting, on whichever clock the cache lives by.

use std::time::Duration;

use cache_core::Clock;

/// Sleeps for `span`: on a manual clock until it is turned that far, else by the runtime's timer.
pub(crate) async fn sleep(clock: &Clock, span: Duration) {
    match clock.manual_sleep(clock.now().after(span)) {
        Some(sleep) => sleep.await,
        None => tokio::time::sleep(span).await,
    }
}
