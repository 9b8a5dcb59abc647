//! Warming in numbers.

use std::{ops::Add, sync::atomic::Ordering};

use serde::Serialize;

use super::{
    Warming,
    covered::Asked,
    run::{RunResult, StrategySlot},
};
use crate::{effect::Effectiveness, history::co_access::CoAccess};

/// Warming in numbers, since it was built.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct WarmingStats {
    /// Whether anything is fetched beforehand.
    pub enabled: bool,
    /// How many keys are remembered.
    pub tracked: usize,
    /// Pairs of keys of which the second is asked for within seconds after the first more often than by chance.
    pub pairs: usize,
    /// What is asked for a second, as of the last minutes.
    pub requests_per_second: f64,
    /// Reads that memory could not answer. One that a stale value answered is none.
    pub misses: u64,
    /// The share of the reads that would have missed without warming which did not.
    pub coverage: Option<f64>,
    /// Calls that callers would have made, with as many keys as theirs have, less those that were made in their
    /// place. What was fetched before it was needed saves a part of one: it dies sooner than what is loaded then.
    pub calls_saved: i64,
    /// The kinds that are warmed.
    pub kinds: Vec<KindStats>,
    /// The strategies, and `fill`, which fills the free places of calls.
    pub strategies: Vec<StrategyStats>,
}

/// A kind that is warmed, in numbers.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct KindStats {
    /// The kind.
    pub kind: String,
    /// Calls that were made beforehand.
    pub calls: u64,
    /// Keys that were asked for in them, and in free places of other calls.
    pub keys: u64,
    /// Whether it failed a short while ago, and is left alone for a while.
    pub paused: bool,
}

/// A strategy in numbers.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct StrategyStats {
    /// Its name.
    pub name: String,
    /// How often it ran.
    pub runs: u64,
    /// How far the run under way has come.
    pub running: Option<RunProgress>,
    /// What came of its last run.
    pub last: Option<RunResult>,
    /// What became of what it fetched.
    #[serde(flatten)]
    pub effectiveness: Effectiveness,
    /// The share of it that was read, of those of which all is known.
    pub precision: Option<f64>,
}

/// How far a run has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct RunProgress {
    /// The keys that are done.
    pub done: usize,
    /// All of its keys.
    pub items: usize,
}

impl Warming {
    /// Returns what was fetched beforehand, and what became of it.
    #[must_use]
    pub fn stats(&self) -> WarmingStats {
        let now = self.history.clock.now();
        let (tracked, pairs, rate, effects, saved_calls) = self.history.with_settled(|records| {
            records.pass();
            let effects: Vec<_> = (0..=self.fill_strategy).map(|at| records.effect.of(at)).collect();
            let pairs = records.co_access.as_ref().map_or(0, CoAccess::pairs_known);
            (records.len(), pairs, records.stream.rate(), effects, records.effect.saved_calls())
        });
        let kinds: Vec<KindStats> = self
            .covered_now()
            .iter()
            .map(|covered| KindStats {
                kind: covered.kind.clone(),
                calls: covered.calls.load(Ordering::Relaxed),
                keys: covered.keys.load(Ordering::Relaxed),
                paused: covered.is_paused(now),
            })
            .collect();
        let misses = self.history.misses();
        let saved: u64 = effects.iter().map(|effect| effect.saved).sum();
        let calls: u64 = kinds.iter().map(|kind| kind.calls).sum();
        let asked =
            self.covered_now().iter().map(|covered| *covered.asked()).fold(Asked::default(), Add::add);
        let strategies = effects.iter().enumerate().map(|(at, effect)| self.strategy_stats(at, *effect));
        WarmingStats {
            enabled: self.is_enabled(),
            tracked,
            pairs,
            requests_per_second: rate,
            misses,
            coverage: (saved + misses > 0).then(|| saved as f64 / (saved + misses) as f64),
            calls_saved: (saved_calls / asked.keys_per_call()).round() as i64 - calls.cast_signed(),
            strategies: strategies.collect(),
            kinds,
        }
    }

    fn strategy_stats(&self, at: usize, effectiveness: Effectiveness) -> StrategyStats {
        let slot = self.strategies.get(at);
        let progress = |slot: &StrategySlot| RunProgress {
            done: slot.done.load(Ordering::Relaxed),
            items: slot.items.load(Ordering::Relaxed),
        };
        StrategyStats {
            name: slot.map_or("fill", |slot| slot.terms().name.as_str()).to_owned(),
            runs: slot.map_or(0, |slot| slot.runs.load(Ordering::Relaxed)),
            running: slot.filter(|slot| slot.is_running()).map(progress),
            last: slot.and_then(|slot| slot.last.lock().clone()),
            effectiveness,
            precision: effectiveness.precision(),
        }
    }
}
