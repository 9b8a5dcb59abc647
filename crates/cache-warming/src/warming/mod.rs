//! Warming: an observer that learns, a filler of calls, and strategies that fetch beforehand.

mod builder;
mod call_times;
pub(crate) mod covered;
mod fetching;
mod fill;
pub(crate) mod outlook;
mod run;
mod running;
mod set_aside;
mod start;
mod stats;

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use cache_core::{
    Error, Event, Key, LogSum, Observer, Timestamp, Warm,
    sync::{Mutex, RwLock},
};
use tokio::sync::Semaphore;

pub use self::{
    builder::WarmingBuilder,
    covered::Coverage,
    outlook::Outlook,
    run::RunResult,
    running::RunningWarming,
    start::WarmStart,
    stats::{KindStats, RunProgress, StrategyStats, WarmingStats},
};
use self::{
    covered::{Covered, WarmTarget},
    run::StrategySlot,
};
use crate::{history::AccessHistory, quota::CallsLeft};

/// How many times as often as before a key can be expected to be asked for.
const MOST_TIMES: f32 = 1000.0;

/// Learns what is asked of a cache, and fetches it beforehand.
///
/// It is given to a cache as an observer and as what fills calls, told of the regions to warm, and started.
/// The example takes the place of the cache with a double:
///
/// ```
/// use std::{sync::Arc, time::Duration};
/// use async_trait::async_trait;
/// use cache_core::{Clock, Event, Key, Observer, Refresh, Refreshed, Result, Warm};
/// use cache_warming::{Coverage, Predictive, RunSchedule, Warming};
///
/// struct Prices;
///
/// #[async_trait]
/// impl Refresh for Prices {
///     async fn refresh(&self, keys: &[Key]) -> Result<Refreshed> {
///         Ok(Refreshed { loaded: keys.len(), failed: Vec::new() })
///     }
/// }
///
/// #[async_trait]
/// impl Warm for Prices {
///     fn kind(&self) -> &str {
///         "price"
///     }
///     fn max_batch(&self) -> usize {
///         50
///     }
///     fn fresh_for(&self, _: &Key) -> Option<Duration> {
///         None
///     }
///     async fn lift(&self, keys: &[Key]) -> Result<Vec<bool>> {
///         Ok(vec![false; keys.len()])
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<()> {
/// let hot = Predictive::new("hot", RunSchedule::Every(Duration::from_secs(300)));
/// let warming = Warming::builder().clock(Clock::manual()).strategy(hot).build();
/// warming.cover(Arc::new(Prices), Coverage::default());
/// let apple = Key::new("price", "AAPL")?;
/// warming.on(&Event::Hit { key: &apple, source: "memory", stale: false });
/// assert_eq!(warming.run("hot").await?.calls, 1);
/// # Ok(())
/// # }
/// ```
pub struct Warming {
    history: Arc<AccessHistory>,
    covered: RwLock<Vec<Arc<Covered>>>,
    strategies: Vec<StrategySlot>,
    /// The place after the strategies, for keys in free places.
    fill_strategy: usize,
    enabled: AtomicBool,
    calls_left: Option<CallsLeft>,
    /// Whether free places of calls are filled.
    fills: bool,
    /// One for each strategy that fetches.
    permits: Semaphore,
    started: Mutex<Option<Timestamp>>,
    failed_runs: LogSum,
}

impl Warming {
    /// Begins to put one together.
    #[must_use]
    pub fn builder() -> WarmingBuilder {
        WarmingBuilder::default()
    }

    /// Warms the values of a kind from now on. A kind that is covered already is covered anew. It holds the
    /// region, and so the cache, for as long as it lives itself.
    pub fn cover(&self, target: Arc<dyn Warm>, settings: Coverage) {
        let covered = Arc::new(Covered::new(target, settings));
        self.history.learn(&covered.kind);
        let mut all = self.covered.write();
        all.retain(|known| known.kind != covered.kind);
        all.push(covered);
    }

    /// Fetches nothing beforehand by itself, or does so again. A run by hand fetches in any case, and the history
    /// goes on to learn.
    pub fn enable(&self, enabled: bool) {
        self.enabled.store(enabled, Ordering::Relaxed);
    }

    /// Whether anything is fetched beforehand.
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        self.enabled.load(Ordering::Relaxed)
    }

    /// The names of the strategies, in the order in which they were added.
    pub fn strategies(&self) -> impl Iterator<Item = &str> {
        self.strategies.iter().map(|slot| slot.terms().name.as_str())
    }

    /// The history of what is asked for of the kinds that are covered, which a cache may have as its observer
    /// without holding what covers it.
    #[must_use]
    pub fn history(&self) -> &Arc<AccessHistory> {
        &self.history
    }

    /// Expects keys to be asked for `factor` times as often as they were, until the given moment, or the later one
    /// that was given before: earnings are due, a market opens, news break. A key that nobody asked for yet counts
    /// as asked for once, and takes the place of what is asked for least if too many are tracked. The strategy
    /// [`Announced`](crate::Announced) fetches them meanwhile. Returns how many of them are expected: keys of
    /// kinds that are not warmed are not, nor those beyond what is tracked.
    pub fn announce(&self, keys: &[Key], factor: f32, until: Timestamp) -> usize {
        let factor = if factor.is_finite() { factor.clamp(1.0, MOST_TIMES) } else { MOST_TIMES };
        let keys: Vec<&Key> = keys.iter().filter(|key| self.history.learns(key.kind())).collect();
        self.history.know(&keys);
        self.history.with(|records| {
            let until = records.second(until);
            let places: Vec<usize> = keys.iter().filter_map(|key| self.history.place(key)).collect();
            places.iter().for_each(|place| records.announce(*place, factor, until));
            places.len()
        })
    }

    /// Expects keys to be asked for as often as they were: what was announced of them is withdrawn.
    pub fn withdraw(&self, keys: &[Key]) {
        self.history.with(|records| {
            let places = keys.iter().filter_map(|key| self.history.place(key));
            places.for_each(|place| records.withdraw(place));
        });
    }

    /// Takes what was counted into the history, and runs the strategies whose time has come to their end. Called
    /// each second by [`Warming::start`].
    pub async fn tick(&self) {
        self.settle();
        if self.is_enabled() {
            self.run_due().await;
        } else {
            self.skip_due();
        }
    }

    fn settle(&self) {
        self.history.with_settled(|records| records.pass());
    }

    /// Returns when it was started; it is now if the clock was set back since.
    fn started(&self) -> Timestamp {
        let now = self.history.clock.now();
        let mut started = self.started.lock();
        let at = started.map_or(now, |started| started.min(now));
        *started = Some(at);
        at
    }

    fn covered(&self, kind: &str) -> Option<Arc<Covered>> {
        self.covered.read().iter().find(|covered| covered.kind == kind).cloned()
    }

    fn covered_now(&self) -> Vec<Arc<Covered>> {
        self.covered.read().clone()
    }

    /// Returns how many calls a run may make that has this share of what a quota leaves.
    fn calls_within_quota(&self, kind: &str, share: f64) -> usize {
        match self.calls_left.as_ref().and_then(|left| left.of(kind)) {
            Some(left) => (left as f64 * share) as usize,
            None => usize::MAX,
        }
    }

    /// Notes keys that were fetched beforehand, with the moment from which on each is needed if that is not known
    /// yet. Returns how many values there are now.
    fn note_warmed<'a>(
        &self,
        covered: &Covered,
        strategy: usize,
        keys: impl Iterator<Item = (&'a Key, Option<Timestamp>)>,
    ) -> usize {
        let WarmTarget(target) = &covered.target;
        let is_of_use =
            |(key, _): &(&Key, _)| target.fresh_for(key).is_some() && !target.is_known_absent(key);
        let (keys, of_no_use): (Vec<(&Key, Option<Timestamp>)>, Vec<_>) = keys.partition(is_of_use);
        let now = self.history.clock.now();
        // They failed, have no value, or nothing is kept of them.
        of_no_use.iter().for_each(|(key, _)| covered.set_aside(key, now));
        self.history.track(keys.iter().map(|(key, _)| *key));
        // What was asked for before it came did not read it.
        self.history.with_settled(|records| {
            for (key, needed) in &keys {
                covered.came_again(key);
                let place = self.history.place(key);
                let (Some(place), Some(left)) = (place, target.fresh_for(key)) else { continue };
                covered.lives(left);
                let until = records.second(now.after(left));
                records.warmed(place, strategy, until, needed.map(|needed| records.second(needed)));
            }
        });
        keys.len()
    }

    fn note_failure(&self, covered: &Covered, keys: usize, error: &Error) {
        let now = self.history.clock.now();
        covered.failed(keys, error, now);
        if let Some(times) = covered.failures.count_many(keys as u64, now) {
            tracing::warn!(kind = covered.kind, %error, times,
                "keys could not be fetched beforehand: warming leaves the kind alone for a while");
        }
    }
}

impl Observer for Warming {
    fn on(&self, event: &Event<'_>) {
        self.history.on(event);
    }

    #[inline]
    fn counts_hit(&self, hash: u64) -> bool {
        self.history.counts_hit(hash)
    }
}

impl fmt::Debug for Warming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Warming")
            .field("history", &self.history)
            .field("strategies", &self.strategies.len())
            .finish_non_exhaustive()
    }
}
