//! The loop that sends batches when they are due.

use std::{
    future::{Future, poll_fn},
    pin::pin,
    sync::Arc,
    task::Poll,
    time::Duration,
};

use futures_util::{StreamExt, stream::FuturesUnordered};
use tokio::task::JoinHandle;

use super::{batch::Batch, state::Shared};
use crate::timer;

/// How long the loop sleeps at most, if nothing wakes it.
const MAX_SLEEP: Duration = Duration::from_secs(24 * 3600);

/// A scheduler that sends its batches by itself. Dropping this stops it: calls that are on their way are given up,
/// and their updates wait as before.
#[derive(Debug)]
#[must_use = "the scheduler stops when this is dropped"]
pub struct Running(pub(super) JoinHandle<()>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Sends batches when they are due, until the scheduler is shut down.
pub(super) async fn run(shared: Arc<Shared>) {
    let mut calls = FuturesUnordered::new();
    loop {
        let pass = shared.pass();
        calls.extend(pass.batches.into_iter().map(Batch::send));
        if pass.closed && calls.is_empty() {
            return;
        }
        let wait =
            pass.next.map_or(MAX_SLEEP, |next| Duration::from_millis(next.saturating_sub(shared.now())));
        let mut wake = pin!(shared.wake.notified());
        let mut sleep = pin!(timer::sleep(shared.clock(), wait.min(MAX_SLEEP)));
        poll_fn(|context| {
            let has_ended = !calls.is_empty() && calls.poll_next_unpin(context).is_ready();
            let goes_on = has_ended
                || wake.as_mut().poll(context).is_ready()
                || sleep.as_mut().poll(context).is_ready();
            if goes_on { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }
}
