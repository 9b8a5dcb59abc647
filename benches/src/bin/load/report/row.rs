//! What comes of a scenario, with what the seeds claim and did beside it.

use std::{collections::BTreeMap, time::Duration};

use serde::Serialize;

use super::units::{percent, printable, rate, time};
use crate::{
    measure::{open_loop::Step, tally::Tally},
    scenario::Scenario,
    seeds::Seeds,
    subject::embedded::TierFaults,
};

/// The headings of what each table shows of a scenario.
pub(super) const FIGURES: [&str; 7] = ["ops/s", "p50", "p95", "p99", "p99.9", "max", "hits"];

/// A scenario on one subject.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) scenario: &'static str,
    /// The tier that was made to answer; `None` if whoever could answered.
    pub(crate) tier: Option<&'static str>,
    /// How many operations were measured, in how many rounds.
    pub(crate) operations: u64,
    pub(crate) rounds: usize,
    /// How many operations were started at once; 1 for one after the other, `None` for a fixed rate.
    pub(crate) at_once: Option<usize>,
    /// How many keys they were about, and how many each.
    pub(crate) keys: usize,
    pub(crate) keys_per_operation: usize,
    /// How long all that were started at once took, in the median round, in milliseconds.
    pub(crate) took_ms: Option<f64>,
    /// Operations a second, in the median round.
    pub(crate) throughput: Option<f64>,
    /// Counted from when each operation was due; `None` if none was made.
    pub(crate) latency_ms: Option<LatencyRow>,
    /// Operations that failed or found a wrong value, and calls of tiers that failed though nobody else saw it.
    pub(crate) errors: u64,
    pub(crate) first_error: Option<String>,
    /// The share of reads that a cached value answered.
    pub(crate) hit_rate: Option<f64>,
    /// How many reads each answered.
    pub(crate) answered_by: BTreeMap<String, u64>,
    /// Calls to the provider in a round, on average: by reads, and by warming before.
    pub(crate) provider_calls: Option<f64>,
    pub(crate) warming_calls: Option<f64>,
    pub(crate) open_loop: Option<OpenLoopRow>,
    pub(crate) seeds: Seeds,
}

/// Times in milliseconds.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct LatencyRow {
    pub(crate) p50: f64,
    pub(crate) p95: f64,
    pub(crate) p99: f64,
    pub(crate) p99_9: f64,
    pub(crate) max: f64,
    /// Pairs of a quantile and its time, for a plot.
    pub(crate) distribution: Vec<(f64, f64)>,
}

/// What a search over rates found.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct OpenLoopRow {
    pub(crate) limit_ms: f64,
    pub(crate) step_seconds: f64,
    /// The highest rate that held, in requests a second; `None` if none did.
    pub(crate) highest_rate: Option<f64>,
    /// What gave in at the next rate; `None` if no rate held.
    pub(crate) limited_by: Option<LimitedBy>,
    pub(crate) steps: Vec<StepRow>,
}

/// What keeps a rate from being higher.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LimitedBy {
    /// What was put under load.
    Subject,
    /// The client could start no more in time: the subject may bear more.
    Client,
    /// No higher rate was to be tried.
    MaxRate,
}

impl OpenLoopRow {
    pub(crate) fn new(
        limit_ms: f64,
        step_seconds: f64,
        highest_rate: Option<f64>,
        steps: Vec<StepRow>,
    ) -> Self {
        let limited_by = highest_rate.map(|highest| {
            let above = steps.iter().filter(|step| step.rate > highest);
            // Of a rate that was tried again, the last time.
            match above.rev().min_by(|one, other| one.rate.total_cmp(&other.rate)) {
                Some(next) if next.started_late_p99_ms * 2.0 > next.p99_ms => LimitedBy::Client,
                Some(_) => LimitedBy::Subject,
                None => LimitedBy::MaxRate,
            }
        });
        Self { limit_ms, step_seconds, highest_rate, limited_by, steps }
    }

    /// Returns each rate with its p99 in milliseconds, for a plot: of a rate that was tried again, the last time.
    pub(crate) fn curve(&self) -> Vec<(f64, f64)> {
        let is_last =
            |(at, step): &(usize, &StepRow)| self.steps.get(at + 1).is_none_or(|next| next.rate != step.rate);
        let last = self.steps.iter().enumerate().filter(is_last);
        last.filter(|(_, step)| step.p99_ms > 0.0).map(|(_, step)| (step.rate, step.p99_ms)).collect()
    }
}

/// One rate, as it was tried.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct StepRow {
    pub(crate) rate: f64,
    pub(crate) holds: bool,
    pub(crate) due: u64,
    pub(crate) unanswered: u64,
    /// Of those that were answered.
    pub(crate) errors: u64,
    pub(crate) first_error: Option<String>,
    /// What was not answered counts for as long as it was waited for.
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) max_ms: f64,
    /// How late 99 of 100 were started at most: what of the latency is the client's own.
    pub(crate) started_late_p99_ms: f64,
}

impl StepRow {
    pub(crate) fn new(rate: f64, step: &Step, holds: bool) -> Self {
        Self {
            rate,
            holds,
            due: step.due,
            unanswered: step.unanswered,
            errors: step.tally.errors() - step.unanswered,
            first_error: step.tally.first_fault().map(printable),
            p50_ms: step.tally.quantile_ms(0.5),
            p99_ms: step.tally.quantile_ms(0.99),
            max_ms: step.tally.max_ms(),
            started_late_p99_ms: step.started_late_ms,
        }
    }
}

/// How something was measured.
#[derive(Debug)]
pub(crate) struct Measured {
    /// How many were started at once; 0 for a fixed rate.
    pub(crate) at_once: usize,
    pub(crate) keys: usize,
    /// How long each round took.
    pub(crate) took: Vec<Duration>,
    /// Calls of tiers that failed.
    pub(crate) tier_faults: TierFaults,
}

/// The quantiles that a plot has: from the median to one in a thousand, in equal steps of how rare the rest is.
fn quantiles() -> impl Iterator<Item = f64> {
    [0.0, 0.1, 0.25].into_iter().chain((3..=30).map(|tenth| 1.0 - 10_f64.powf(-f64::from(tenth) / 10.0)))
}

impl LatencyRow {
    fn of(tally: &Tally) -> Option<Self> {
        (tally.operations() > 0).then(|| Self {
            p50: tally.quantile_ms(0.5),
            p95: tally.quantile_ms(0.95),
            p99: tally.quantile_ms(0.99),
            p99_9: tally.quantile_ms(0.999),
            max: tally.max_ms(),
            distribution: quantiles().map(|quantile| (quantile, tally.quantile_ms(quantile))).collect(),
        })
    }
}

impl Row {
    pub(crate) fn new(scenario: Scenario, tally: &Tally, measured: Measured) -> Self {
        let mut took = measured.took;
        took.sort();
        let median = took.get(took.len() / 2).map(Duration::as_secs_f64);
        let a_round = tally.operations() as f64 / took.len().max(1) as f64;
        Self {
            scenario: scenario.name(),
            tier: None,
            operations: tally.operations(),
            rounds: took.len(),
            at_once: Some(measured.at_once).filter(|at_once| *at_once > 0),
            keys: measured.keys,
            keys_per_operation: 1,
            took_ms: median.filter(|_| measured.at_once > 1).map(|seconds| seconds * 1000.0),
            throughput: median.filter(|seconds| *seconds > 0.0).map(|seconds| a_round / seconds),
            latency_ms: LatencyRow::of(tally),
            errors: tally.errors() + measured.tier_faults.count,
            first_error: tally.first_fault().map(printable).or_else(|| measured.tier_faults.told()),
            hit_rate: tally.hit_rate(),
            answered_by: tally.answered_by().iter().map(|(by, reads)| (by.to_string(), *reads)).collect(),
            provider_calls: None,
            warming_calls: None,
            open_loop: None,
            seeds: Seeds::of(scenario),
        }
    }

    /// The same; what the seeds did says nothing of a part of it.
    pub(crate) fn at_scale(self, scale: f64) -> Self {
        if scale == 1.0 { self } else { Self { seeds: Seeds::default(), ..self } }
    }

    /// The same, with more calls of tiers that failed.
    pub(crate) fn with_tier_faults(self, faults: &TierFaults) -> Self {
        let first_error = self.first_error.or_else(|| faults.told());
        Self { errors: self.errors + faults.count, first_error, ..self }
    }

    /// The same, of operations that a tier was made to answer.
    pub(crate) fn of_tier(self, tier: &'static str) -> Self {
        Self { tier: Some(tier), ..self }
    }

    /// The same, of operations on many keys each.
    pub(crate) fn of_batches(self, keys: usize) -> Self {
        Self { keys_per_operation: keys, took_ms: None, ..self }
    }

    /// The same, in front of a provider.
    pub(crate) fn of_provider(self, calls: f64, warming_calls: f64) -> Self {
        Self { provider_calls: Some(calls), warming_calls: Some(warming_calls), ..self }
    }

    /// The same, of the rates that were tried.
    pub(crate) fn of_open_loop(self, found: OpenLoopRow) -> Self {
        Self { open_loop: Some(found), ..self }
    }

    /// Returns the scenario, and the tier that was made to answer.
    pub(crate) fn title(&self) -> String {
        self.tier.map_or_else(|| self.scenario.to_owned(), |tier| format!("{} {tier}", self.scenario))
    }

    /// Returns the figures of [`FIGURES`] as texts; a dash for what there is none of.
    pub(super) fn figures(&self) -> [String; FIGURES.len()] {
        let none = || "-".to_owned();
        let latency = self.latency_ms.as_ref();
        let ms = |of: fn(&LatencyRow) -> f64| latency.map_or_else(none, |latency| time(of(latency)));
        [
            self.throughput.map_or_else(none, rate),
            ms(|latency| latency.p50),
            ms(|latency| latency.p95),
            ms(|latency| latency.p99),
            ms(|latency| latency.p99_9),
            ms(|latency| latency.max),
            self.hit_rate.map_or_else(none, percent),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::{LimitedBy, OpenLoopRow, StepRow};

    fn step(rate: f64, holds: bool, started_late_p99_ms: f64) -> StepRow {
        let (due, unanswered, errors) = (1, 0, 0);
        StepRow {
            rate,
            holds,
            due,
            unanswered,
            errors,
            first_error: None,
            p50_ms: 1.0,
            p99_ms: 1.0,
            max_ms: 1.0,
            started_late_p99_ms,
        }
    }

    #[test]
    fn a_curve_has_each_rate_once() {
        let tried =
            vec![step(1.0, false, 50.0), step(1.0, true, 0.1), step(2.0, false, 1.0), step(2.0, false, 1.0)];
        let curve = OpenLoopRow::new(10.0, 3.0, Some(1.0), tried).curve();
        assert_eq!(curve, [(1.0, 1.0), (2.0, 1.0)]);
    }

    #[test]
    fn what_gave_in_is_told_by_the_next_rate() {
        let limited_by =
            |highest, steps: Vec<StepRow>| OpenLoopRow::new(10.0, 3.0, highest, steps).limited_by;
        // A rate that failed once and then held says nothing.
        let held = || vec![step(1.0, false, 50.0), step(1.0, true, 0.1)];
        let and = |next| held().into_iter().chain([step(2.0, false, next), step(4.0, false, 0.2)]).collect();
        // p99 is 1 ms in all of them.
        assert_eq!(limited_by(Some(1.0), held()), Some(LimitedBy::MaxRate));
        assert_eq!(limited_by(Some(1.0), and(0.2)), Some(LimitedBy::Subject));
        assert_eq!(limited_by(Some(1.0), and(50.0)), Some(LimitedBy::Client));
        // What disturbed the first attempt at the next rate alone is not what gave in.
        let again = vec![step(1.0, true, 0.1), step(2.0, false, 50.0), step(2.0, false, 0.2)];
        assert_eq!(limited_by(Some(1.0), again), Some(LimitedBy::Subject));
        assert_eq!(limited_by(None, vec![step(1.0, false, 0.1)]), None);
    }
}
