//! A clock that stands still until a test moves it.

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    task::{Context, Poll, Waker},
    time::Duration,
};

use crate::{Timestamp, sync::Mutex};

/// The time of a manual clock, and who sleeps on it.
#[derive(Debug)]
pub(super) struct Manual {
    pub(super) now: AtomicI64,
    pub(super) sleepers: Mutex<Vec<(Timestamp, Waker)>>,
}

impl Manual {
    pub(super) fn advance(&self, span: Duration) {
        let mut sleepers = self.sleepers.lock();
        let now = Timestamp::from_micros(self.now.load(Ordering::SeqCst)).after(span);
        self.now.store(now.as_micros(), Ordering::SeqCst);
        let due: Vec<Waker> =
            sleepers.extract_if(.., |(deadline, _)| *deadline <= now).map(|(_, waker)| waker).collect();
        drop(sleepers);
        due.into_iter().for_each(Waker::wake);
    }
}

/// A sleep on a manual clock; see [`Clock::manual_sleep`](crate::Clock::manual_sleep).
#[derive(Debug)]
pub struct ManualSleep {
    pub(super) manual: Arc<Manual>,
    pub(super) deadline: Timestamp,
}

impl Future for ManualSleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut sleepers = self.manual.sleepers.lock();
        if self.manual.now.load(Ordering::SeqCst) >= self.deadline.as_micros() {
            return Poll::Ready(());
        }
        let waker = context.waker();
        if !sleepers.iter().any(|(at, known)| *at == self.deadline && known.will_wake(waker)) {
            sleepers.push((self.deadline, waker.clone()));
        }
        Poll::Pending
    }
}
