//! What is recorded, as metrics: given to a recorder of the crate `metrics`, which Prometheus or others read.

use std::{fmt, sync::Arc};

use metrics::{Histogram, Key, Label, Level, Metadata, Recorder, SharedString, Unit};

use super::{
    cause::MissCause,
    counters::Measure,
    kind_record::{KindRecord, SourceRecord},
};
use crate::report::{savings::SavedCalls, whole::Report};

/// Whether the names of metrics may begin with this: letters, digits and `_`, but no digit first.
#[must_use]
pub fn is_metric_prefix(text: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_';
    let is_name = |byte: u8| is_letter(byte) || byte.is_ascii_digit();
    text.bytes().next().is_some_and(is_letter) && text.bytes().all(is_name)
}

/// Where metrics come from, as their recorder is told.
const METADATA: Metadata<'_> = Metadata::new(module_path!(), Level::INFO, Some(module_path!()));

/// A recorder that is told of counts, and the prefix of their names.
pub(crate) struct Exported {
    recorder: Arc<dyn Recorder + Send + Sync>,
    prefix: String,
}

/// The histograms of a kind.
pub(crate) struct ExportedTimes {
    pub(super) reads: Histogram,
    pub(super) loads: Histogram,
}

impl Exported {
    /// Describes all metrics to a recorder.
    pub(crate) fn new(recorder: Arc<dyn Recorder + Send + Sync>, prefix: &str) -> Self {
        let exported = Self { recorder, prefix: prefix.to_owned() };
        for (name, what) in [
            ("reads_total", "Reads that have ended, by how they ended"),
            ("joined_reads_total", "Reads that waited for what another one had begun"),
            ("hits_total", "What memory or a tier had and could be served as it is"),
            ("stale_hits_total", "What memory or a tier had and was served stale, in grace"),
            ("misses_total", "What memory or a tier did not have or could not be served, by why"),
            ("calls_total", "Calls of loaders"),
            ("call_keys_total", "Keys asked for in calls of loaders"),
            ("refreshes_total", "Loads in place of a value at hand, by whether it had changed"),
            ("puts_total", "Values that callers put"),
            ("evictions_total", "Entries that left memory, by why"),
            ("calls_saved_total", "Calls that reads would have made without a cache, by what saved them"),
            (
                "key_group_reads_total",
                "Estimates of the reads of configured groups of keys, by whether they were hits",
            ),
            ("phase_refreshes_total", "Loads in place of a value at hand, by the phase of the key's market"),
        ] {
            exported.recorder.describe_counter(exported.name(name).into(), None, what.into());
        }
        let what = "The share of reads since the start that memory or a tier answered";
        exported.recorder.describe_gauge(exported.name("hit_rate").into(), None, what.into());
        for (name, what) in [
            ("pollution_ratio", "An estimate of the share of entries that were read once at most"),
            ("spent_money", "What the calls cost that were made, where a price is known"),
            (
                "saved_money",
                "An estimate of what the calls would have cost that were saved, where a price is known",
            ),
        ] {
            exported.recorder.describe_gauge(exported.name(name).into(), None, what.into());
        }
        let what = "How much memory and the tiers hold";
        exported.recorder.describe_gauge(exported.name("size_bytes").into(), Some(Unit::Bytes), what.into());
        let what = "How long reads took that memory could not answer, and calls of loaders";
        exported.recorder.describe_histogram(
            exported.name("latency_seconds").into(),
            Some(Unit::Seconds),
            what.into(),
        );
        exported
    }

    fn name(&self, name: &str) -> SharedString {
        format!("{}_{name}", self.prefix).into()
    }

    fn key(&self, name: &str, labels: &[(&'static str, &str)]) -> Key {
        let labels = labels.iter().map(|(name, value)| Label::new(*name, (*value).to_owned()));
        Key::from_parts(self.name(name), labels.collect::<Vec<_>>())
    }

    fn count(&self, name: &str, labels: &[(&'static str, &str)], total: u64) {
        self.recorder.register_counter(&self.key(name, labels), &METADATA).absolute(total);
    }

    /// Returns the histograms of a kind.
    pub(super) fn times(&self, kind: &str) -> ExportedTimes {
        let of = |operation| {
            let key = self.key("latency_seconds", &[("data_type", kind), ("operation", operation)]);
            self.recorder.register_histogram(&key, &METADATA)
        };
        ExportedTimes { reads: of("read"), loads: of("load") }
    }

    /// Tells all counts of a kind, and of memory and the tiers for it.
    pub(super) fn publish(&self, record: &KindRecord) {
        let (kind, totals) = (record.kind.as_str(), record.totals());
        let get = |measure| totals.get(measure);
        let memory_fresh = get(Measure::MemoryHit).saturating_sub(get(Measure::MemoryStale));
        for (outcome, total) in [
            ("memory", memory_fresh),
            ("memory_stale", get(Measure::MemoryStale)),
            ("tier", get(Measure::Found)),
            ("tier_stale", get(Measure::FoundStale)),
            ("loaded", get(Measure::Loaded)),
            ("nothing", get(Measure::Nothing)),
            ("failed", get(Measure::Failed)),
            ("cancelled", get(Measure::Cancelled)),
        ] {
            self.count("reads_total", &[("data_type", kind), ("outcome", outcome)], total);
        }
        let memory = [("data_type", kind), ("cache_level", "memory")];
        self.count("hits_total", &memory, memory_fresh);
        self.count("stale_hits_total", &memory, get(Measure::MemoryStale));
        let of_kind = [("data_type", kind)];
        self.count("joined_reads_total", &of_kind, get(Measure::Joined));
        self.count("puts_total", &of_kind, get(Measure::Put));
        for (name, all, failed) in [
            ("calls_total", Measure::Call, Measure::FailedCall),
            ("call_keys_total", Measure::CalledKey, Measure::FailedKey),
        ] {
            let came = get(all).saturating_sub(get(failed));
            self.count(name, &[("data_type", kind), ("result", "ok")], came);
            self.count(name, &[("data_type", kind), ("result", "failed")], get(failed));
        }
        let changed = get(Measure::Refreshed).saturating_sub(get(Measure::Unchanged));
        self.count("refreshes_total", &[("data_type", kind), ("changed", "yes")], changed);
        self.count("refreshes_total", &[("data_type", kind), ("changed", "no")], get(Measure::Unchanged));
        for (reason, measure) in Measure::LEFT {
            let labels = [("data_type", kind), ("cache_level", "memory"), ("reason", reason)];
            self.count("evictions_total", &labels, get(measure));
        }
        if totals.reads() > 0 {
            self.gauge("hit_rate", &of_kind, totals.hits() as f64 / totals.reads() as f64);
        }
        record.sources().iter().for_each(|source| self.publish_source(kind, source));
    }

    /// Tells what a report concludes, and how much memory holds.
    pub(super) fn publish_report(&self, report: &Report, memory_bytes: Option<u64>) {
        for kind in &report.kinds {
            let of_kind = [("data_type", &*kind.kind)];
            let SavedCalls { by_cache, by_joining, by_batching, .. } = kind.since_start.saved;
            for (by, total) in [("cache", by_cache), ("joining", by_joining), ("batching", by_batching)] {
                self.count("calls_saved_total", &[("data_type", &kind.kind), ("by", by)], total);
            }
            for phase in &kind.phases {
                let unchanged = (phase.refreshes as f64 * phase.unchanged.unwrap_or_default()).round() as u64;
                for (changed, total) in [("yes", phase.refreshes - unchanged), ("no", unchanged)] {
                    let labels = [("data_type", &*kind.kind), ("phase", phase.phase), ("changed", changed)];
                    self.count("phase_refreshes_total", &labels, total);
                }
            }
            kind.pollution
                .estimated_share
                .into_iter()
                .for_each(|share| self.gauge("pollution_ratio", &of_kind, share));
            if let Some(money) = &kind.money {
                self.gauge("spent_money", &of_kind, money.spent);
                self.gauge("saved_money", &of_kind, money.saved);
            }
        }
        for group in &report.key_groups {
            let (reads, hits) = (group.estimated_reads.round() as u64, group.estimated_hits.round() as u64);
            for (outcome, total) in [("hit", hits), ("miss", reads.saturating_sub(hits))] {
                let labels = [("key_group", &*group.group), ("outcome", outcome)];
                self.count("key_group_reads_total", &labels, total);
            }
        }
        let levels = memory_bytes.map(|bytes| ("memory", bytes)).into_iter();
        for (level, bytes) in levels.chain(report.tiers.iter().map(|tier| (&*tier.name, tier.bytes))) {
            self.gauge("size_bytes", &[("cache_level", level)], bytes as f64);
        }
    }

    fn gauge(&self, name: &str, labels: &[(&'static str, &str)], value: f64) {
        self.recorder.register_gauge(&self.key(name, labels), &METADATA).set(value);
    }

    fn publish_source(&self, kind: &str, source: &SourceRecord) {
        let level = [("data_type", kind), ("cache_level", source.name)];
        if source.name != "memory" {
            self.count("hits_total", &level, source.hits());
            self.count("stale_hits_total", &level, source.stale());
        }
        for cause in MissCause::ALL {
            let labels = [("data_type", kind), ("cache_level", source.name), ("reason", cause.as_str())];
            self.count("misses_total", &labels, source.misses(cause));
        }
    }
}

impl fmt::Debug for Exported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exported").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

impl fmt::Debug for ExportedTimes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExportedTimes").finish_non_exhaustive()
    }
}
