//! A gate at which calls wait until the test lets them pass.

use std::sync::Arc;

use tokio::sync::{Semaphore, watch};

use crate::soon;

/// A gate that holds calls until it is opened. Clones are the same gate.
#[derive(Clone, Debug)]
pub struct Gate(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    passes: Semaphore,
    arrived: watch::Sender<usize>,
}

impl Gate {
    /// A closed gate.
    #[must_use]
    pub fn closed() -> Self {
        Self(Arc::new(Inner { passes: Semaphore::new(0), arrived: watch::Sender::new(0) }))
    }

    /// Arrives at the gate and waits until it may pass.
    pub async fn pass(&self) {
        self.0.arrived.send_modify(|arrived| *arrived += 1);
        if let Ok(permit) = self.0.passes.acquire().await {
            permit.forget();
        }
    }

    /// How many calls have arrived so far, those that passed included.
    #[must_use]
    pub fn arrived(&self) -> usize {
        *self.0.arrived.borrow()
    }

    /// Waits until `count` calls have arrived.
    ///
    /// # Panics
    ///
    /// If they don't arrive within 10 s.
    pub async fn reached(&self, count: usize) {
        let mut arrived = self.0.arrived.subscribe();
        let _ = soon(arrived.wait_for(|arrived| *arrived >= count)).await;
    }

    /// Lets `count` calls pass, of those that wait and those yet to arrive.
    pub fn let_pass(&self, count: usize) {
        self.0.passes.add_permits(count);
    }

    /// Lets every call pass, now and later.
    pub fn open(&self) {
        self.0.passes.close();
    }
}
