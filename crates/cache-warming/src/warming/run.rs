//! A run of a strategy: what it picked is looked for in the tiers, and the rest fetched, within the budget.

use std::{
    panic::AssertUnwindSafe,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use cache_core::{Error, ErrorKind, Key, Refreshed, Result, sync::Mutex};
use futures_util::{FutureExt, StreamExt, stream};
use serde::Serialize;

use super::{Warming, covered::Covered, outlook::Outlook};
use crate::strategy::{Budget, Strategy, schedule::Schedule};

/// What came of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RunResult {
    /// Whether no key failed.
    pub success: bool,
    /// The keys that were picked.
    pub items: usize,
    /// Those that were fresh anyway.
    pub fresh: usize,
    /// Those that a lower tier had, and that are in memory now.
    pub lifted: usize,
    /// Those that were fetched from their source.
    pub fetched: usize,
    /// Those that failed.
    pub failures: usize,
    /// Those for which the budget or the quota left no call.
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
    /// When its last run was due.
    pub(crate) last_due: Mutex<Option<cache_core::Timestamp>>,
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
            last_due: Mutex::default(),
            last: Mutex::default(),
            items: AtomicUsize::new(0),
            done: AtomicUsize::new(0),
            running: tokio::sync::Mutex::default(),
        }
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
            let next = slot.strategy.schedule().next(started, *last, now);
            if next.is_some_and(|next| next <= now) && !slot.is_running() {
                *last = match slot.strategy.schedule() {
                    Schedule::Every(_) => next,
                    _ => Some(now),
                };
                due.push((at, slot));
            }
        }
        due.sort_by_key(|(_, slot)| std::cmp::Reverse(slot.strategy.budget().priority));
        let run = |(at, slot)| async move {
            let _ = self.run_slot(at, slot).await;
        };
        stream::iter(due).for_each_concurrent(self.concurrency, run).await;
    }

    /// Runs a strategy now, or waits for the run that is under way and runs it then.
    ///
    /// # Errors
    ///
    /// `Config` if there is none of this name, with those that there are.
    pub async fn run(&self, strategy: &str) -> Result<RunResult> {
        let named = |slot: &StrategySlot| slot.strategy.name() == strategy;
        let Some(at) = self.strategies.iter().position(named) else {
            let known: Vec<&str> = self.strategies.iter().map(|slot| slot.strategy.name()).collect();
            let message = format!("there is no strategy {strategy:?}; there are: {}", known.join(", "));
            return Err(Error::new(ErrorKind::Config, "run a strategy", message));
        };
        Ok(self.run_slot(at, &self.strategies[at]).await)
    }

    async fn run_slot(&self, at: usize, slot: &StrategySlot) -> RunResult {
        let _running = slot.running.lock().await;
        let begun = self.history.clock.steady();
        slot.items.store(0, Ordering::Relaxed);
        slot.done.store(0, Ordering::Relaxed);
        let outlook = Outlook { warming: self, covered: self.covered_now(), strategy: at };
        let picked = AssertUnwindSafe(slot.strategy.pick(&outlook)).catch_unwind().await;
        let mut result = match picked {
            Ok(Ok(keys)) => self.fetch(at, slot, keys).await,
            Ok(Err(error)) => RunResult { error: Some(error.to_string()), ..RunResult::default() },
            Err(_) => RunResult { error: Some("the strategy panicked".to_owned()), ..RunResult::default() },
        };
        let took = self.history.clock.steady().saturating_sub(begun).max(0);
        result.duration_ms = took.unsigned_abs() / 1000;
        result.success = result.error.is_none();
        slot.runs.fetch_add(1, Ordering::Relaxed);
        if let Some(error) = &result.error
            && let Some(times) = self.failed_runs.count(self.history.clock.now())
        {
            tracing::warn!(strategy = slot.strategy.name(), error, times, "a strategy of warming failed");
        } else if result.fetched > 0 {
            let RunResult { items, fetched, lifted, calls, .. } = result;
            tracing::debug!(strategy = slot.strategy.name(), items, fetched, lifted, calls, "warmed");
        }
        *slot.last.lock() = Some(result.clone());
        result
    }

    /// Brings keys into memory, each kind by itself.
    async fn fetch(&self, at: usize, slot: &StrategySlot, keys: Vec<Key>) -> RunResult {
        let budget = slot.strategy.budget();
        slot.items.store(keys.len().min(budget.keys), Ordering::Relaxed);
        let mut result = RunResult { items: keys.len(), ..RunResult::default() };
        let mut by_kind: Vec<(Arc<Covered>, Vec<Key>)> = Vec::new();
        for key in keys {
            match by_kind.iter_mut().find(|(covered, _)| covered.kind == key.kind()) {
                Some((_, keys)) => keys.push(key),
                None => match self.covered(key.kind()) {
                    Some(covered) => by_kind.push((covered, vec![key])),
                    None => result.fail(1, format!("the kind {:?} is not warmed", key.kind())),
                },
            }
        }
        for (covered, keys) in by_kind {
            self.fetch_kind(at, slot, &covered, keys, &budget, &mut result).await;
        }
        result
    }

    async fn fetch_kind(
        &self,
        at: usize,
        slot: &StrategySlot,
        covered: &Covered,
        keys: Vec<Key>,
        budget: &Budget,
        result: &mut RunResult,
    ) {
        let target = &*covered.target.0;
        let soon = slot.strategy.soon().unwrap_or_else(|| covered.soon());
        let allowed = budget.keys.saturating_sub(result.fetched + result.lifted);
        let (mut wanted, mut absent) = (Vec::new(), Vec::new());
        for key in keys {
            match target.fresh_for(&key) {
                Some(left) if left > soon => result.fresh += 1,
                _ if wanted.len() + absent.len() == allowed => result.left_out += 1,
                Some(left) => wanted.push((key, left)),
                None => absent.push(key),
            }
        }
        // What lower tiers have costs no call.
        let lifted = match AssertUnwindSafe(target.lift(&absent)).catch_unwind().await {
            Ok(Ok(lifted)) if lifted.len() == absent.len() => lifted,
            _ => vec![false; absent.len()],
        };
        for (key, lifted) in absent.into_iter().zip(lifted) {
            match lifted {
                true => result.lifted += 1,
                false => wanted.push((key, Duration::ZERO)),
            }
        }
        let now = self.history.clock.now();
        slot.done.fetch_add(result.fresh + result.lifted, Ordering::Relaxed);
        if wanted.is_empty() {
            return;
        }
        if covered.is_paused(now) {
            result.left_out += wanted.len();
            return;
        }
        let batch = target.max_batch().max(1);
        let calls = wanted.len().div_ceil(batch).min(budget.calls.saturating_sub(result.calls));
        let calls = calls.min(self.calls_within_quota(&covered.kind, budget.quota_share));
        result.left_out += wanted.len().saturating_sub(calls * batch);
        wanted.truncate(calls * batch);
        self.history.with(|records| {
            for (key, left) in &wanted {
                let needed_from = records.second(now.after(*left));
                if let Some(record) =
                    self.history.place(key).and_then(|place| records.record_mut(place as u32))
                {
                    record.needed_from = needed_from;
                }
            }
        });
        let batches: Vec<Vec<Key>> =
            wanted.chunks(batch).map(|part| part.iter().map(|(key, _)| key.clone()).collect()).collect();
        let call = async |keys: Vec<Key>| {
            let refreshed = AssertUnwindSafe(target.refresh(&keys)).catch_unwind().await;
            slot.done.fetch_add(keys.len(), Ordering::Relaxed);
            (keys, refreshed)
        };
        let outcomes: Vec<_> =
            stream::iter(batches).map(call).buffered(budget.concurrency.max(1)).collect().await;
        for (keys, outcome) in outcomes {
            result.calls += 1;
            covered.calls.fetch_add(1, Ordering::Relaxed);
            covered.keys.fetch_add(keys.len() as u64, Ordering::Relaxed);
            match outcome {
                Ok(Ok(Refreshed { loaded, failed })) => {
                    let came: Vec<Key> = keys
                        .into_iter()
                        .filter(|key| failed.iter().all(|(failed, _)| failed != key))
                        .collect();
                    result.fetched += came.len();
                    self.note_warmed(covered, at, &came);
                    match failed.first() {
                        Some((key, error)) if loaded == 0 => {
                            self.note_failure(covered, failed.len(), error);
                            result.fail(failed.len(), format!("{key}: {error}"));
                        }
                        Some((key, error)) => {
                            covered.came(came.len(), None);
                            result.fail(failed.len(), format!("{key}: {error}"));
                        }
                        None => covered.came(came.len(), None),
                    }
                }
                Ok(Err(error)) => {
                    self.note_failure(covered, keys.len(), &error);
                    result.fail(keys.len(), error.to_string());
                }
                Err(_) => result.fail(keys.len(), "the refresh panicked".to_owned()),
            }
        }
    }
}

impl RunResult {
    fn fail(&mut self, keys: usize, why: String) {
        self.failures += keys;
        self.error.get_or_insert(why);
    }
}
