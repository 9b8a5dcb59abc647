//! What was counted in a span, and what follows from it.

use std::collections::BTreeMap;

use serde::Serialize;

use super::savings::SavedCalls;
use crate::recorder::{
    answers::AnswersFrom,
    cause::MissCauses,
    counters::{Measure, Totals},
    kind_record::SourceRecord,
    latency::Durations,
};

/// What was counted in a span of time.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Summary {
    /// Reads that have ended: hits and misses together.
    pub reads: u64,
    /// Reads that memory or a tier answered, stale ones included.
    pub hits: u64,
    /// Those of them that memory answered.
    pub memory_hits: u64,
    /// Those of them that were answered with a stale value, in grace.
    pub stale: u64,
    /// Reads that neither answered: the loader did, nobody did, they failed, or their caller went away.
    pub misses: u64,
    /// Those of them that the loader answered, be it that there is no value.
    pub loaded: u64,
    /// Those of them that failed.
    pub failed: u64,
    /// Those of them whose caller went away.
    pub cancelled: u64,
    /// The share of the reads that are hits; `None` without reads.
    pub hit_rate: Option<f64>,
    /// Reads that waited for what another had begun.
    pub joined: u64,
    /// How long these waited on average, in milliseconds, and how long the others did that memory could not
    /// answer.
    pub joined_ms: Option<f64>,
    /// See [`joined_ms`](Self::joined_ms).
    pub waited_ms: Option<f64>,
    /// Calls of loaders.
    pub calls: u64,
    /// Those of them that failed as a whole.
    pub failed_calls: u64,
    /// Keys asked for in these calls, and how many that are in a call on average.
    pub called_keys: u64,
    /// See [`called_keys`](Self::called_keys).
    pub keys_per_call: Option<f64>,
    /// Keys that could not be loaded.
    pub failed_keys: u64,
    /// How long all reads waited together that memory could not answer, in milliseconds.
    pub waited_total_ms: f64,
    /// Calls that reads would have made without a cache, one each, less those that were made.
    pub calls_saved: i64,
    /// By what they were saved.
    pub saved: SavedCalls,
    /// Loads in place of a value that was at hand, of which it is known whether that had changed.
    pub refreshes: u64,
    /// The share of them that brought the same value again.
    pub unchanged: Option<f64>,
    /// How much later these were born than what was at hand, on average, in milliseconds.
    pub refreshed_after_ms: Option<f64>,
    /// An estimate of the share of answers that were fresh by their life, and outdated: as if values change at
    /// random, as often as the refreshes say.
    pub estimated_outdated: Option<f64>,
    /// Values that callers put.
    pub puts: u64,
    /// Entries that left memory, by cause.
    pub evictions: BTreeMap<&'static str, u64>,
}

impl Summary {
    /// Whether nothing was counted.
    pub(crate) fn is_empty(&self) -> bool {
        self.reads + self.calls + self.refreshes + self.puts + self.evictions.values().sum::<u64>() == 0
    }

    pub(crate) fn of(totals: &Totals) -> Self {
        let get = |counted| totals.get(counted);
        let behind = get(Measure::Found) + get(Measure::FoundStale);
        let (hits, misses) = (totals.hits(), totals.misses());
        let reads = hits + misses;
        let joined = get(Measure::Joined);
        let own = (behind + misses).saturating_sub(joined);
        let calls = get(Measure::Call);
        Self {
            reads,
            hits,
            memory_hits: get(Measure::MemoryHit),
            stale: get(Measure::MemoryStale) + get(Measure::FoundStale),
            misses,
            loaded: get(Measure::Loaded),
            failed: get(Measure::Failed),
            cancelled: get(Measure::Cancelled),
            hit_rate: ratio(hits, reads),
            joined,
            joined_ms: ratio(get(Measure::JoinedMicros), joined).map(|micros| micros / 1000.0),
            waited_ms: ratio(get(Measure::WaitedMicros), own).map(|micros| micros / 1000.0),
            calls,
            failed_calls: get(Measure::FailedCall),
            called_keys: get(Measure::CalledKey),
            keys_per_call: ratio(get(Measure::CalledKey), calls),
            failed_keys: get(Measure::FailedKey),
            waited_total_ms: (get(Measure::WaitedMicros) + get(Measure::JoinedMicros)) as f64 / 1000.0,
            saved: SavedCalls::of(totals),
            calls_saved: (hits + totals.wanted()).cast_signed() - calls.cast_signed(),
            refreshes: get(Measure::Refreshed),
            unchanged: ratio(get(Measure::Unchanged), get(Measure::Refreshed)),
            refreshed_after_ms: ratio(get(Measure::RefreshedAfterMicros), get(Measure::Refreshed))
                .map(|micros| micros / 1000.0),
            estimated_outdated: outdated(get(Measure::Refreshed), get(Measure::Unchanged)),
            puts: get(Measure::Put),
            evictions: Measure::LEFT.map(|(name, counted)| (name, get(counted))).into(),
        }
    }
}

/// Returns the share of a life in which a value is outdated on average, if so many of `refreshes`, each at its
/// end, brought the same value: changes come at random, `changes` of them in a life.
pub(super) fn outdated(refreshes: u64, unchanged: u64) -> Option<f64> {
    // One half more: that none was the same does not prove that none can be.
    let same = (unchanged as f64 + 0.5) / (refreshes as f64 + 0.5);
    let changes = -same.min(1.0).ln();
    let share = if changes < 1e-9 { 0.0 } else { 1.0 + (-changes).exp_m1() / changes };
    (refreshes > 0).then_some(share)
}

pub(super) fn ratio(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// How long something took, in milliseconds: to two digits, and ten minutes at most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Latency {
    /// How often it was measured.
    pub count: u64,
    /// The mean.
    pub mean: f64,
    /// Half took no longer.
    pub p50: f64,
    /// 95 of 100 took no longer.
    pub p95: f64,
    /// 99 of 100 took no longer.
    pub p99: f64,
    /// The longest.
    pub max: f64,
}

impl Latency {
    pub(crate) fn of(durations: &Durations) -> Self {
        durations.with(|histogram| {
            let at = |quantile| histogram.value_at_quantile(quantile) as f64 / 1000.0;
            Self {
                count: histogram.len(),
                mean: histogram.mean() / 1000.0,
                p50: at(0.5),
                p95: at(0.95),
                p99: at(0.99),
                max: histogram.max() as f64 / 1000.0,
            }
        })
    }
}

/// How long reads waited that memory could not answer, of those whose answer came from one source.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct AnswerReport {
    /// The tier's name, `memory` for what came to memory meanwhile, or `loader`.
    pub source: &'static str,
    /// How long these reads waited together, in milliseconds.
    pub waited_total_ms: f64,
    /// How long they waited, and how many they are.
    #[serde(flatten)]
    pub waits: Latency,
}

impl AnswerReport {
    pub(crate) fn of(from: &AnswersFrom) -> Self {
        let waited_total_ms = from.total_micros() as f64 / 1000.0;
        Self { source: from.source, waited_total_ms, waits: Latency::of(&from.waits) }
    }
}

/// What memory or a tier answered, of a kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SourceReport {
    /// `memory` or the tier's name.
    pub name: &'static str,
    /// What it had and could be served. A tier is asked once for all reads that wait for a key.
    pub hits: u64,
    /// What it had and was served stale, in grace.
    pub stale: u64,
    /// What it did not have, or could not be served.
    pub misses: MissCauses,
}

impl SourceReport {
    pub(crate) fn of(record: &SourceRecord, kind: &Summary, memory_stale: u64) -> Self {
        let is_memory = record.name == "memory";
        Self {
            name: record.name,
            hits: if is_memory {
                kind.memory_hits - memory_stale.min(kind.memory_hits)
            } else {
                record.hits()
            },
            stale: if is_memory { memory_stale } else { record.stale() },
            misses: MissCauses::of(|cause| record.misses(cause)),
        }
    }
}
