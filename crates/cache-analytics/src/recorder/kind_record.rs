//! What is recorded of a kind.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use cache_core::{
    Timestamp,
    sync::{Mutex, RwLock},
};

use super::{
    cause::MissCause,
    counters::{Counters, Measure, Totals},
    exported::ExportedTimes,
    latency::Durations,
    phases::{PhaseRefreshes, Phases},
    windows::{Hour, Windows},
};

/// What is recorded of a kind, or of all kinds beyond the most.
#[derive(Debug)]
pub(crate) struct KindRecord {
    pub(crate) kind: String,
    pub(super) counters: Counters,
    /// How many reads the cache itself says that memory answered, and how many it had said at the last reset.
    memory_hits: AtomicU64,
    memory_hits_before: AtomicU64,
    windows: Mutex<Windows>,
    /// How long reads waited that memory could not answer, and how long calls took.
    pub(crate) waits: Durations,
    pub(crate) calls: Durations,
    /// The same, for whoever reads metrics.
    pub(super) times: OnceLock<ExportedTimes>,
    /// Refreshes by phase.
    phases: Mutex<Phases>,
    /// Memory and the tiers.
    sources: RwLock<Vec<Arc<SourceRecord>>>,
}

impl KindRecord {
    pub(super) fn new(kind: &str, now: Timestamp) -> Self {
        Self {
            kind: kind.to_owned(),
            counters: Counters::default(),
            memory_hits: AtomicU64::new(0),
            memory_hits_before: AtomicU64::new(0),
            windows: Mutex::new(Windows::new(now)),
            waits: Durations::default(),
            calls: Durations::default(),
            times: OnceLock::new(),
            phases: Mutex::default(),
            sources: RwLock::default(),
        }
    }

    /// Notes how long a read waited.
    pub(super) fn note_wait(&self, waited: Duration) {
        self.waits.note(waited);
        if let Some(times) = self.times.get() {
            times.reads.record(waited);
        }
    }

    /// Notes how long a call took.
    pub(super) fn note_call(&self, took: Duration) {
        self.calls.note(took);
        if let Some(times) = self.times.get() {
            times.loads.record(took);
        }
    }

    /// Notes whether a refresh in a phase brought another value.
    pub(super) fn note_phase(&self, phase: &'static str, changed: bool) {
        self.phases.lock().note(phase, changed);
    }

    /// Returns the refreshes by phase.
    pub(crate) fn phases(&self) -> Vec<PhaseRefreshes> {
        self.phases.lock().all()
    }

    /// Returns the record of memory or a tier.
    pub(super) fn source(&self, name: &'static str) -> Arc<SourceRecord> {
        let find = |sources: &[Arc<SourceRecord>]| sources.iter().find(|source| source.name == name).cloned();
        if let Some(known) = find(&self.sources.read()) {
            return known;
        }
        let mut sources = self.sources.write();
        find(&sources).unwrap_or_else(|| {
            let source = Arc::new(SourceRecord::new(name));
            sources.push(Arc::clone(&source));
            source
        })
    }

    /// Returns memory and the tiers, in the order in which they were asked first.
    pub(crate) fn sources(&self) -> Vec<Arc<SourceRecord>> {
        self.sources.read().clone()
    }

    /// Takes the hits that the cache counted by itself since it was built.
    pub(super) fn set_memory_hits(&self, hits: u64) {
        self.memory_hits.store(hits, Ordering::Relaxed);
    }

    /// Forgets the hits that the cache counted so far.
    pub(super) fn begin_memory_hits(&self, hits: u64) {
        self.memory_hits.store(hits, Ordering::Relaxed);
        self.memory_hits_before.store(hits, Ordering::Relaxed);
    }

    pub(crate) fn totals(&self) -> Totals {
        let hits = self.memory_hits.load(Ordering::Relaxed);
        let mut totals = self.counters.totals();
        totals.add(Measure::MemoryHit, hits.saturating_sub(self.memory_hits_before.load(Ordering::Relaxed)));
        totals
    }

    pub(super) fn pass(&self, now: Timestamp) {
        self.windows.lock().pass(now, self.totals());
    }

    /// Returns what was counted since the start, in the last minute and in the last hour.
    pub(crate) fn spans(&self) -> [Totals; 3] {
        let (totals, windows) = (self.totals(), self.windows.lock());
        [totals, windows.last_minute(totals), windows.last_hour(totals)]
    }

    pub(crate) fn hours(&self) -> Vec<Hour> {
        let totals = self.totals();
        self.windows.lock().hours(totals)
    }
}

/// What memory or a tier answered.
#[derive(Debug)]
pub(crate) struct SourceRecord {
    pub(crate) name: &'static str,
    pub(super) hits: AtomicU64,
    pub(super) stale: AtomicU64,
    pub(super) misses: [AtomicU64; MissCause::ALL.len()],
}

impl SourceRecord {
    fn new(name: &'static str) -> Self {
        let misses = std::array::from_fn(|_| AtomicU64::new(0));
        Self { name, hits: AtomicU64::new(0), stale: AtomicU64::new(0), misses }
    }

    pub(crate) fn hits(&self) -> u64 {
        self.hits.load(Ordering::Relaxed)
    }

    pub(crate) fn stale(&self) -> u64 {
        self.stale.load(Ordering::Relaxed)
    }

    pub(crate) fn misses(&self, cause: MissCause) -> u64 {
        self.misses[cause as usize].load(Ordering::Relaxed)
    }
}
