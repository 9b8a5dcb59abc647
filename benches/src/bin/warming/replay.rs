//! Demand replayed on a real cache with real warming, on a manual clock.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, Result};
use async_trait::async_trait;
use cache_core::{Clock, Event, Key, Loaded, Loader, Observer, Refresh, Refreshed, Request, Warm};
use cache_facade::{Cache, Region, Source};
use cache_warming::{Coverage, Predictive, RunBudget, RunSchedule, SeedScore, Together, Warming};

use crate::demand::{Asked, Demand};

/// How long a value lives.
pub(crate) const LIFE: u32 = 300;

/// How often a plan is looked at, in seconds; and the longest idle time over which it is.
const PLAN_STEP: u32 = 2;
const PLAN_IDLE: u32 = 600;
const PRECISE_STEP: u32 = 10;

/// For how many seconds after a request it is looked what comes next.
const TOGETHER_IDLE: u32 = 7;

/// How many seconds of the history strategies run in.
const REHEARSED: u32 = 3 * 86_400;

/// The first Monday that a manual clock can show.
const FIRST_MONDAY: u32 = 1_578_268_800;
const WEEK: u32 = 7 * 86_400;

/// What is fetched beforehand.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Mode {
    /// Nothing.
    Nothing,
    /// At each boundary of a life at most so many keys, those that are worth this share of the average.
    ByKey { keys: usize, worth: f32 },
    /// The same, by the scoring of the seeds.
    BySeedScore { keys: usize },
    /// Each ten seconds, as many of what is dead or soon will be as leave this share read.
    Precise { share: f32 },
    /// What fills the calls of misses, of so many keys.
    Fill { batch: usize, price_of_key: f32 },
    /// Besides, calls that save more than so many.
    Plan { batch: usize, saving: f32, price_of_key: f32 },
    /// Each second what is asked for after what was just asked for, of so many keys of which that is remembered.
    Together { keys: usize },
}

impl Mode {
    fn batch(self) -> usize {
        match self {
            Self::Fill { batch, .. } | Self::Plan { batch, .. } => batch,
            _ => 50,
        }
    }
}

/// What came of a replay.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) requests: u64,
    pub(crate) hits: u64,
    /// Keys asked of the source.
    pub(crate) keys: u64,
    /// Calls of it: those of the misses, and as few as carry what was fetched beforehand.
    pub(crate) calls: u64,
    /// Keys that were fetched beforehand, and those of them that were read before they died.
    pub(crate) warmed: u64,
    pub(crate) read: u64,
}

impl Outcome {
    pub(crate) fn hit_ratio(&self) -> f64 {
        self.hits as f64 / self.requests as f64
    }

    pub(crate) fn precision(&self) -> Option<f64> {
        (self.warmed > 0).then(|| self.read as f64 / self.warmed as f64)
    }
}

/// The source, which has every key.
struct Counting {
    batch: usize,
    calls: Arc<AtomicU64>,
    keys: Arc<AtomicU64>,
}

#[async_trait]
impl Loader<u32> for Counting {
    fn max_batch(&self) -> usize {
        self.batch
    }

    async fn load(&self, requests: &[Request<u32>]) -> cache_core::Result<Vec<Loaded<u32>>> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        self.keys.fetch_add(requests.len() as u64, Ordering::Relaxed);
        Ok(requests.iter().map(|_| 1.into()).collect())
    }
}

/// A source that nothing is fetched from.
struct Nobody;

#[async_trait]
impl Refresh for Nobody {
    async fn refresh(&self, _: &[Key]) -> cache_core::Result<Refreshed> {
        Ok(Refreshed::default())
    }
}

#[async_trait]
impl Warm for Nobody {
    fn kind(&self) -> &str {
        "demand"
    }

    fn max_batch(&self) -> usize {
        50
    }

    fn fresh_for(&self, _: &Key) -> Option<Duration> {
        None
    }

    async fn lift(&self, keys: &[Key]) -> cache_core::Result<Vec<bool>> {
        Ok(vec![false; keys.len()])
    }
}

/// Replays demand.
pub(crate) async fn replay(demand: &Demand, mode: Mode) -> Result<Outcome> {
    let clock = Clock::manual();
    let mut replay = Replay::new(demand, mode, clock)?;
    replay.learn(demand.history()).await?;
    for day in demand.scored() {
        replay.score(day).await?;
    }
    Ok(replay.outcome())
}

struct Replay {
    mode: Mode,
    clock: Clock,
    /// The clock shows recorded time plus this.
    shift: u32,
    keys: Vec<Key>,
    warming: Arc<Warming>,
    calls: Arc<AtomicU64>,
    loaded: Arc<AtomicU64>,
    outcome: Outcome,
    /// The second of the request before.
    last_request: u32,
}

impl Replay {
    fn new(demand: &Demand, mode: Mode, clock: Clock) -> Result<Self> {
        let builder = Warming::builder().clock(clock.clone()).max_tracked(demand.keys.len().max(1));
        let by_hand = |name: &str| Predictive::new(name, RunSchedule::ByHand);
        let life = Duration::from_secs(LIFE.into());
        let builder = match mode {
            Mode::Nothing | Mode::Fill { .. } => builder,
            Mode::ByKey { keys, worth } => {
                let budget = RunBudget::default().keys(keys);
                builder.strategy(by_hand("by key").worth(worth).budget(budget).soon(life))
            }
            Mode::BySeedScore { keys } => {
                let budget = RunBudget::default().keys(keys);
                builder.predictor(SeedScore::default()).strategy(by_hand("by key").budget(budget).soon(life))
            }
            Mode::Precise { share } => builder.strategy(by_hand("by key").precision(share)),
            Mode::Plan { saving, .. } => builder.strategy(by_hand("plan").saving(saving)),
            Mode::Together { keys } => builder.co_access(keys).strategy(Together::new("together")),
        };
        let keys: cache_core::Result<Vec<Key>> =
            demand.keys.iter().map(|id| Key::new("demand", id)).collect();
        let first = demand.asked[0].at;
        let shift = FIRST_MONDAY.saturating_sub(first).next_multiple_of(WEEK);
        Ok(Self {
            mode,
            clock,
            shift,
            keys: keys.context("a key of the demand can't be one")?,
            warming: builder.build(),
            calls: Arc::default(),
            loaded: Arc::default(),
            outcome: Outcome::default(),
            last_request: first,
        })
    }

    /// Lets time pass until a recorded second.
    fn pass(&self, at: u32) {
        let now = self.clock.now().as_micros();
        let then = i64::from(at + self.shift) * 1_000_000;
        self.clock.advance(Duration::from_micros(u64::try_from(then - now).unwrap_or(0)));
    }

    /// Shows the warming what was asked for before. In the last days of it strategies run as they would have, and
    /// nothing comes of that but what they learn of their own picks.
    async fn learn(&mut self, history: &[Asked]) -> Result<()> {
        let life = Duration::from_secs(LIFE.into());
        self.warming.cover(Arc::new(Nobody), Coverage::default().life(life));
        let rehearsed_from = history.last().map_or(0, |last| last.at.saturating_sub(REHEARSED));
        let mut next = rehearsed_from / LIFE * LIFE;
        let chunk = if matches!(self.mode, Mode::Together { .. }) { 1 } else { 5 };
        for together in history.chunk_by(|a, b| a.at / chunk == b.at / chunk) {
            let at = together[0].at;
            if chunk == 1 {
                self.tick_until(at);
            } else if at >= rehearsed_from && !matches!(self.mode, Mode::Plan { .. }) {
                next = self.decide(next, at).await?;
            }
            self.pass(at);
            for asked in together {
                let key = &self.keys[asked.key as usize];
                self.warming.on(&Event::Hit { key, source: "memory", stale: false });
            }
            self.warming.history().settle();
        }
        Ok(())
    }

    async fn score(&mut self, day: &[Asked]) -> Result<()> {
        let (cache, region) = self.open().await?;
        let (mut next, mut last) = (day[0].at / LIFE * LIFE, 0);
        for asked in day {
            next = self.decide(next, asked.at).await?;
            if asked.at != last {
                // As a tick does each second.
                self.warming.history().settle();
                last = asked.at;
            }
            self.pass(asked.at);
            let found = region.lookup(&self.keys[asked.key as usize]).await?;
            self.outcome.requests += 1;
            match found.source {
                Source::Memory => self.outcome.hits += 1,
                _ => landed(&cache).await,
            }
        }
        Ok(())
    }

    /// Settles each second up to `at`, as long as it tells something after the last request.
    fn tick_until(&mut self, at: u32) {
        for second in self.last_request + 1..at.min(self.last_request + TOGETHER_IDLE) {
            self.pass(second);
            self.warming.history().settle();
        }
        self.last_request = at;
    }

    /// Decides what to fetch, at each moment to do so up to `at`. Returns the next one.
    async fn decide(&mut self, mut next: u32, at: u32) -> Result<u32> {
        let (strategy, step, idle) = match self.mode {
            Mode::Nothing | Mode::Fill { .. } => return Ok(next),
            Mode::Plan { .. } => ("plan", PLAN_STEP, PLAN_IDLE),
            Mode::Precise { .. } => ("by key", PRECISE_STEP, PLAN_IDLE),
            Mode::Together { .. } => ("together", 1, u32::MAX),
            _ => ("by key", LIFE, u32::MAX),
        };
        next = next.max(at.saturating_sub(idle));
        while next <= at {
            if step == 1 && next > self.last_request + TOGETHER_IDLE {
                next = at;
            }
            self.pass(next);
            self.warming.run(strategy).await?;
            next += step;
        }
        self.last_request = at;
        Ok(next)
    }

    /// Begins a day with an empty cache.
    async fn open(&self) -> Result<(Cache, Region<u32>)> {
        let builder = Cache::builder().clock(self.clock.clone()).observer(Arc::clone(&self.warming));
        let (builder, price) = match self.mode {
            Mode::Fill { price_of_key, .. } | Mode::Plan { price_of_key, .. } => {
                (builder.fill(Arc::clone(&self.warming)), price_of_key)
            }
            _ => (builder, 0.0),
        };
        let cache = builder.build().await?;
        let loader = Counting {
            batch: self.mode.batch(),
            calls: Arc::clone(&self.calls),
            keys: Arc::clone(&self.loaded),
        };
        let life = Duration::from_secs(LIFE.into());
        let region = cache.region::<u32>("demand").ttl(life).loader(loader).open()?;
        let coverage = Coverage::default().life(life).price_of_key(price);
        self.warming.cover(Arc::new(region.clone()), coverage);
        Ok((cache, region))
    }

    fn outcome(&self) -> Outcome {
        // What was fetched last is known to be read or not only when it has died.
        self.clock.advance(Duration::from_secs(2 * u64::from(LIFE)));
        let strategies = self.warming.stats().strategies;
        let sum = |count: fn(&cache_warming::Effectiveness) -> u64| {
            strategies.iter().map(|strategy| count(&strategy.effectiveness)).sum()
        };
        Outcome {
            keys: self.loaded.load(Ordering::Relaxed),
            calls: self.calls.load(Ordering::Relaxed),
            warmed: sum(|effect| effect.fetched),
            read: sum(|effect| effect.read),
            ..self.outcome
        }
    }
}

/// Waits until what a call carried besides is in memory.
async fn landed(cache: &Cache) {
    while cache.stats().flights > 0 {
        tokio::task::yield_now().await;
    }
}
