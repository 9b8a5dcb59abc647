//! A gate that holds what comes to it until the test lets it pass.

use std::sync::Arc;

use tokio::sync::{Semaphore, watch};

use crate::soon;

/// Holds calls until it is opened. Clones are the same gate.
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

    /// Comes to the gate and waits until it may pass.
    pub async fn pass(&self) {
        self.0.arrived.send_modify(|arrived| *arrived += 1);
        if let Ok(permit) = self.0.passes.acquire().await {
            permit.forget();
        }
    }

    /// How many have come to the gate so far, those who passed included.
    #[must_use]
    pub fn arrived(&self) -> usize {
        *self.0.arrived.borrow()
    }

    /// Waits until `count` have come to the gate.
    ///
    /// # Panics
    ///
    /// If they don't come.
    pub async fn reached(&self, count: usize) {
        let mut arrived = self.0.arrived.subscribe();
        let _ = soon(arrived.wait_for(|arrived| *arrived >= count)).await;
    }

    /// Lets `count` of those who wait or will come pass.
    pub fn let_pass(&self, count: usize) {
        self.0.passes.add_permits(count);
    }

    /// Lets everyone pass, now and from now on.
    pub fn open(&self) {
        self.0.passes.close();
    }
}
