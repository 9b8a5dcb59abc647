//! A source of values whose answers a test writes down beforehand, and schedulers to go with it.

use std::{
    collections::{HashMap, HashSet},
    panic::panic_any,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use cache_core::{Clock, Error, ErrorKind, Key, Refresh, Refreshed, Result, Timestamp, Warm, sync::Mutex};
use cache_warming::{BatchScheduler, BatchSchedulerBuilder, Priority, Scheduled};
use tokio::task::yield_now;

/// The only provider of most tests.
pub(crate) const YAHOO: &str = "yahoo";

/// What a source is to do, and what was asked of it.
#[derive(Default)]
pub(crate) struct Script {
    /// Until when memory has a key fresh.
    pub(crate) fresh: HashMap<String, Timestamp>,
    /// The keys that a lower tier has fresh, and for how long.
    pub(crate) lower: HashMap<String, Duration>,
    /// How often each key fails still.
    pub(crate) failures: HashMap<String, usize>,
    /// What failures say.
    pub(crate) error: Option<Error>,
    /// How many whole calls fail still.
    pub(crate) outages: usize,
    /// How many calls its quota has left.
    pub(crate) left: Option<Arc<AtomicUsize>>,
    pub(crate) panics: bool,
    pub(crate) hangs: bool,
    /// How long a call takes.
    pub(crate) takes: Duration,
    /// How long what a call brings is fresh; not at all if it is zero.
    pub(crate) ttl: Duration,
    /// The ids of each call, and when it was made.
    pub(crate) calls: Vec<(Timestamp, Vec<String>)>,
    pub(crate) lifts: Vec<Vec<String>>,
    /// The keys that calls ask for now.
    pub(crate) asked: HashSet<String>,
}

/// A source whose answers a test writes down.
pub(crate) struct Source {
    kind: &'static str,
    max_batch: usize,
    clock: Clock,
    pub(crate) script: Mutex<Script>,
}

/// The keys that a call asks for, until it ends or is given up.
struct Asking<'a>(&'a Source, Vec<String>);

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        let mut script = self.0.script.lock();
        self.1.iter().for_each(|id| assert!(script.asked.remove(id)));
    }
}

impl Source {
    pub(crate) fn new(kind: &'static str, max_batch: usize, clock: &Clock) -> Arc<Self> {
        Arc::new(Self { kind, max_batch, clock: clock.clone(), script: Mutex::default() })
    }

    /// Returns the ids of each call so far.
    pub(crate) fn calls(&self) -> Vec<Vec<String>> {
        self.script.lock().calls.iter().map(|(_, ids)| ids.clone()).collect()
    }

    pub(crate) fn set_fresh(&self, id: &str, span: Duration) {
        self.script.lock().fresh.insert(id.to_owned(), self.clock.now().after(span));
    }

    pub(crate) fn fail(&self, id: &str, times: usize) {
        self.script.lock().failures.insert(id.to_owned(), times);
    }
}

#[async_trait]
impl Refresh for Source {
    async fn refresh(&self, keys: &[Key]) -> Result<Refreshed> {
        let ids: Vec<String> = keys.iter().map(|key| key.id().to_owned()).collect();
        let (takes, hangs, panics) = {
            let mut script = self.script.lock();
            for id in &ids {
                assert!(script.asked.insert(id.clone()), "{id} is asked for by two calls at once");
            }
            script.calls.push((self.clock.now(), ids.clone()));
            if let Some(left) = &script.left {
                left.fetch_sub(1, Ordering::Relaxed);
            }
            (script.takes, script.hangs, script.panics)
        };
        let _asking = Asking(self, ids.clone());
        if panics {
            panic_any("as the test has it");
        }
        if hangs {
            std::future::pending::<()>().await;
        }
        if let Some(sleep) = self.clock.manual_sleep(self.clock.now().after(takes)) {
            sleep.await;
        }
        let mut script = self.script.lock();
        let error = script.error.clone().unwrap_or_else(|| Error::new(ErrorKind::Load, "load", "down"));
        if script.outages > 0 {
            script.outages -= 1;
            return Err(error);
        }
        let mut failed = Vec::new();
        let Script { failures, fresh, ttl, .. } = &mut *script;
        for (key, id) in keys.iter().zip(ids) {
            match failures.get_mut(&id).filter(|left| **left > 0) {
                Some(left) => {
                    *left -= 1;
                    failed.push((key.clone(), error.clone()));
                }
                None if !ttl.is_zero() => drop(fresh.insert(id, self.clock.now().after(*ttl))),
                None => {}
            }
        }
        Ok(Refreshed { loaded: keys.len() - failed.len(), failed })
    }
}

#[async_trait]
impl Warm for Source {
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
        let mut script = self.script.lock();
        script.lifts.push(keys.iter().map(|key| key.id().to_owned()).collect());
        let lift = |key: &Key| {
            let until = script.lower.get(key.id()).map(|span| self.clock.now().after(*span));
            if let Some(until) = until {
                script.fresh.insert(key.id().to_owned(), until);
            }
            until.is_some()
        };
        Ok(keys.iter().map(lift).collect())
    }
}

pub(crate) fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(crate) fn key(id: &str) -> Key {
    Key::new("price", id).unwrap()
}

/// A scheduler of prices of Yahoo on a manual clock.
pub(crate) struct Fixture {
    pub(crate) clock: Clock,
    pub(crate) scheduler: BatchScheduler,
    pub(crate) source: Arc<Source>,
}

impl Fixture {
    pub(crate) fn new(change: impl FnOnce(BatchSchedulerBuilder) -> BatchSchedulerBuilder) -> Self {
        let clock = Clock::manual();
        let source = Source::new("price", 1000, &clock);
        let builder = BatchScheduler::builder().clock(clock.clone()).batch_size(10).interval(seconds(60));
        let builder = builder.retry_pauses(seconds(1)..=seconds(64));
        let scheduler = change(builder).build();
        scheduler.register(YAHOO, source.clone()).unwrap();
        Self { clock, scheduler, source }
    }

    pub(crate) fn schedule(&self, id: &str, priority: Priority) -> Scheduled {
        self.scheduler.schedule_update(&key(id), YAHOO, priority).unwrap()
    }

    /// Queues so many updates of this priority, whose ids begin with `name`.
    pub(crate) fn schedule_many(&self, name: &str, priority: Priority, many: usize) {
        for index in 0..many {
            assert_eq!(self.schedule(&format!("{name}{index}"), priority), Scheduled::Queued);
        }
    }

    /// Moves the clock forward, a second at a time, with all that follows.
    pub(crate) async fn advance(&self, span: Duration) {
        settle().await;
        for _ in 0..span.as_secs() {
            self.clock.advance(seconds(1));
            settle().await;
        }
    }
}

/// Lets all tasks go on until they wait for something.
pub(crate) async fn settle() {
    for _ in 0..30 {
        yield_now().await;
    }
}
