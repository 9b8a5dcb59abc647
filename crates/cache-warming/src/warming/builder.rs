//! Putting warming together.

use std::sync::{Arc, atomic::AtomicBool};

use cache_core::{
    Clock, LogSum, Timestamp,
    sync::{Mutex, RwLock},
};
use tokio::sync::Semaphore;

use super::{Warming, run::StrategySlot};
use crate::{
    effect::MAX_STRATEGIES,
    history::{AccessHistory, DEFAULT_MAX_TRACKED, HourOf, profile::LocalHour},
    predictor::{Predictor, regression::Regression},
    quota::CallsLeft,
    strategy::Strategy,
};

/// How many strategies run at once.
const CONCURRENCY: usize = 4;

/// Puts [`Warming`] together.
pub struct WarmingBuilder {
    clock: Clock,
    max_tracked: usize,
    co_access: usize,
    predictor: Box<dyn Predictor>,
    hour_of: Box<HourOf>,
    strategies: Vec<StrategySlot>,
    calls_left: Option<CallsLeft>,
    concurrency: usize,
    fills: bool,
}

impl Default for WarmingBuilder {
    fn default() -> Self {
        Self {
            clock: Clock::system(),
            max_tracked: DEFAULT_MAX_TRACKED,
            co_access: 0,
            predictor: Box::new(Regression::default()),
            hour_of: Box::new(hour_in_utc),
            strategies: Vec::new(),
            calls_left: None,
            concurrency: CONCURRENCY,
            fills: true,
        }
    }
}

impl WarmingBuilder {
    /// Sets the clock, which is the cache's. Default: the system's.
    #[must_use]
    pub fn clock(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }

    /// Sets how many keys are tracked, at least one and at most a million. Default: 10,000.
    #[must_use]
    pub fn max_tracked(self, max_tracked: usize) -> Self {
        Self { max_tracked, ..self }
    }

    /// Sets of how many keys the history remembers which keys are asked for within seconds after them, which
    /// [`Together`](crate::Together) fetches: up to 100 bytes for each of these besides what the history takes,
    /// and 32 KB in all. A hit costs nothing more for it. Default: of none.
    #[must_use]
    pub fn co_access(self, keys: usize) -> Self {
        Self { co_access: keys, ..self }
    }

    /// Sets what predicts how often keys are asked for. Default: [`Regression`].
    #[must_use]
    pub fn predictor(self, predictor: impl Predictor) -> Self {
        Self { predictor: Box::new(predictor), ..self }
    }

    /// Sets which hour of the day and day of the week a moment is in, as in the time of a market. Default: UTC.
    #[must_use]
    pub fn hour_of(self, hour_of: impl Fn(Timestamp) -> LocalHour + Send + Sync + 'static) -> Self {
        Self { hour_of: Box::new(hour_of), ..self }
    }

    /// Adds a strategy.
    ///
    /// # Panics
    ///
    /// With more than 30 of them, and with a name that another has, or `fill`, which is what fills calls.
    #[must_use]
    pub fn strategy(mut self, strategy: impl Strategy) -> Self {
        assert!(self.strategies.len() + 2 < MAX_STRATEGIES, "more than {} strategies", MAX_STRATEGIES - 2);
        let name = &strategy.terms().name;
        let is_taken = self.strategies.iter().any(|slot| slot.terms().name == *name);
        assert!(!is_taken && name != "fill", "there is a strategy {name:?} already");
        self.strategies.push(StrategySlot::new(Box::new(strategy)));
        self
    }

    /// Sets how many calls to the source of a kind its quota has left, which no run goes past; `None` if it has
    /// no quota. Default: no kind has.
    #[must_use]
    pub fn calls_left(self, calls_left: impl Fn(&str) -> Option<usize> + Send + Sync + 'static) -> Self {
        Self { calls_left: Some(CallsLeft::new(calls_left)), ..self }
    }

    /// Sets whether free places of calls are filled, where that is asked. Without it, what strategies fetch is all
    /// that is fetched beforehand. Default: they are.
    #[must_use]
    pub fn fills(self, fills: bool) -> Self {
        Self { fills, ..self }
    }

    /// Sets how many strategies fetch at once, at least one. Default: 4.
    #[must_use]
    pub fn concurrency(self, concurrency: usize) -> Self {
        Self { concurrency: concurrency.max(1), ..self }
    }

    /// Returns what is to be given to a cache as observer and filler, told of regions, and started.
    #[must_use]
    pub fn build(self) -> Arc<Warming> {
        let fill_strategy = self.strategies.len();
        let Self { clock, max_tracked, co_access, predictor, hour_of, .. } = self;
        let history = AccessHistory::new(clock, max_tracked, co_access, predictor, hour_of);
        Arc::new(Warming {
            history: Arc::new(history),
            fills: self.fills,
            permits: Semaphore::new(self.concurrency),
            covered: RwLock::default(),
            strategies: self.strategies,
            fill_strategy,
            enabled: AtomicBool::new(true),
            calls_left: self.calls_left,
            started: Mutex::default(),
            failed_runs: LogSum::new("runs of strategies of warming that failed"),
        })
    }
}

impl std::fmt::Debug for WarmingBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WarmingBuilder").field("max_tracked", &self.max_tracked).finish_non_exhaustive()
    }
}

fn hour_in_utc(at: Timestamp) -> LocalHour {
    let hours = at.as_micros().div_euclid(3_600_000_000);
    let days = hours.div_euclid(24);
    // 1970 began on a Thursday.
    LocalHour { hour: hours.rem_euclid(24) as u8, weekday: (days + 3).rem_euclid(7) as u8 }
}
