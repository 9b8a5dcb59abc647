//! Warming: an observer that learns, a filler of calls, and strategies that fetch beforehand.

mod builder;
mod call_times;
pub(crate) mod covered;
mod fill;
pub(crate) mod outlook;
mod run;
mod running;
mod start;
mod stats;

use std::{
    fmt,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};

use cache_core::{Error, Event, Key, LogSum, Observer, Timestamp, Warm, sync::RwLock};

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
use crate::history::{AccessHistory, seconds};

/// How many times as often as before a key can be expected to be asked for.
const MOST_TIMES: f32 = 1000.0;

/// How many calls to the source of a kind are left in its quota.
type CallsLeft = dyn Fn(&str) -> Option<usize> + Send + Sync;

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
/// assert_eq!(warming.run("hot").await?.fetched, 1);
/// # Ok(())
/// # }
/// ```
pub struct Warming {
    pub(crate) history: AccessHistory,
    covered: RwLock<Vec<Arc<Covered>>>,
    strategies: Vec<StrategySlot>,
    /// The place after the strategies, for keys in free places.
    fill_strategy: usize,
    enabled: AtomicBool,
    calls_left: Option<Box<CallsLeft>>,
    concurrency: usize,
    started: OnceLock<Timestamp>,
    failed_runs: LogSum,
}

impl Warming {
    /// Begins to put one together.
    #[must_use]
    pub fn builder() -> WarmingBuilder {
        WarmingBuilder::default()
    }

    /// Warms the values of a kind from now on. A kind that is covered already is covered anew.
    pub fn cover(&self, target: Arc<dyn Warm>, settings: Coverage) {
        let covered = Arc::new(Covered::new(target, settings));
        let mut all = self.covered.write();
        all.retain(|known| known.kind != covered.kind);
        all.push(covered);
    }

    /// Fetches nothing beforehand, or does so again. The history goes on to learn.
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

    /// The history of what is asked for.
    #[must_use]
    pub fn history(&self) -> &AccessHistory {
        &self.history
    }

    /// Expects keys to be asked for `factor` times as often as they were, until the given moment: earnings are
    /// due, a market opens, news break. A key that nobody asked for yet counts as asked for once. The strategy
    /// [`Announced`](crate::Announced) fetches them meanwhile.
    pub fn announce(&self, keys: &[Key], factor: f32, until: Timestamp) {
        let factor = if factor.is_finite() { factor.clamp(1.0, MOST_TIMES) } else { MOST_TIMES };
        for key in keys.iter().filter(|key| self.history.place(key).is_none()) {
            self.history.on(&Event::Hit { key, source: "memory", stale: false });
        }
        self.history.settle();
        self.history.with(|records| {
            for place in keys.iter().filter_map(|key| self.history.place(key)) {
                records.announce(place, factor, seconds(until));
            }
        });
    }

    /// Takes what was counted into the history, and runs the strategies whose time has come to their end. Called
    /// each second by [`Warming::start`].
    pub async fn tick(&self) {
        self.history.with_settled(|records| records.pass());
        if self.is_enabled() {
            self.run_due().await;
        }
    }

    fn started(&self) -> Timestamp {
        *self.started.get_or_init(|| self.history.clock.now())
    }

    fn covered(&self, kind: &str) -> Option<Arc<Covered>> {
        self.covered.read().iter().find(|covered| covered.kind == kind).cloned()
    }

    fn covered_now(&self) -> Vec<Arc<Covered>> {
        self.covered.read().clone()
    }

    /// Returns how many calls a run may make that has this share of what a quota leaves.
    fn calls_within_quota(&self, kind: &str, share: f64) -> usize {
        match self.calls_left.as_ref().and_then(|left| left(kind)) {
            Some(left) => (left as f64 * share) as usize,
            None => usize::MAX,
        }
    }

    /// Notes keys that were fetched beforehand and came, with the moment from which on each is needed if that is
    /// not known yet.
    fn note_warmed<'a>(
        &self,
        covered: &Covered,
        strategy: usize,
        keys: impl Iterator<Item = (&'a Key, Option<Timestamp>)>,
    ) {
        let WarmTarget(target) = &covered.target;
        let keys: Vec<(&Key, Option<Timestamp>)> = keys.collect();
        self.history.track(keys.iter().map(|(key, _)| *key));
        // What was asked for before it came did not read it.
        self.history.with_settled(|records| {
            let now = self.history.clock.now();
            for (key, needed) in keys {
                let place = self.history.place(key);
                let (Some(place), Some(left)) = (place, target.fresh_for(key)) else { continue };
                covered.lives(left);
                let until = records.second(now.after(left));
                records.warmed(place, strategy, until, needed.map(|needed| records.second(needed)));
            }
        });
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
