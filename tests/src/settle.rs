//! Waiting for what runs in the background, without a clock.

use std::{thread, time::Duration};

use tokio::{task::yield_now, time::timeout};

/// Yields to all other tasks many times. Afterwards everything has happened that needs neither the clock, nor
/// a gate, nor another thread, so a test can assert that something did *not* happen.
///
/// Only meaningful on a current-thread runtime.
pub async fn settle() {
    for _ in 0..256 {
        yield_now().await;
    }
}

/// Waits until `condition` holds.
///
/// # Panics
///
/// If it does not after 200,000 turns, naming `what` was awaited.
pub async fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    for turn in 0..200_000 {
        if condition() {
            return;
        }
        if turn > 1000 {
            // Something is under way on another thread: leave it the processor.
            thread::yield_now();
        }
        yield_now().await;
    }
    panic!("never came: {what}");
}

/// Awaits a future that needs neither the clock nor a gate to end.
///
/// # Panics
///
/// If it has not ended after 10 s.
pub async fn soon<T>(future: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(10), future).await.expect("it ends")
}
