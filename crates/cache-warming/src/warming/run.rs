//! Runs of strategies: which are due, and what comes of each.

use std::{
    pin::pin,
    sync::atomic::{AtomicU64, AtomicUsize, Ordering},
    time::Duration,
};

use cache_core::{Error, ErrorKind, Result, Timestamp, sync::Mutex};
use futures_util::future::{Either, join_all, select};
use serde::Serialize;

use super::Warming;
use crate::{
    strategy::{RunTerms, Strategy, schedule::RunSchedule},
    timer,
};

/// How often what runs at the start is tried, if keys of it fail.
const STARTS: u64 = 10;

/// How long after the first try the second comes. The pause doubles each time.
const FIRST_PAUSE: Duration = Duration::from_secs(10);

/// What came of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RunResult {
    /// Whether nothing failed: no key, not the pick, and neither was a kind left alone nor the time up.
    pub success: bool,
    /// The keys that were picked.
    pub items: usize,
    /// Those that were fresh anyway.
    pub fresh: usize,
    /// Those that a lower tier had, and that are in memory now.
    pub lifted: usize,
    /// Those whose values were fetched from their source.
    pub fetched: usize,
    /// Those of which it has no value, or one that is not kept.
    pub absent: usize,
    /// Those that failed.
    pub failures: usize,
    /// Those that failed or had no value a short while ago, and are left alone for a while.
    pub set_aside: usize,
    /// Those that were not asked for: the budget or the quota left no call, or their kind failed a short while
    /// ago or in this run.
    pub left_out: usize,
    /// The calls it took.
    pub calls: usize,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// Why it failed, or the first of its keys.
    pub error: Option<String>,
}

/// A strategy, and what came of it.
#[derive(Debug)]
pub(crate) struct StrategySlot {
    pub(crate) strategy: Box<dyn Strategy>,
    pub(crate) runs: AtomicU64,
    /// How often its time had come.
    starts: AtomicU64,
    /// When its last run was due.
    pub(crate) last_due: Mutex<Option<Timestamp>>,
    pub(crate) last: Mutex<Option<RunResult>>,
    /// The keys of the run under way, and those of them that are done.
    pub(crate) items: AtomicUsize,
    pub(crate) done: AtomicUsize,
    running: tokio::sync::Mutex<()>,
}

impl StrategySlot {
    pub(crate) fn new(strategy: Box<dyn Strategy>) -> Self {
        Self {
            strategy,
            runs: AtomicU64::new(0),
            starts: AtomicU64::new(0),
            last_due: Mutex::default(),
            last: Mutex::default(),
            items: AtomicUsize::new(0),
            done: AtomicUsize::new(0),
            running: tokio::sync::Mutex::default(),
        }
    }

    pub(crate) fn terms(&self) -> &RunTerms {
        self.strategy.terms()
    }

    /// Returns when what runs at the start is to be tried again: what failed then has no other time.
    fn again_at(&self, last_due: Option<Timestamp>) -> Option<Timestamp> {
        let runs = self.starts.load(Ordering::Relaxed);
        let failed = self.last.lock().as_ref().is_some_and(|last| !last.success || last.left_out > 0);
        let is_tried_again = matches!(self.terms().schedule, RunSchedule::AtStart) && failed;
        let pause = FIRST_PAUSE * 2_u32.pow(runs.saturating_sub(1).min(STARTS) as u32);
        last_due.filter(|_| is_tried_again && runs < STARTS).map(|last| last.after(pause))
    }

    pub(crate) fn is_running(&self) -> bool {
        self.running.try_lock().is_err()
    }
}

impl Warming {
    /// Runs each strategy whose time has come, those of higher priority first; one that still runs is left alone.
    pub(crate) async fn run_due(&self) {
        let now = self.history.clock.now();
        let started = self.started();
        let mut due: Vec<(usize, &StrategySlot)> = Vec::new();
        for (at, slot) in self.strategies.iter().enumerate() {
            let mut last = slot.last_due.lock();
            if last.is_some_and(|last| last > now) {
                // The clock was set back: what was due by it before says nothing.
                *last = Some(now);
            }
            let next = slot.again_at(*last).or_else(|| slot.terms().schedule.next(started, *last, now));
            if next.is_some_and(|next| next <= now) && !slot.is_running() {
                *last = match slot.terms().schedule {
                    RunSchedule::Every(_) => next,
                    _ => Some(now),
                };
                slot.starts.fetch_add(1, Ordering::Relaxed);
                due.push((at, slot));
            }
        }
        due.sort_by_key(|(_, slot)| std::cmp::Reverse(slot.terms().budget.priority));
        let run = |(at, slot)| async move {
            let _ = self.run_slot(at, slot).await;
        };
        join_all(due.into_iter().map(run)).await;
    }

    /// Lets pass what was due while nothing is fetched: it is not made up for.
    pub(crate) fn skip_due(&self) {
        let now = self.history.clock.now();
        for slot in self.strategies.iter().filter(|slot| matches!(slot.terms().schedule, RunSchedule::At(_)))
        {
            *slot.last_due.lock() = Some(now);
        }
    }

    /// Runs a strategy now, or waits for the run that is under way and runs it then; of several who wait, one
    /// runs it for all of them.
    ///
    /// # Errors
    ///
    /// `Config` if there is none of this name, with those that there are.
    pub async fn run(&self, strategy: &str) -> Result<RunResult> {
        let named = |slot: &StrategySlot| slot.terms().name == strategy;
        let Some(at) = self.strategies.iter().position(named) else {
            let known: Vec<&str> = self.strategies.iter().map(|slot| slot.terms().name.as_str()).collect();
            let message = format!("there is no strategy {strategy:?}; there are: {}", known.join(", "));
            return Err(Error::new(ErrorKind::Config, "run a strategy", message));
        };
        let slot = &self.strategies[at];
        let asked_at = slot.runs.load(Ordering::Relaxed);
        let running = slot.running.lock().await;
        // Of many who wait for a run under way, the first begins another, and that is the others' too.
        let begun_since = slot.runs.load(Ordering::Relaxed).saturating_sub(asked_at) > 1;
        if let Some(last) = slot.last.lock().clone().filter(|_| begun_since) {
            return Ok(last);
        }
        Ok(self.run_locked(at, slot, running).await)
    }

    async fn run_slot(&self, at: usize, slot: &StrategySlot) -> RunResult {
        let running = slot.running.lock().await;
        self.run_locked(at, slot, running).await
    }

    async fn run_locked(
        &self,
        at: usize,
        slot: &StrategySlot,
        _running: tokio::sync::MutexGuard<'_, ()>,
    ) -> RunResult {
        let begun = self.history.clock.steady();
        slot.items.store(0, Ordering::Relaxed);
        slot.done.store(0, Ordering::Relaxed);
        let limit = slot.terms().budget.time;
        // What came of it until then is told, too.
        let so_far = Mutex::default();
        let ended = {
            let run = pin!(self.pick_and_fetch(at, slot, &so_far));
            let over = pin!(timer::sleep(&self.history.clock, limit));
            matches!(select(run, over).await, Either::Left(_))
        };
        let mut result: RunResult = so_far.into_inner();
        if !ended {
            result.error.get_or_insert_with(|| format!("the run did not end within {limit:?}"));
        }
        let took = self.history.clock.elapsed(begun);
        result.duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        result.success = result.error.is_none();
        slot.runs.fetch_add(1, Ordering::Relaxed);
        if let Some(error) = &result.error
            && let Some(times) = self.failed_runs.count(self.history.clock.now())
        {
            tracing::warn!(
                strategy = slot.terms().name.as_str(),
                error,
                times,
                "a strategy of warming failed"
            );
        } else if result.fetched > 0 {
            let RunResult { items, fetched, lifted, calls, .. } = result;
            tracing::debug!(strategy = slot.terms().name.as_str(), items, fetched, lifted, calls, "warmed");
        }
        *slot.last.lock() = Some(result.clone());
        result
    }
}

impl RunResult {
    pub(super) fn fail(&mut self, keys: usize, why: String) {
        self.failures += keys;
        self.error.get_or_insert(why);
    }
}
