//! Long walks in steps: so many slots under one lock, and a pause every so often.

use std::{
    future::{self, Ready},
    pin::pin,
    task::{Context, Poll, Waker},
};

use crate::store::slots::SlotId;

/// How many slots a walk visits before it lets others have the lock of the shard.
pub(crate) const SLOTS_PER_LOCK: SlotId = 256;

/// How many slots a walk visits between two pauses, about: half a millisecond if all are removed whose memory no
/// cache of the processor has.
pub(crate) const SLOTS_PER_PAUSE: usize = 512;

/// Pauses a walk every [`SLOTS_PER_PAUSE`] slots.
pub(crate) struct Pauses<P> {
    pause: P,
    visited: usize,
}

impl<P: Fn() -> F, F: Future<Output = ()>> Pauses<P> {
    pub(crate) fn new(pause: P) -> Self {
        Self { pause, visited: 0 }
    }

    /// Notes that so many slots were visited. The caller holds no lock.
    pub(crate) async fn visited(&mut self, slots: usize) {
        self.visited += slots;
        if self.visited >= SLOTS_PER_PAUSE {
            self.visited = 0;
            (self.pause)().await;
        }
    }
}

/// The pause of a caller that can't wait.
pub(crate) fn no_pause() -> Ready<()> {
    future::ready(())
}

/// Runs a walk to its end whose pauses are [`no_pause`].
pub(crate) fn run<T>(walk: impl Future<Output = T>) -> T {
    let mut walk = pin!(walk);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(result) = walk.as_mut().poll(&mut context) {
            return result;
        }
    }
}
