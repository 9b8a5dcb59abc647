//! A bus between caches of one process that loses its connections or its messages on demand.

use std::sync::Arc;

use async_trait::async_trait;
use cache_core::{
    Bus, Bytes, Error, ErrorKind, Listener, Result,
    sync::{Mutex, MutexGuard},
};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::Gate;

/// A bus between caches of one process. Clones are the same bus.
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
    /// Closes every connection; from now on publishing and listening fail.
    pub fn cut(&self) {
        let mut state = self.state();
        state.down = true;
        state.listeners.clear();
    }

    /// Lets nodes publish and listen again.
    pub fn restore(&self) {
        self.state().down = false;
    }

    /// Accepts the next `messages` and delivers them to nobody.
    pub fn lose(&self, messages: usize) {
        self.state().to_lose = messages;
    }

    /// From now on each message waits at the gate before it is delivered or fails.
    pub fn gate(&self) -> Gate {
        self.state().gate.insert(Gate::closed()).clone()
    }

    /// Every message that was delivered, in order.
    #[must_use]
    pub fn carried(&self) -> Vec<Bytes> {
        self.state().carried.clone()
    }

    /// How many connections listen.
    #[must_use]
    pub fn listeners(&self) -> usize {
        self.state().listeners.iter().filter(|listener| !listener.is_closed()).count()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock()
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

    async fn publish(&self, message: Bytes) -> Result<()> {
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
        state.carried.push(message.clone());
        state.listeners.retain(|listener| listener.send(message.clone()).is_ok());
        Ok(())
    }

    async fn listen(&self) -> Result<Box<dyn Listener>> {
        let mut state = self.state();
        if state.down {
            return Err(is_down());
        }
        let (sender, receiver) = unbounded_channel();
        state.listeners.push(sender);
        Ok(Box::new(LocalListener(receiver)))
    }
}

#[derive(Debug)]
struct LocalListener(UnboundedReceiver<Bytes>);

#[async_trait]
impl Listener for LocalListener {
    async fn next(&mut self) -> Result<Bytes> {
        self.0.recv().await.ok_or_else(is_down)
    }
}
