//! What memory holds: by kind, with the time that is left to live, and the keys read most.

use std::{cmp::Reverse, collections::BTreeMap, time::Duration};

use cache_core::{CacheFigures, Key, Meta, Timestamp};
use serde::Serialize;

/// The spans by which the time left is told apart, in seconds; what lives longer comes after them.
const SPANS: [u64; 8] = [0, 60, 300, 900, 3600, 4 * 3600, 12 * 3600, 24 * 3600];

/// How many of the keys read most are told.
const HOT_KEYS: usize = 20;

/// What memory holds.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct MemoryReport {
    /// The greatest weight that all entries together may have.
    pub budget: u64,
    /// Whether weights are bytes; else each entry weighs one.
    pub weighs_bytes: bool,
    /// All of it.
    pub all: EntryTotals,
    /// Each kind, the heaviest first.
    pub kinds: Vec<MemoryKindReport>,
    /// The keys read most of late, the hottest first. Shares and reads are estimates.
    pub hot_keys: Vec<HotKeyReport>,
}

/// What memory holds of a kind.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct MemoryKindReport {
    /// The kind.
    pub kind: String,
    /// What it holds of it.
    #[serde(flatten)]
    pub held: EntryTotals,
}

/// What memory holds, and when it will be freed if it is not renewed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct EntryTotals {
    /// The entries.
    pub entries: u64,
    /// Their weight.
    pub weight: u64,
    /// Those of them whose life is over and whose grace is not.
    pub stale: u64,
    /// How much dies when, the next first: no entry is in two of them.
    pub dies: Vec<ExpiringEntries>,
}

/// What dies within a span, and not within the one before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ExpiringEntries {
    /// The span, in seconds from now: 0 for what is dead; `None` for what lives longer than a day.
    pub within_s: Option<u64>,
    /// The entries.
    pub entries: u64,
    /// Their weight.
    pub weight: u64,
}

/// A key that is read often.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct HotKeyReport {
    /// The key, written `kind:id`, without the namespace.
    pub key: String,
    /// An estimate of its share of the latest reads.
    pub estimated_share: f64,
    /// An estimate of its reads.
    pub estimated_reads: u64,
}

impl MemoryReport {
    /// Asks a cache.
    pub(crate) fn of(cache: &dyn CacheFigures, now: Timestamp, kind_of: impl Fn(&str) -> String) -> Self {
        let mut kinds: BTreeMap<String, EntryTotals> = BTreeMap::new();
        let mut all = EntryTotals::empty();
        cache.held(&mut |key, meta, weight| {
            // The cache's own entries are no kind that anybody asks for.
            if !key.is_reserved() {
                all.add(meta, weight, now);
                kinds.entry(kind_of(key.kind())).or_insert_with(EntryTotals::empty).add(meta, weight, now);
            }
        });
        let mut kinds: Vec<_> =
            kinds.into_iter().map(|(kind, held)| MemoryKindReport { kind, held }).collect();
        kinds.sort_by_key(|kind| Reverse(kind.held.weight));
        let mut hot_keys = Vec::new();
        cache.hottest(HOT_KEYS, &mut |key, share, reads| {
            // As keys are written in patterns, and where a cache is asked for them.
            let key = Key::bare_text(key.as_str(), cache.namespace()).unwrap_or(key.as_str()).to_owned();
            hot_keys.push(HotKeyReport { key, estimated_share: share, estimated_reads: reads });
        });
        Self { budget: cache.budget(), weighs_bytes: cache.weighs_bytes(), all, kinds, hot_keys }
    }
}

impl EntryTotals {
    fn empty() -> Self {
        let spans = SPANS.iter().map(|span| Some(*span)).chain([None]);
        let dies = spans.map(|within_s| ExpiringEntries { within_s, ..ExpiringEntries::default() }).collect();
        Self { dies, ..Self::default() }
    }

    fn add(&mut self, meta: &Meta, weight: u64, now: Timestamp) {
        self.entries += 1;
        self.weight += weight;
        self.stale += u64::from(meta.stale_at <= now && now < meta.dead_at);
        let left = meta.dead_at.since(now);
        let at = SPANS.iter().position(|span| left <= Duration::from_secs(*span)).unwrap_or(SPANS.len());
        let dying = &mut self.dies[at];
        dying.entries += 1;
        dying.weight += weight;
    }
}
