//! A run of a strategy: what it picked is looked for in the tiers, and the rest fetched, within the budget.

use std::{
    collections::HashSet,
    panic::AssertUnwindSafe,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

use cache_core::{Error, ErrorKind, Key, Refreshed, Result, Timestamp, sync::Mutex};
use futures_util::{FutureExt, StreamExt, stream};
use serde::Serialize;

use super::{Warming, covered::Covered, outlook::Outlook};
use crate::strategy::{RunBudget, RunTerms, Strategy, schedule::RunSchedule};

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
            let next = slot.terms().schedule.next(started, *last, now);
            if next.is_some_and(|next| next <= now) && !slot.is_running() {
                *last = match slot.terms().schedule {
                    RunSchedule::Every(_) => next,
                    _ => Some(now),
                };
                due.push((at, slot));
            }
        }
        due.sort_by_key(|(_, slot)| std::cmp::Reverse(slot.terms().budget.priority));
        let run = |(at, slot)| async move {
            let _ = self.run_slot(at, slot).await;
        };
        stream::iter(due).for_each_concurrent(self.concurrency, run).await;
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
        let outlook = Outlook { warming: self, covered: self.covered_now(), strategy: at };
        let picked = AssertUnwindSafe(slot.strategy.pick(&outlook)).catch_unwind().await;
        let mut result = match picked {
            Ok(Ok(keys)) => self.fetch(at, slot, keys).await,
            Ok(Err(error)) => RunResult { error: Some(error.to_string()), ..RunResult::default() },
            Err(_) => RunResult { error: Some("the strategy panicked".to_owned()), ..RunResult::default() },
        };
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

    /// Brings keys into memory, each kind by itself.
    async fn fetch(&self, at: usize, slot: &StrategySlot, mut keys: Vec<Key>) -> RunResult {
        let mut known = HashSet::new();
        keys.retain(|key| known.insert(key.clone()));
        let mut budget = slot.terms().budget;
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
            let wanted = self.lift(slot, &covered, keys, &mut budget, &mut result).await;
            self.call(at, slot, &covered, wanted, &mut budget, &mut result).await;
        }
        result
    }

    /// Lifts what lower tiers have, which costs no call. Returns what has to be fetched, and from when on it is
    /// needed.
    async fn lift(
        &self,
        slot: &StrategySlot,
        covered: &Covered,
        keys: Vec<Key>,
        budget: &mut RunBudget,
        result: &mut RunResult,
    ) -> Vec<(Key, Timestamp)> {
        let target = &*covered.target.0;
        let now = self.history.clock.now();
        let soon = slot.terms().soon.unwrap_or_else(|| covered.soon());
        let (mut wanted, mut absent, mut fresh) = (Vec::new(), Vec::new(), 0);
        for key in keys {
            match target.fresh_for(&key) {
                Some(left) if left > soon => fresh += 1,
                _ if wanted.len() + absent.len() == budget.keys => result.left_out += 1,
                Some(left) => wanted.push((key, now.after(left))),
                None => absent.push(key),
            }
        }
        let has = match AssertUnwindSafe(target.lift(&absent)).catch_unwind().await {
            Ok(Ok(has)) if has.len() == absent.len() => has,
            _ => vec![false; absent.len()],
        };
        let now = self.history.clock.now();
        let mut lifted = 0;
        for (key, has) in absent.into_iter().zip(has) {
            match has {
                true => lifted += 1,
                false => wanted.push((key, now)),
            }
        }
        result.fresh += fresh;
        result.lifted += lifted;
        budget.keys -= lifted;
        slot.done.fetch_add(fresh + lifted, Ordering::Relaxed);
        wanted
    }

    /// Fetches keys of a kind in as many calls as budget and quota allow, until the kind fails.
    async fn call(
        &self,
        at: usize,
        slot: &StrategySlot,
        covered: &Covered,
        mut wanted: Vec<(Key, Timestamp)>,
        budget: &mut RunBudget,
        result: &mut RunResult,
    ) {
        if wanted.is_empty() {
            return;
        }
        let target = &*covered.target.0;
        let batch = covered.batch();
        let calls = wanted.len().div_ceil(batch).min(budget.calls);
        let calls = calls.min(self.calls_within_quota(&covered.kind, budget.quota_share));
        result.left_out += wanted.len().saturating_sub(calls.saturating_mul(batch));
        wanted.truncate(calls.saturating_mul(batch));
        let call = async |wanted: Vec<(Key, Timestamp)>| {
            // It may have failed since the run began, too: then the other calls are not tried.
            if covered.is_paused(self.history.clock.now()) {
                return (wanted, None);
            }
            let keys: Vec<Key> = wanted.iter().map(|(key, _)| key.clone()).collect();
            let refreshed = AssertUnwindSafe(target.refresh(&keys)).catch_unwind().await;
            slot.done.fetch_add(keys.len(), Ordering::Relaxed);
            let panicked = |_| Err(Error::new(ErrorKind::Load, "refresh", "the refresh panicked"));
            let refreshed = refreshed.unwrap_or_else(panicked);
            match &refreshed {
                Ok(Refreshed { loaded: 0, failed }) if !failed.is_empty() => {
                    self.note_failure(covered, failed.len(), &failed[0].1);
                }
                Ok(_) => covered.came(),
                Err(error) => self.note_failure(covered, keys.len(), error),
            }
            (wanted, Some(refreshed))
        };
        let batches: Vec<Vec<(Key, Timestamp)>> = wanted.chunks(batch).map(<[_]>::to_vec).collect();
        let mut outcomes = stream::iter(batches).map(call).buffered(budget.concurrency.max(1));
        while let Some((mut wanted, outcome)) = outcomes.next().await {
            let Some(outcome) = outcome else {
                result.left_out += wanted.len();
                let resting =
                    || format!("{:?} failed a short while ago and is left alone for a while", covered.kind);
                result.error.get_or_insert_with(resting);
                continue;
            };
            result.calls += 1;
            budget.calls -= 1;
            budget.keys -= wanted.len();
            covered.calls.fetch_add(1, Ordering::Relaxed);
            covered.keys.fetch_add(wanted.len() as u64, Ordering::Relaxed);
            match outcome {
                Ok(Refreshed { failed, .. }) => {
                    wanted.retain(|(key, _)| failed.iter().all(|(failed, _)| failed != key));
                    result.fetched += wanted.len();
                    self.note_warmed(covered, at, wanted.iter().map(|(key, needed)| (key, Some(*needed))));
                    if let Some((key, error)) = failed.first() {
                        result.fail(failed.len(), format!("{key}: {error}"));
                    }
                }
                Err(error) => result.fail(wanted.len(), error.to_string()),
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
