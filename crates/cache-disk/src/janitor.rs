//! The thread that sweeps and evicts in the background, for as long as its tier lives.

use std::{
    io,
    sync::{Arc, Condvar, PoisonError},
    thread::{self, JoinHandle},
};

use cache_core::sync::Mutex;

use crate::storage::StorageEngine;

/// Calls the keeper before its time.
#[derive(Debug, Default)]
pub(crate) struct JanitorSignal {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    woken: bool,
    stopped: bool,
}

impl JanitorSignal {
    /// Space is getting scarce.
    pub(crate) fn wake(&self) {
        self.state.lock().woken = true;
        self.changed.notify_all();
    }

    pub(crate) fn stop(&self) {
        self.state.lock().stopped = true;
        self.changed.notify_all();
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.state.lock().stopped
    }
}

/// Stops the thread, and waits for it, when dropped.
#[derive(Debug)]
pub(crate) struct Janitor {
    signal: Arc<JanitorSignal>,
    thread: Option<JoinHandle<()>>,
}

impl Janitor {
    pub(crate) fn start(engine: Arc<StorageEngine>) -> io::Result<Self> {
        let signal = engine.signal.clone();
        let thread = thread::Builder::new().name("cache-disk".into()).spawn(move || run(&engine))?;
        Ok(Self { signal, thread: Some(thread) })
    }
}

impl Drop for Janitor {
    fn drop(&mut self) {
        self.signal.stop();
        if let Some(thread) = self.thread.take() {
            // It catches what panics below it; if it did panic, that was said already.
            drop(thread.join());
        }
    }
}

fn run(engine: &StorageEngine) {
    loop {
        let state = engine.signal.state.lock();
        let idle = |state: &mut State| !state.woken && !state.stopped;
        let (mut state, wait) = engine
            .signal
            .changed
            .wait_timeout_while(state, engine.config.sweep_every, idle)
            .unwrap_or_else(PoisonError::into_inner);
        state.woken = false;
        if state.stopped {
            return;
        }
        drop(state);
        let outcome = if wait.timed_out() { engine.sweep().map(drop) } else { reclaim_early(engine) };
        if let Err(error) = outcome {
            tracing::warn!(%error, "the disk tier could not be tidied");
        }
    }
}

fn reclaim_early(engine: &StorageEngine) -> cache_core::Result<()> {
    while !engine.signal.is_stopped() && engine.reclaim_early()? {}
    Ok(())
}
