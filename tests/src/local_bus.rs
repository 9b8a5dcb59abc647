//! A bus between caches of one process, which can be cut and can lose what it carries.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use cache_core::{Bus, Bytes, Error, ErrorKind, Listener, Result};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::Gate;

/// Carries frames between caches of one process. Clones are the same bus.
#[derive(Clone, Debug, Default)]
pub struct LocalBus(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    listeners: Vec<UnboundedSender<Bytes>>,
    down: bool,
    to_lose: usize,
    gate: Option<Gate>,
    carried: Vec<Bytes>,
}

impl LocalBus {
    /// From now on nothing can be sent, and every connection is lost.
    pub fn cut(&self) {
        let mut state = self.state();
        state.down = true;
        state.listeners.clear();
    }

    /// Connections can be had again.
    pub fn restore(&self) {
        self.state().down = false;
    }

    /// The next `frames` are taken, and reach nobody.
    pub fn lose(&self, frames: usize) {
        self.state().to_lose = frames;
    }

    /// From now on frames wait at the gate before they are sent, or not.
    pub fn gate(&self) -> Gate {
        self.state().gate.insert(Gate::closed()).clone()
    }

    /// Every frame that was carried, in order.
    #[must_use]
    pub fn carried(&self) -> Vec<Bytes> {
        self.state().carried.clone()
    }

    /// How many listen.
    #[must_use]
    pub fn listeners(&self) -> usize {
        self.state().listeners.iter().filter(|listener| !listener.is_closed()).count()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_down() -> Error {
    Error::new(ErrorKind::Unavailable, "bus", "the bus was cut")
}

#[async_trait]
impl Bus for LocalBus {
    fn name(&self) -> &'static str {
        "local"
    }

    fn max_message_len(&self) -> usize {
        4096
    }

    async fn publish(&self, frame: Bytes) -> Result<()> {
        let gate = self.state().gate.clone();
        if let Some(gate) = gate {
            gate.pass().await;
        }
        let mut state = self.state();
        if state.down {
            return Err(is_down());
        }
        if state.to_lose > 0 {
            state.to_lose -= 1;
            return Ok(());
        }
        state.carried.push(frame.clone());
        state.listeners.retain(|listener| listener.send(frame.clone()).is_ok());
        Ok(())
    }

    async fn listen(&self) -> Result<Box<dyn Listener>> {
        let mut state = self.state();
        if state.down {
            return Err(is_down());
        }
        let (sender, receiver) = unbounded_channel();
        state.listeners.push(sender);
        Ok(Box::new(Ear(receiver)))
    }
}

#[derive(Debug)]
struct Ear(UnboundedReceiver<Bytes>);

#[async_trait]
impl Listener for Ear {
    async fn next(&mut self) -> Result<Bytes> {
        self.0.recv().await.ok_or_else(is_down)
    }
}
