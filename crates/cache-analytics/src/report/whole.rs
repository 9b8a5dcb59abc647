//! The report of all that was recorded.

use std::sync::Arc;

use cache_core::Timestamp;
use serde::Serialize;

use super::{
    memory::MemoryReport,
    numbers::{AnswerReport, Latency, SourceReport, Summary, outdated, ratio},
    pollution::Pollution,
    savings::Money,
    trend::HitRateTrend,
    trial::Trials,
};
use crate::recorder::{
    counters::{Measure, Totals},
    kind_record::KindRecord,
    phases::PhaseRefreshes,
    sample::{SampleSize, groups::GroupReads, stays::Stays},
    surroundings::{ProviderFigures, Surroundings, TierBytes},
};

/// All that was recorded. It serialises as it is; as text it is a table.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// Since when it was recorded, and until when, in seconds since 1970.
    pub from: i64,
    /// See [`from`](Self::from).
    pub until: i64,
    /// All of it.
    pub since_start: Summary,
    /// What came in the last minute, to five seconds.
    pub last_minute: Summary,
    /// What came in the last hour, to five minutes.
    pub last_hour: Summary,
    /// The last 24 hours, the running one last.
    pub hours: Vec<HourReport>,
    /// How the hit rate goes from hour to hour, with enough hours.
    pub trend: Option<HitRateTrend>,
    /// How long reads waited that memory could not answer, by where their answer came from.
    pub answers: Vec<AnswerReport>,
    /// Each kind, those read most first.
    pub kinds: Vec<KindReport>,
    /// The sample of the keys from which all estimates come.
    pub sample: SampleReport,
    /// The groups of keys whose reads are counted apart.
    pub key_groups: Vec<KeyGroupReport>,
    /// The providers that loaders call, as whoever put the cache together tells.
    pub providers: Vec<ProviderFigures>,
    /// How many calls warming saved, less those that it made, if that is told.
    pub saved_by_warming: Option<i64>,
    /// What calls cost and what was saved. What was spent is the sum of the providers with a price.
    pub money: Option<Money>,
    /// How much the tiers hold, if that is told.
    pub tiers: Vec<TierBytes>,
    /// What memory holds. Part of a comprehensive report.
    pub memory: Option<MemoryReport>,
    /// What other budgets and lives would come to. Part of a comprehensive report, if enough was sampled.
    pub trials: Option<Trials>,
}

/// One of the last hours.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct HourReport {
    /// When it began, in seconds since 1970.
    pub begun: i64,
    /// Reads that ended in it.
    pub reads: u64,
    /// The share of them that are hits.
    pub hit_rate: Option<f64>,
    /// Calls of loaders.
    pub calls: u64,
}

/// What was recorded of a kind.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct KindReport {
    /// The kind.
    pub kind: String,
    /// All of it.
    pub since_start: Summary,
    /// What came in the last minute.
    pub last_minute: Summary,
    /// What came in the last hour.
    pub last_hour: Summary,
    /// How long reads waited that memory could not answer.
    pub waits: Latency,
    /// How long calls of loaders took.
    pub calls: Latency,
    /// Memory and the tiers.
    pub sources: Vec<SourceReport>,
    /// Refreshes by phase, if phases are told.
    pub phases: Vec<PhaseReport>,
    /// What memory held for nothing.
    pub pollution: Pollution,
    /// What calls cost and what was saved, if a price is known.
    pub money: Option<Money>,
}

/// The sample of the keys from which estimates come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct SampleReport {
    /// The share of the keys that is sampled now.
    pub rate: f64,
    /// The keys of the sample that are remembered.
    pub keys: u64,
    /// Hits in memory of such keys that came while another access was noted, and were left out.
    pub lost_reads: u64,
}

/// Reads of a group of keys: estimates from a sample of the keys.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct KeyGroupReport {
    /// The group.
    pub group: String,
    /// An estimate of its reads.
    pub estimated_reads: f64,
    /// An estimate of those of them that memory or a tier answered.
    pub estimated_hits: f64,
}

/// How fresh a kind is in a phase.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PhaseReport {
    /// The phase.
    pub phase: &'static str,
    /// Refreshes in it of which it is known whether they brought another value.
    pub refreshes: u64,
    /// The share of them that did not.
    pub unchanged: Option<f64>,
    /// An estimate of the share of answers that were fresh by their life, and outdated.
    pub estimated_outdated: Option<f64>,
}

impl Report {
    pub(crate) fn of(
        started: Timestamp,
        now: Timestamp,
        records: &[Arc<KindRecord>],
        stays: &[(String, Stays)],
        surroundings: &Surroundings,
    ) -> Self {
        let providers = surroundings.providers();
        let mut all = [Totals::default(); 3];
        let mut hours: Vec<(i64, Totals)> = Vec::new();
        let mut kinds = Vec::with_capacity(records.len());
        for record in records {
            let spans = record.spans();
            all = std::array::from_fn(|at| all[at] + spans[at]);
            for hour in record.hours() {
                let begun = seconds(hour.begun);
                match hours.iter_mut().find(|(known, _)| *known == begun) {
                    Some((_, totals)) => *totals = *totals + hour.totals,
                    None => hours.push((begun, hour.totals)),
                }
            }
            let [since_start, last_minute, last_hour] = spans.map(|totals| Summary::of(&totals));
            let stale = spans[0].get(Measure::MemoryStale);
            let price = surroundings.price(&record.kind);
            let stays = stays.iter().find(|(kind, _)| *kind == record.kind);
            kinds.push(KindReport {
                kind: record.kind.clone(),
                sources: record
                    .sources()
                    .iter()
                    .map(|source| SourceReport::of(source, &since_start, stale))
                    .collect(),
                waits: Latency::of(&record.waits),
                calls: Latency::of(&record.calls),
                phases: record.phases().into_iter().map(PhaseReport::of).collect(),
                pollution: stays.map(|(_, stays)| Pollution::of(stays)).unwrap_or_default(),
                money: Money::of_kind(&record.kind, price, &providers, &since_start),
                since_start,
                last_minute,
                last_hour,
            });
        }
        // Kinds that nobody asks for are told by the cache, too.
        kinds.retain(|kind: &KindReport| !kind.since_start.is_empty());
        kinds.sort_by(|a, b| b.since_start.reads.cmp(&a.since_start.reads).then_with(|| a.kind.cmp(&b.kind)));
        hours.sort_unstable_by_key(|(begun, _)| *begun);
        let [since_start, last_minute, last_hour] = all.map(|totals| Summary::of(&totals));
        let hours: Vec<HourReport> = hours.into_iter().map(HourReport::of).collect();
        let priced: Vec<_> =
            kinds.iter().filter_map(|kind| Some((kind.money?, kind.since_start.calls))).collect();
        let saved_by_warming = surroundings.saved_by_warming();
        Self {
            from: seconds(started),
            until: seconds(now),
            since_start,
            last_minute,
            last_hour,
            trend: HitRateTrend::of(&hours),
            hours,
            answers: Vec::new(),
            kinds,
            sample: SampleReport::default(),
            key_groups: Vec::new(),
            saved_by_warming,
            money: Money::total(&priced, &providers, saved_by_warming),
            providers,
            tiers: surroundings.tier_bytes(),
            memory: None,
            trials: None,
        }
    }
}

impl HourReport {
    fn of((begun, totals): (i64, Totals)) -> Self {
        let Summary { reads, hit_rate, calls, .. } = Summary::of(&totals);
        Self { begun, reads, hit_rate, calls }
    }
}

impl SampleReport {
    pub(crate) fn of(SampleSize { rate, keys, lost }: SampleSize) -> Self {
        Self { rate, keys: keys as u64, lost_reads: lost }
    }
}

impl KeyGroupReport {
    pub(crate) fn of((group, GroupReads { reads, hits }): (String, GroupReads)) -> Self {
        Self { group, estimated_reads: reads, estimated_hits: hits }
    }
}

impl PhaseReport {
    fn of(PhaseRefreshes { phase, refreshes, unchanged }: PhaseRefreshes) -> Self {
        let estimated_outdated = outdated(refreshes, unchanged);
        Self { phase, refreshes, unchanged: ratio(unchanged, refreshes), estimated_outdated }
    }
}

fn seconds(at: Timestamp) -> i64 {
    at.as_micros().div_euclid(1_000_000)
}
