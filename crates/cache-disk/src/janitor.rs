//! The thread that sweeps and evicts in the background, for as long as its tier lives.

use std::{
    io,
    sync::{Arc, Condvar, Mutex, PoisonError},
    thread::{self, JoinHandle},
};

use crate::storage::Engine;

/// Calls the keeper before its time.
#[derive(Debug, Default)]
pub(crate) struct Bell {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    rung: bool,
    stopped: bool,
}

impl Bell {
    /// Space is getting scarce.
    pub(crate) fn ring(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).rung = true;
        self.changed.notify_all();
    }

    pub(crate) fn stop(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).stopped = true;
        self.changed.notify_all();
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).stopped
    }
}

/// Stops the thread, and waits for it, when dropped.
#[derive(Debug)]
pub(crate) struct Keeper {
    bell: Arc<Bell>,
    thread: Option<JoinHandle<()>>,
}

impl Keeper {
    pub(crate) fn start(engine: Arc<Engine>) -> io::Result<Self> {
        let bell = engine.bell.clone();
        let thread = thread::Builder::new().name("cache-disk".into()).spawn(move || keep(&engine))?;
        Ok(Self { bell, thread: Some(thread) })
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.bell.stop();
        if let Some(thread) = self.thread.take() {
            // It catches what panics below it; if it did panic, that was said already.
            drop(thread.join());
        }
    }
}

fn keep(engine: &Engine) {
    loop {
        let state = engine.bell.state.lock().unwrap_or_else(PoisonError::into_inner);
        let idle = |state: &mut State| !state.rung && !state.stopped;
        let (mut state, wait) = engine
            .bell
            .changed
            .wait_timeout_while(state, engine.config.sweep_every, idle)
            .unwrap_or_else(PoisonError::into_inner);
        state.rung = false;
        if state.stopped {
            return;
        }
        drop(state);
        let outcome = if wait.timed_out() { engine.sweep().map(drop) } else { make_room(engine) };
        if let Err(error) = outcome {
            tracing::warn!(%error, "the disk tier could not be tidied");
        }
    }
}

fn make_room(engine: &Engine) -> cache_core::Result<()> {
    while !engine.bell.is_stopped() && engine.reclaim_early()? {}
    Ok(())
}
