//! A little cache on a manual clock in place of the real one, and warming that watches it.

use std::{
    collections::{HashMap, HashSet},
    panic::panic_any,
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use cache_core::{
    Clock, Error, ErrorKind, Event, Fill, Key, MissReason, Observer, OpenCall, Refresh, Refreshed, Result,
    Timestamp, Warm, sync::Mutex,
};
use cache_warming::{
    Coverage, Effectiveness, KeysOf, RunBudget, RunResult, RunSchedule, StrategyStats, Warming,
    WarmingBuilder,
};
use proptest::test_runner::Config;
use tokio::task::yield_now;

/// What a cache holds, what its source and its lower tier are to do, and what was asked of them.
pub(crate) struct Script {
    /// Until when memory has a value fresh.
    pub(crate) fresh: HashMap<String, Timestamp>,
    /// The keys that the lower tier has, and until when they are fresh.
    pub(crate) lower: HashMap<String, Timestamp>,
    pub(crate) lower_fails: bool,
    pub(crate) lower_hangs: bool,
    pub(crate) lower_takes: Duration,
    /// How long a value of the source lives.
    pub(crate) life: Duration,
    /// The keys that fail, and whether all do.
    pub(crate) failing: HashSet<String>,
    pub(crate) is_down: bool,
    /// The pause that it asks for when it is down.
    pub(crate) asks_for: Option<Duration>,
    pub(crate) panics: bool,
    pub(crate) hangs: bool,
    /// How long a call takes.
    pub(crate) takes: Duration,
    /// The ids of each call for what nobody waits for, and when it was made.
    pub(crate) calls: Vec<(Timestamp, Vec<String>)>,
    pub(crate) lifts: Vec<Vec<String>>,
    /// How many calls are under way, and how many were at most.
    pub(crate) under_way: usize,
    pub(crate) most_under_way: usize,
}

/// A cache of one kind.
pub(crate) struct Cache {
    kind: &'static str,
    max_batch: usize,
    clock: Clock,
    pub(crate) script: Mutex<Script>,
}

impl Cache {
    pub(crate) fn new(kind: &'static str, max_batch: usize, clock: &Clock) -> Arc<Self> {
        let script = Script {
            fresh: HashMap::new(),
            lower: HashMap::new(),
            lower_fails: false,
            lower_hangs: false,
            lower_takes: Duration::ZERO,
            life: seconds(60),
            failing: HashSet::new(),
            is_down: false,
            asks_for: None,
            panics: false,
            hangs: false,
            takes: Duration::ZERO,
            calls: Vec::new(),
            lifts: Vec::new(),
            under_way: 0,
            most_under_way: 0,
        };
        Arc::new(Self { kind, max_batch, clock: clock.clone(), script: Mutex::new(script) })
    }

    /// Returns the ids of each call so far.
    pub(crate) fn calls(&self) -> Vec<Vec<String>> {
        self.script.lock().calls.iter().map(|(_, ids)| ids.clone()).collect()
    }

    pub(crate) fn set_fresh(&self, id: &str, span: Duration) {
        self.script.lock().fresh.insert(id.to_owned(), self.clock.now().after(span));
    }

    pub(crate) fn set_lower(&self, id: &str, span: Duration) {
        self.script.lock().lower.insert(id.to_owned(), self.clock.now().after(span));
    }
}

#[async_trait]
impl Refresh for Cache {
    async fn refresh(&self, keys: &[Key]) -> Result<Refreshed> {
        let (takes, hangs, panics) = {
            let mut script = self.script.lock();
            script.calls.push((self.clock.now(), keys.iter().map(|key| key.id().to_owned()).collect()));
            script.under_way += 1;
            script.most_under_way = script.most_under_way.max(script.under_way);
            (script.takes, script.hangs, script.panics)
        };
        if panics {
            panic_any("as the test has it");
        }
        if hangs {
            std::future::pending::<()>().await;
        }
        if !takes.is_zero() {
            self.clock.manual_sleep(self.clock.now().after(takes)).unwrap().await;
        }
        let mut script = self.script.lock();
        script.under_way -= 1;
        if script.is_down {
            return Err(match script.asks_for {
                Some(pause) => down().with_retry_after(pause),
                None => down(),
            });
        }
        let until = self.clock.now().after(script.life);
        let mut failed = Vec::new();
        for key in keys {
            match script.failing.contains(key.id()) {
                true => failed.push((key.clone(), down())),
                false => drop(script.fresh.insert(key.id().to_owned(), until)),
            }
        }
        Ok(Refreshed { loaded: keys.len() - failed.len(), failed })
    }
}

#[async_trait]
impl Warm for Cache {
    fn kind(&self) -> &str {
        self.kind
    }

    fn max_batch(&self) -> usize {
        self.max_batch
    }

    fn fresh_for(&self, key: &Key) -> Option<Duration> {
        let until = self.script.lock().fresh.get(key.id()).copied()?;
        Some(until.since(self.clock.now())).filter(|left| *left > Duration::ZERO)
    }

    async fn lift(&self, keys: &[Key]) -> Result<Vec<bool>> {
        let (hangs, fails, takes) = {
            let mut script = self.script.lock();
            script.lifts.push(keys.iter().map(|key| key.id().to_owned()).collect());
            (script.lower_hangs, script.lower_fails, script.lower_takes)
        };
        if hangs {
            std::future::pending::<()>().await;
        }
        if !takes.is_zero() {
            self.clock.manual_sleep(self.clock.now().after(takes)).unwrap().await;
        }
        if fails {
            return Err(down());
        }
        let now = self.clock.now();
        let mut script = self.script.lock();
        let lift = |key: &Key| {
            let until = script.lower.get(key.id()).copied().filter(|until| *until > now);
            if let Some(until) = until {
                script.fresh.insert(key.id().to_owned(), until);
            }
            until.is_some()
        };
        Ok(keys.iter().map(lift).collect())
    }
}

/// A property is tried with so many cases.
pub(crate) fn cases(cases: u32) -> Config {
    Config { cases, failure_persistence: None, ..Config::default() }
}

pub(crate) fn down() -> Error {
    Error::new(ErrorKind::Load, "load", "the provider is down")
}

pub(crate) const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(crate) fn key(id: &str) -> Key {
    Key::new("price", id).unwrap()
}

pub(crate) fn keys(ids: &[&str]) -> Vec<Key> {
    ids.iter().map(|id| key(id)).collect()
}

pub(crate) fn ids(keys: &[Key]) -> Vec<&str> {
    keys.iter().map(Key::id).collect()
}

/// So many keys, of which the first come first in order of their ids.
pub(crate) fn numbered(name: &str, many: usize) -> Vec<Key> {
    (0..many).map(|index| key(&format!("{name}{index:04}"))).collect()
}

/// A strategy that is run by hand and picks these keys.
pub(crate) fn by_hand(name: &str, keys: Vec<Key>, budget: RunBudget) -> KeysOf {
    KeysOf::new(name, RunSchedule::ByHand, move || std::future::ready(Ok(keys.clone()))).budget(budget)
}

/// Warming of prices on a manual clock, and the cache that it warms.
pub(crate) struct Fixture {
    pub(crate) clock: Clock,
    pub(crate) cache: Arc<Cache>,
    pub(crate) warming: Arc<Warming>,
}

impl Fixture {
    pub(crate) fn new(change: impl FnOnce(WarmingBuilder) -> WarmingBuilder) -> Self {
        Self::with(10, Coverage::default(), change)
    }

    pub(crate) fn with(
        max_batch: usize,
        coverage: Coverage,
        change: impl FnOnce(WarmingBuilder) -> WarmingBuilder,
    ) -> Self {
        let clock = Clock::manual();
        let cache = Cache::new("price", max_batch, &clock);
        let warming = change(Warming::builder().clock(clock.clone())).build();
        warming.cover(cache.clone(), coverage);
        Self { clock, cache, warming }
    }

    /// Tells warming of a hit in memory, as a cache does.
    pub(crate) fn hit(&self, key: &Key) {
        if !self.warming.counts_hit(key.hash()) {
            self.warming.on(&Event::Hit { key, source: "memory", stale: false });
        }
    }

    pub(crate) fn hits(&self, key: &Key, times: usize) {
        (0..times).for_each(|_| self.hit(key));
    }

    pub(crate) fn miss(&self, key: &Key) {
        self.warming.on(&Event::Miss { key, source: "memory", reason: MissReason::Absent });
    }

    /// Asks the cache for a key: if memory has none that is fresh, it is loaded alone. Returns whether it had.
    pub(crate) fn ask(&self, key: &Key) -> bool {
        let is_hit = self.cache.fresh_for(key).is_some();
        match is_hit {
            true => self.hit(key),
            false => {
                self.miss(key);
                let life = self.cache.script.lock().life;
                self.cache.set_fresh(key.id(), life);
            }
        }
        is_hit
    }

    /// Asks warming what is to go with a call.
    pub(crate) fn fill(&self, own: &[&Key], places: usize) -> Vec<Key> {
        let fresh_for = |key: &Key| self.cache.fresh_for(key);
        self.warming.fill(&OpenCall { kind: "price", keys: own, places, fresh_for: &fresh_for })
    }

    /// Makes a call for keys with free places, as a cache does for a miss. Returns what filled them.
    pub(crate) fn load_filled(&self, own: &[&Key], places: usize) -> Vec<Key> {
        let filled = self.fill(own, places);
        let life = self.cache.script.lock().life;
        own.iter().copied().chain(&filled).for_each(|key| self.cache.set_fresh(key.id(), life));
        self.warming.filled("price", &filled, own.len() + filled.len(), Duration::ZERO, None);
        filled
    }

    pub(crate) async fn run(&self, strategy: &str) -> RunResult {
        self.warming.run(strategy).await.unwrap()
    }

    /// Moves the clock forward, a second at a time, with a tick each.
    pub(crate) async fn tick_for(&self, span: Duration) {
        for _ in 0..span.as_secs() {
            self.clock.advance(seconds(1));
            self.warming.tick().await;
        }
    }

    /// Returns the requests that are remembered of each key.
    pub(crate) fn counts(&self) -> HashMap<String, f32> {
        let saved = self.warming.history().saved(usize::MAX);
        saved.keys.into_iter().map(|key| (key.id, key.counts[3])).collect()
    }

    pub(crate) fn strategy(&self, name: &str) -> StrategyStats {
        let all = self.warming.stats().strategies;
        all.into_iter().find(|strategy| strategy.name == name).unwrap()
    }

    /// Returns how many keys of the run under way are done, and all of them.
    pub(crate) fn progress(&self, strategy: &str) -> Option<(usize, usize)> {
        self.strategy(strategy).running.map(|run| (run.done, run.items))
    }

    pub(crate) fn effect(&self, strategy: &str) -> Effectiveness {
        self.strategy(strategy).effectiveness
    }
}

/// Lets all tasks go on until they wait for something.
pub(crate) async fn settle() {
    for _ in 0..30 {
        yield_now().await;
    }
}

/// Moves the clock forward, a second at a time, with all that follows.
pub(crate) async fn advance(clock: &Clock, span: Duration) {
    settle().await;
    for _ in 0..span.as_secs() {
        clock.advance(seconds(1));
        settle().await;
    }
}
