//! Warming in the background, until its handle is dropped.

use std::{sync::Arc, time::Duration};

use tokio::task::{JoinHandle, JoinSet};

use super::Warming;
use crate::{effect::MAX_STRATEGIES, timer};

/// How often strategies are looked after.
const TICK: Duration = Duration::from_secs(1);

/// How many ticks may be under way: more than there are strategies, so that runs that hang leave the others one.
const MOST_TICKS: usize = 2 * MAX_STRATEGIES;

/// Warming that goes on until this is dropped. Made by [`Warming::start`].
#[derive(Debug)]
#[must_use = "it goes on until this is dropped"]
pub struct RunningWarming(JoinHandle<()>);

impl Drop for RunningWarming {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Warming {
    /// Ticks each second, on the runtime that this is called on, until what it returns is dropped. A run that
    /// hangs holds up its own strategy alone.
    ///
    /// # Panics
    ///
    /// Outside a Tokio runtime.
    pub fn start(self: &Arc<Self>) -> RunningWarming {
        self.started();
        let warming = Arc::clone(self);
        RunningWarming(tokio::spawn(async move {
            let mut ticks = JoinSet::new();
            loop {
                while ticks.try_join_next().is_some() {}
                warming.settle();
                if !warming.is_enabled() {
                    warming.skip_due();
                } else if ticks.len() < MOST_TICKS {
                    let warming = Arc::clone(&warming);
                    ticks.spawn(async move { warming.run_due().await });
                }
                timer::sleep(&warming.history.clock, TICK).await;
            }
        }))
    }
}
