//! The background thread that sweeps and evicts for as long as its tier lives.

use std::{
    io,
    sync::{Arc, Condvar, PoisonError},
    thread::{self, JoinHandle},
};

use cache_core::sync::Mutex;

use crate::storage::StorageEngine;

/// Wakes the janitor before its interval is over, or stops it.
#[derive(Debug, Default)]
pub(crate) struct JanitorSignal {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    woken: bool,
    /// Whether the database is to be opened again.
    reopens: bool,
    stopped: bool,
}

impl JanitorSignal {
    /// Wakes the janitor to reclaim space.
    pub(crate) fn wake(&self) {
        self.state.lock().woken = true;
        self.changed.notify_all();
    }

    /// Wakes the janitor to open the database again.
    pub(crate) fn wake_to_reopen(&self) {
        self.state.lock().reopens = true;
        self.wake();
    }

    pub(crate) fn stop(&self) {
        self.state.lock().stopped = true;
        self.changed.notify_all();
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.state.lock().stopped
    }
}

/// The background thread. Dropping this stops it and waits for its end.
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
            // Should it have panicked, the panic hook has reported that.
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
        let reopens = std::mem::take(&mut state.reopens);
        state.woken = false;
        if state.stopped {
            return;
        }
        drop(state);
        let reopened = if reopens { engine.write("reopen", |_, _| Ok(())) } else { Ok(()) };
        let outcome = reopened.and_then(|()| match wait.timed_out() {
            true => engine.sweep().map(drop),
            false => engine.work_ahead(),
        });
        let now = engine.config.clock.now();
        if let Err(error) = outcome
            && let Some(times) = engine.log_sums.failed_sweeps.count(now)
        {
            tracing::warn!(%error, times, "sweeping or evicting in the disk tier failed");
        }
        engine.log_sums.settle(now);
    }
}
