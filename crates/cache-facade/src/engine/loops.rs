//! The loops of a cache, which outlive the runtime they began on: whoever finds one gone begins it anew.

use std::{
    sync::{
        Arc, OnceLock, Weak,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use cache_core::{Error, ErrorKind, Listener, Result};
use tokio::runtime::Handle;

use super::Engine;
use crate::invalidation::{
    bus_client::BusClient,
    subscriber::{self, Subscription},
};

/// How long a runtime may stand still before its loops are begun on another.
const MAX_STANDSTILL: Duration = Duration::from_secs(15);

/// One loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Loop {
    /// Sweeps memory.
    Sweep,
    /// Tries tiers that failed again.
    Retry,
    /// Publishes what this node did.
    Publish,
    /// Receives what the others did.
    Listen,
}

impl Loop {
    const ALL: [Self; 4] = [Self::Sweep, Self::Retry, Self::Publish, Self::Listen];

    fn needs_bus(self) -> bool {
        matches!(self, Self::Publish | Self::Listen)
    }
}

/// Which loops run, and when they were last seen to.
#[derive(Debug, Default)]
pub(crate) struct Loops {
    running: [AtomicBool; Loop::ALL.len()],
    /// Incremented when all loops are begun anew though none has ended: those of before end by themselves.
    generation: AtomicU64,
    /// When the loop that goes round each second did so last, in milliseconds of this process.
    beat: AtomicU64,
}

impl Loops {
    /// Notes that the loops move.
    pub(super) fn beat(&self) {
        self.beat.store(millis(), Ordering::Relaxed);
    }

    fn is_standing_still(&self) -> bool {
        millis().saturating_sub(self.beat.load(Ordering::Relaxed)) > MAX_STANDSTILL.as_millis() as u64
    }
}

/// The time of this process, in milliseconds.
fn millis() -> u64 {
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed().as_millis() as u64
}

/// Whether a loop that began is still the one to run. Dropping this says that it no longer does.
pub(crate) struct LoopGuard {
    engine: Weak<Engine>,
    one: Loop,
    generation: u64,
}

impl LoopGuard {
    /// Whether the loop should go on.
    pub(crate) fn goes_on(&self) -> bool {
        self.engine
            .upgrade()
            .is_some_and(|engine| engine.loops().generation.load(Ordering::Acquire) == self.generation)
    }
}

impl Drop for LoopGuard {
    fn drop(&mut self) {
        let Some(engine) = self.engine.upgrade().filter(|_| self.goes_on()) else { return };
        if self.one == Loop::Listen
            && let Some(bus) = engine.bus()
        {
            bus.set_subscribed(false);
        }
        engine.loops().running[self.one as usize].store(false, Ordering::Release);
    }
}

impl Engine {
    /// Makes sure that a call may begin: the cache is open, there is a runtime to go on in, and its loops run.
    ///
    /// # Errors
    ///
    /// `Closed` while the cache shuts down, `Config` outside a Tokio runtime.
    pub(crate) fn enter(self: &Arc<Self>, operation: &'static str) -> Result<()> {
        self.check_open(operation)?;
        self.enter_though_closed(operation)
    }

    /// As [`Engine::enter`], for what may be done while the cache shuts down.
    ///
    /// # Errors
    ///
    /// `Config` outside a Tokio runtime.
    pub(crate) fn enter_though_closed(self: &Arc<Self>, operation: &'static str) -> Result<()> {
        self.check_runtime(operation)?;
        self.keep_up(None);
        Ok(())
    }

    /// Whether there is a runtime to run on.
    ///
    /// # Errors
    ///
    /// `Config` outside a Tokio runtime.
    pub(crate) fn check_runtime(&self, operation: &'static str) -> Result<()> {
        if Handle::try_current().is_err() {
            let message = "there is no Tokio runtime here: call it within one; only what memory holds fresh can be \
                           read without";
            return Err(Error::new(ErrorKind::Config, operation, message));
        }
        Ok(())
    }

    /// Begins the loops that don't run, or stand still with their runtime. `listening` is a connection that the
    /// loop which listens can begin with.
    pub(crate) fn keep_up(self: &Arc<Self>, listening: Option<Result<Box<dyn Listener>>>) {
        let loops = self.loops();
        if self.is_closed() {
            return;
        }
        // A manual clock stands still for as long as its test wants it to.
        if self.clock().follows_servers() && loops.is_standing_still() {
            loops.beat();
            loops.generation.fetch_add(1, Ordering::AcqRel);
            loops.running.iter().for_each(|running| running.store(false, Ordering::Release));
        }
        let mut listening = listening;
        for one in Loop::ALL {
            let running = &loops.running[one as usize];
            let wanted = self.bus().is_some() || !one.needs_bus();
            if wanted && !running.load(Ordering::Acquire) && !running.swap(true, Ordering::AcqRel) {
                self.begin_loop(one, listening.take_if(|_| one == Loop::Listen));
            }
        }
    }

    fn begin_loop(self: &Arc<Self>, one: Loop, listening: Option<Result<Box<dyn Listener>>>) {
        let engine = Arc::downgrade(self);
        let generation = self.loops().generation.load(Ordering::Acquire);
        let (guard, clock) = (LoopGuard { engine: engine.clone(), one, generation }, self.clock().clone());
        match (one, self.bus()) {
            (Loop::Sweep, _) => drop(tokio::spawn(Self::sweep_memory(engine, clock, guard))),
            (Loop::Retry, _) => {
                self.loops().beat();
                drop(tokio::spawn(Self::retry_tiers(engine, clock, guard)));
            }
            (Loop::Publish, Some(bus)) => {
                drop(tokio::spawn(BusClient::publish_queued(Arc::downgrade(bus), guard)));
            }
            (Loop::Listen, Some(_)) => {
                let ended =
                    || Error::new(ErrorKind::Unavailable, "listen", "the runtime of the listener has ended");
                // Begun with before this returns: a cache that is being built holds nothing yet.
                let listening = listening.unwrap_or_else(|| Err(ended()));
                let Some(first) = Subscription::begin(&engine, listening) else { return };
                drop(tokio::spawn(subscriber::listen(engine, first, guard)));
            }
            (Loop::Publish | Loop::Listen, None) => {}
        }
    }
}
