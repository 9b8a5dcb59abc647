//! Random days of a scheduler beside what the rules say of them.

use std::{
    cmp::Reverse,
    collections::{HashMap, HashSet},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use cache_core::{Clock, Error, ErrorKind, Key, Refresh, Refreshed, Result, Timestamp, Warm, sync::Mutex};
use cache_warming::{BatchScheduler, Priority, Scheduled};
use futures_util::FutureExt;
use proptest::prelude::*;
use tokio::{join, runtime::Builder};

use crate::source::{YAHOO, key, seconds, settle};

const LIMIT: usize = 3;
const RETRIES: usize = 2;
const MAX_PENDING: usize = 9;

#[derive(Clone, Debug)]
enum Step {
    RunSchedule(u8, Priority),
    Advance(u64),
    Flush,
    /// Begins a flush and drops it.
    DropFlush,
    Clear,
    /// The next calls for a key fail.
    Fail(u8, usize),
    /// The next calls fail as a whole.
    Outage(usize),
    /// Memory has a value that is fresh for so many seconds.
    Fresh(u8, u64),
    /// A lower tier has one.
    Lower(u8),
    LowLoad(bool),
    Takes(u64),
}

fn priority() -> impl Strategy<Value = Priority> {
    prop::sample::select(vec![Priority::Low, Priority::Normal, Priority::High, Priority::Critical])
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => (0_u8..16, priority()).prop_map(|(id, priority)| Step::RunSchedule(id, priority)),
        5 => (1_u64..40).prop_map(Step::Advance),
        1 => Just(Step::Flush),
        1 => Just(Step::DropFlush),
        1 => Just(Step::Clear),
        2 => (0_u8..16, 1_usize..5).prop_map(|(id, times)| Step::Fail(id, times)),
        1 => (1_usize..3).prop_map(Step::Outage),
        2 => (0_u8..16, 1_u64..60).prop_map(|(id, span)| Step::Fresh(id, span)),
        1 => (0_u8..16).prop_map(Step::Lower),
        1 => any::<bool>().prop_map(Step::LowLoad),
        1 => (0_u64..10).prop_map(Step::Takes),
    ]
}

/// An update that was queued and is not answered yet.
#[derive(Clone, Copy, Debug)]
struct Open {
    priority: Priority,
    queued: Timestamp,
    attempts: usize,
}

#[derive(Default)]
struct Model {
    /// By id.
    open: HashMap<String, Open>,
    asked: Vec<String>,
    failures: HashMap<String, usize>,
    outages: usize,
    fresh: HashMap<String, Timestamp>,
    lower: HashSet<String>,
    takes: u64,
    calls: u64,
    updated: u64,
    dropped: u64,
    lifted: u64,
    /// Skipped in a batch, since memory had it fresh.
    skipped: u64,
}

/// A source that checks each call against the model.
struct Checked {
    clock: Clock,
    model: Mutex<Model>,
}

/// A call, until it ends or is given up.
struct Call<'a>(&'a Checked, usize);

impl Drop for Call<'_> {
    fn drop(&mut self) {
        let mut model = self.0.model.lock();
        assert_eq!(model.asked.len(), self.1, "another call came between");
        model.asked.clear();
    }
}

#[async_trait]
impl Refresh for Checked {
    async fn refresh(&self, keys: &[Key]) -> Result<Refreshed> {
        let takes = {
            let mut model = self.model.lock();
            assert!(!keys.is_empty() && keys.len() <= LIMIT, "{keys:?}");
            assert!(model.asked.is_empty(), "two calls at once: {:?} and {keys:?}", model.asked);
            model.asked = keys.iter().map(|key| key.id().to_owned()).collect();
            let order: Vec<_> = keys.iter().map(|key| model.open[key.id()]).collect();
            let sorted = order.is_sorted_by_key(|open| (Reverse(open.priority), open.queued));
            assert!(sorted, "{keys:?} {order:?}");
            model.calls += 1;
            model.takes
        };
        let call = Call(self, keys.len());
        if let Some(sleep) = self.clock.manual_sleep(self.clock.now().after(seconds(takes))) {
            sleep.await;
        }
        let mut failed = Vec::new();
        {
            let mut model = self.model.lock();
            let is_out = model.outages > 0;
            model.outages = model.outages.saturating_sub(1);
            for key in keys {
                let id = key.id().to_owned();
                let fails = model.failures.get_mut(&id).filter(|left| **left > 0).map(|left| *left -= 1);
                if !is_out && fails.is_none() {
                    assert!(model.open.remove(&id).is_some(), "{id} was answered before");
                    model.updated += 1;
                    continue;
                }
                failed.push((key.clone(), Error::new(ErrorKind::Load, "load", "down")));
                let attempts = model.open.get_mut(&id).map_or(0, |open| {
                    open.attempts += 1;
                    open.attempts
                });
                assert!((1..=RETRIES + 1).contains(&attempts), "{id} was tried {attempts} times");
                if attempts > RETRIES {
                    model.open.remove(&id);
                    model.dropped += 1;
                }
            }
            if is_out {
                drop((model, call));
                return Err(failed.swap_remove(0).1);
            }
        }
        Ok(Refreshed { loaded: keys.len() - failed.len(), failed })
    }
}

#[async_trait]
impl Warm for Checked {
    fn kind(&self) -> &str {
        "price"
    }

    fn max_batch(&self) -> usize {
        LIMIT
    }

    fn fresh_for(&self, key: &Key) -> Option<Duration> {
        let mut model = self.model.lock();
        let left = model.fresh.get(key.id())?.since(self.clock.now());
        // Asked of an open update, this is its batch that asks.
        if left > seconds(1) && model.open.remove(key.id()).is_some() {
            model.skipped += 1;
        }
        Some(left).filter(|left| !left.is_zero())
    }

    async fn lift(&self, keys: &[Key]) -> Result<Vec<bool>> {
        let mut model = self.model.lock();
        let lift = |key: &Key| {
            let lifts = model.lower.remove(key.id());
            if lifts {
                assert!(model.open.remove(key.id()).is_some());
                model.lifted += 1;
                model.fresh.insert(key.id().to_owned(), self.clock.now().after(seconds(20)));
            }
            lifts
        };
        Ok(keys.iter().map(lift).collect())
    }
}

/// A scheduler, its source and the model of both.
struct Run {
    clock: Clock,
    scheduler: BatchScheduler,
    source: Arc<Checked>,
    low_load: Arc<AtomicBool>,
    queued: u64,
    deduplicated: u64,
    refused: u64,
    displaced: u64,
    cleared: u64,
    /// Answered at once, since memory had it fresh.
    fresh: u64,
}

impl Run {
    fn new() -> Self {
        let (clock, low_load) = (Clock::manual(), Arc::new(AtomicBool::new(true)));
        let seen = low_load.clone();
        let scheduler = BatchScheduler::builder()
            .clock(clock.clone())
            .batch_size(10)
            .interval(seconds(20))
            .retries(RETRIES as u8)
            .retry_pauses(seconds(1)..=seconds(8))
            .max_pending(MAX_PENDING)
            .low_load(move |_| seen.load(Ordering::Relaxed))
            .build();
        let source = Arc::new(Checked { clock: clock.clone(), model: Mutex::default() });
        scheduler.register(YAHOO, source.clone()).unwrap();
        let (queued, deduplicated, refused, displaced, cleared, fresh) = (0, 0, 0, 0, 0, 0);
        Self { clock, scheduler, source, low_load, queued, deduplicated, refused, displaced, cleared, fresh }
    }

    fn schedule(&mut self, id: String, priority: Priority) {
        // So that no two are of one age.
        self.clock.advance(Duration::from_millis(1));
        let (is_full, least) = {
            let model = self.source.model.lock();
            let waiting = model.open.iter().filter(|(id, _)| !model.asked.contains(id));
            let least = waiting.min_by_key(|(_, open)| (open.priority, Reverse(open.queued)));
            (model.open.len() == MAX_PENDING, least.map(|(id, open)| (id.clone(), open.priority)))
        };
        let scheduled = self.scheduler.schedule_update(&key(&id), YAHOO, priority);
        let mut model = self.source.model.lock();
        match scheduled {
            Ok(Scheduled::Queued) => {
                if is_full {
                    let (least, lower) = least.expect("there is one to displace");
                    assert!(lower < priority);
                    model.open.remove(&least);
                    self.displaced += 1;
                }
                let open = Open { priority, queued: self.clock.now(), attempts: 0 };
                assert!(model.open.insert(id, open).is_none(), "it was queued already");
                self.queued += 1;
            }
            Ok(Scheduled::AlreadyQueued) => {
                let open = model.open.get_mut(&id).expect("it is queued");
                open.priority = open.priority.max(priority);
                self.deduplicated += 1;
            }
            Ok(_) => self.fresh += 1,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Limit);
                assert!(is_full && least.is_none_or(|(_, lowest)| lowest >= priority));
                self.refused += 1;
            }
        }
    }

    async fn advance(&self, span: u64) {
        for _ in 0..span {
            self.clock.advance(seconds(1));
            settle().await;
        }
    }

    async fn step(&mut self, step: Step) {
        match step {
            Step::RunSchedule(id, priority) => self.schedule(id.to_string(), priority),
            Step::Advance(span) => self.advance(span).await,
            Step::Flush => {
                let (_, ()) = join!(self.scheduler.flush_pending(), self.advance(100));
                // What failed may wait for its hour.
                let model = self.source.model.lock();
                let is_busy = !self.low_load.load(Ordering::Relaxed);
                let may_wait =
                    |open: &&Open| is_busy && open.attempts > 0 && open.priority <= Priority::Normal;
                let most = model.open.values().filter(may_wait).count();
                assert!(self.scheduler.stats().groups[0].queued <= most);
            }
            Step::DropFlush => drop(self.scheduler.flush_pending().now_or_never()),
            Step::Clear => {
                let mut model = self.source.model.lock();
                let Model { open, asked, .. } = &mut *model;
                let before = open.len();
                open.retain(|id, _| asked.contains(id));
                let cleared = before - open.len();
                self.cleared += cleared as u64;
                assert_eq!(self.scheduler.clear_pending(), cleared);
            }
            Step::Fail(id, times) => drop(self.source.model.lock().failures.insert(id.to_string(), times)),
            Step::Outage(times) => self.source.model.lock().outages = times,
            Step::Fresh(id, span) => {
                let until = self.clock.now().after(seconds(span));
                self.source.model.lock().fresh.insert(id.to_string(), until);
            }
            Step::Lower(id) => drop(self.source.model.lock().lower.insert(id.to_string())),
            Step::LowLoad(is_low) => self.low_load.store(is_low, Ordering::Relaxed),
            Step::Takes(span) => self.source.model.lock().takes = span,
        }
        settle().await;
        self.check();
    }

    /// Checks that the scheduler's counts are the model's.
    fn check(&self) {
        let (stats, model) = (self.scheduler.stats(), self.source.model.lock());
        assert_eq!(stats.pending, model.open.len());
        assert_eq!(stats.groups[0].in_flight, model.asked.len());
        assert_eq!((stats.calls, stats.updated), (model.calls, model.updated));
        assert_eq!((stats.dropped, stats.lifted), (model.dropped, model.lifted));
        assert_eq!(stats.skipped_fresh, model.skipped + self.fresh);
        assert_eq!((stats.queued, stats.deduplicated), (self.queued, self.deduplicated));
        assert_eq!((stats.refused, stats.displaced), (self.refused, self.displaced));
        assert_eq!(stats.cleared, self.cleared);
        let gone =
            stats.updated + stats.dropped + stats.lifted + model.skipped + stats.displaced + stats.cleared;
        assert_eq!(stats.queued, gone + stats.pending as u64, "each update has one end");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 200, ..ProptestConfig::default() })]

    /// Each update is answered once, or skipped because it is fresh, or dropped after its retries; no key is asked
    /// for by two calls at once; no batch is larger than allowed, and its keys go by priority and then by age.
    #[test]
    fn rule_90_random_days_of_a_scheduler_go_by_the_model(steps in prop::collection::vec(step(), 0..80)) {
        Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
            let mut run = Run::new();
            let _running = run.scheduler.start().unwrap();
            for step in steps {
                run.step(step).await;
            }
            let (drained, ()) = join!(run.scheduler.shutdown(seconds(200)), run.advance(200));
            run.check();
            assert_eq!((drained.left, run.scheduler.stats().pending), (0, 0));
        });
    }
}
