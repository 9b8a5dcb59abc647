//! What `top` knows: the last figures of the service, and what changed since those before.

use std::{
    collections::{BTreeMap, VecDeque},
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::commands::client::ServiceFigures;

/// How many seconds of figures are kept.
const KEPT: usize = 120;
/// The span over which rates are told.
const WINDOW: Duration = Duration::from_secs(10);

/// Figures of a moment.
#[derive(Clone, Debug)]
pub(super) struct Snapshot {
    pub(super) at: Instant,
    pub(super) figures: ServiceFigures,
}

/// All that is shown.
#[derive(Clone, Debug)]
pub(super) struct Model {
    pub(super) url: String,
    pub(super) interval: Duration,
    snapshots: VecDeque<Snapshot>,
    /// Reads a second, between any two looks.
    pub(super) history: VecDeque<u64>,
    /// Since when the service can't be asked, and why.
    pub(super) gone: Option<(Instant, String)>,
}

/// What a place in which values are held did.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Place {
    pub(super) name: String,
    pub(super) hits_per_second: f64,
    pub(super) hits: u64,
    pub(super) entries: Option<u64>,
    pub(super) size: Option<u64>,
    pub(super) budget: Option<u64>,
    pub(super) errors: u64,
    pub(super) pending: u64,
}

impl Snapshot {
    fn summary(&self, span: &str) -> &Value {
        &self.figures.report[span]
    }

    fn number(&self, member: &str) -> u64 {
        self.summary("since_start")[member].as_u64().unwrap_or_default()
    }

    fn calls(&self, provider: &str) -> u64 {
        let mut providers = self.figures.stats["providers"].as_array().into_iter().flatten();
        providers
            .find(|one| one["name"] == provider)
            .map_or(0, |one| one["calls"].as_u64().unwrap_or_default())
    }

    fn hits(&self, place: &str) -> u64 {
        self.figures.stats["hits"][place].as_u64().unwrap_or_default()
    }

    /// Returns how often memory had no answer, by cause.
    fn misses(&self) -> BTreeMap<String, u64> {
        let mut causes = BTreeMap::new();
        let kinds = self.figures.report["kinds"].as_array().into_iter().flatten();
        let sources = kinds.flat_map(|kind| kind["sources"].as_array().into_iter().flatten());
        for source in sources.filter(|source| source["name"] == "memory") {
            for (cause, number) in source["misses"].as_object().into_iter().flatten() {
                let all: &mut u64 = causes.entry(cause.replace('_', " ")).or_default();
                // Whatever a service claims.
                *all = all.saturating_add(number.as_u64().unwrap_or_default());
            }
        }
        causes
    }
}

impl Model {
    pub(super) fn new(url: String, interval: Duration) -> Self {
        Self { url, interval, snapshots: VecDeque::new(), history: VecDeque::new(), gone: None }
    }

    /// Takes figures, or why there are none.
    pub(super) fn take(&mut self, looked: Result<Snapshot, String>, now: Instant) {
        match looked {
            Ok(snapshot) => {
                // A service that was started anew counts from zero.
                let is_anew = self.last().is_some_and(|last| last.number("reads") > snapshot.number("reads"));
                if is_anew {
                    self.snapshots.clear();
                }
                if let Some(last) = self.last() {
                    let seconds = snapshot.at.duration_since(last.at).as_secs_f64();
                    let reads = snapshot.number("reads") - last.number("reads");
                    self.history.push_back((reads as f64 / seconds.max(0.001)).round() as u64);
                }
                self.snapshots.push_back(snapshot);
                while self.snapshots.len() > KEPT {
                    self.snapshots.pop_front();
                }
                while self.history.len() > KEPT {
                    self.history.pop_front();
                }
                self.gone = None;
            }
            Err(why) => {
                let since = self.gone.take().map_or(now, |(since, _)| since);
                self.gone = Some((since, why));
            }
        }
    }

    pub(super) fn last(&self) -> Option<&Snapshot> {
        self.snapshots.back()
    }

    /// Returns the figures of a window ago, or the oldest.
    fn before(&self) -> Option<&Snapshot> {
        let last = self.last()?;
        self.snapshots.iter().find(|one| last.at.duration_since(one.at) <= WINDOW)
    }

    /// Returns how much a count grew a second, over the last seconds.
    fn rate(&self, count: impl Fn(&Snapshot) -> u64) -> f64 {
        let (Some(last), Some(before)) = (self.last(), self.before()) else { return 0.0 };
        let seconds = last.at.duration_since(before.at).as_secs_f64();
        if seconds > 0.0 { count(last).saturating_sub(count(before)) as f64 / seconds } else { 0.0 }
    }

    pub(super) fn per_second(&self, member: &str) -> f64 {
        self.rate(|snapshot| snapshot.number(member))
    }

    /// Returns a summary of the report: `since_start`, `last_minute`.
    pub(super) fn summary(&self, span: &str) -> &Value {
        self.last().map_or(&Value::Null, |last| last.summary(span))
    }

    pub(super) fn places(&self) -> Vec<Place> {
        let Some(last) = self.last() else { return Vec::new() };
        let (memory, disk) = (&last.figures.stats["memory"], &last.figures.stats["disk"]);
        let mut places = vec![Place {
            name: "memory".to_owned(),
            hits_per_second: self.rate(|snapshot| snapshot.hits("memory")),
            hits: last.hits("memory"),
            entries: memory["entries"].as_u64(),
            size: memory["weight"].as_u64(),
            budget: memory["budget"].as_u64(),
            errors: 0,
            pending: 0,
        }];
        places.extend(last.figures.stats["tiers"].as_array().into_iter().flatten().map(|tier| {
            let name = tier["name"].as_str().unwrap_or_default();
            let of_disk = |member: &str| (name == "disk").then(|| disk[member].as_u64()).flatten();
            Place {
                name: name.to_owned(),
                hits_per_second: self.rate(|snapshot| snapshot.hits(name)),
                hits: last.hits(name),
                entries: of_disk("entries"),
                size: of_disk("bytes"),
                budget: None,
                errors: tier["errors"].as_u64().unwrap_or_default(),
                pending: tier["pending"].as_u64().unwrap_or_default(),
            }
        }));
        places
    }

    /// Returns how often memory had no answer, by cause, the most frequent first: since the start, and a second.
    pub(super) fn misses(&self) -> Vec<(String, u64, f64)> {
        let Some(last) = self.last() else { return Vec::new() };
        let causes = last.misses().into_iter().filter(|(_, number)| *number > 0);
        let mut causes: Vec<_> = causes
            .map(|(cause, number)| {
                let rate = self.rate(|snapshot| snapshot.misses().get(&cause).copied().unwrap_or_default());
                (cause, number, rate)
            })
            .collect();
        causes.sort_by_key(|(_, number, _)| std::cmp::Reverse(*number));
        causes
    }

    /// Returns each kind that was read, those read most first.
    pub(super) fn kinds(&self) -> Vec<&Value> {
        let kinds = self.last().and_then(|last| last.figures.report["kinds"].as_array());
        let read = |kind: &&Value| kind["since_start"]["reads"].as_u64().unwrap_or_default() > 0;
        kinds.into_iter().flatten().filter(read).collect()
    }

    /// Returns each provider, and its calls a second.
    pub(super) fn providers(&self) -> Vec<(&Value, f64)> {
        let providers = self.last().and_then(|last| last.figures.stats["providers"].as_array());
        let told = |provider| {
            let name = provider_name(provider);
            (provider, self.rate(|snapshot| snapshot.calls(name)))
        };
        providers.into_iter().flatten().map(told).collect()
    }

    pub(super) fn hot_keys(&self) -> Vec<&Value> {
        let keys = self.last().and_then(|last| last.figures.stats["memory"]["hottest"].as_array());
        keys.into_iter().flatten().collect()
    }
}

fn provider_name(provider: &Value) -> &str {
    provider["name"].as_str().unwrap_or_default()
}
