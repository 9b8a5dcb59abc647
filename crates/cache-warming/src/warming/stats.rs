//! Warming in numbers.

use std::sync::atomic::Ordering;

use serde::Serialize;

use super::{
    Warming,
    run::{RunResult, StrategySlot},
};
use crate::effect::Effectiveness;

/// Warming in numbers, since it was built.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct WarmingStats {
    /// Whether anything is fetched beforehand.
    pub enabled: bool,
    /// How many keys are remembered.
    pub tracked: usize,
    /// What is asked for a second, as of the last minutes.
    pub requests_per_second: f64,
    /// Reads that memory could not answer. One that a stale value answered is none.
    pub misses: u64,
    /// The share of the reads that would have missed without warming which did not.
    pub coverage: Option<f64>,
    /// Calls saved, less those that were made for it.
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
        let (tracked, rate, effects) = self.history.with_settled(|records| {
            records.pass();
            let effects: Vec<_> = (0..=self.fill_strategy).map(|at| records.effect.of(at)).collect();
            (records.len(), records.stream.rate(), effects)
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
        let strategies = effects.iter().enumerate().map(|(at, effect)| self.strategy_stats(at, *effect));
        WarmingStats {
            enabled: self.is_enabled(),
            tracked,
            requests_per_second: rate,
            misses,
            coverage: (saved + misses > 0).then(|| saved as f64 / (saved + misses) as f64),
            calls_saved: saved.cast_signed() - calls.cast_signed(),
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
