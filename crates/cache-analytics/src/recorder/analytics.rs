//! Analytics: an observer that counts.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, OnceLock, Weak, atomic::Ordering},
    time::Duration,
};

use cache_core::{
    CacheFigures, Clock, Error, ErrorKind, Event, Key, Observer, Outcome, Result, Timestamp,
    sync::{Mutex, RwLock},
};
use metrics::Recorder;

use super::{
    answers::AnswerTimes,
    cause::MissCause,
    counters::Measure,
    exported::{Exported, is_metric_prefix},
    kind_record::KindRecord,
    last_misses::{LastMiss, LastMisses},
    left_keys::LeftKeys,
    sample::Sample,
    surroundings::{AnalyticsBuilder, Surroundings},
};
use crate::report::{
    memory::MemoryReport,
    numbers::AnswerReport,
    trial::Trials,
    whole::{KeyGroupReport, Report, SampleReport},
};

/// How many kinds are told apart. What comes beyond them counts as [`OTHER`].
const MOST_KINDS: usize = 64;

/// The name of what comes beyond the most kinds.
const OTHER: &str = "other";

/// Records what is asked of a cache and how it answers.
///
/// It is given to the cache as an observer. A [report](Analytics::report) has all of it.
///
/// ```
/// use std::time::Duration;
/// use cache_analytics::Analytics;
/// use cache_core::{Clock, Event, Key, MissReason, Observer, Outcome};
///
/// # fn main() -> cache_core::Result<()> {
/// let analytics = Analytics::new(Clock::manual());
/// let apple = Key::new("price", "AAPL")?;
/// analytics.on(&Event::Miss { key: &apple, source: "memory", reason: MissReason::Absent });
/// let waited = Duration::from_millis(20);
/// analytics.on(&Event::Answered { key: &apple, outcome: Outcome::Loaded, waited, joined: false });
/// analytics.on(&Event::Hit { key: &apple, source: "memory", stale: false });
///
/// let report = analytics.report();
/// assert_eq!((report.since_start.reads, report.since_start.hits), (2, 1));
/// assert_eq!(report.kinds[0].sources[0].misses.never_there, 1);
/// # Ok(())
/// # }
/// ```
pub struct Analytics {
    clock: Clock,
    started: Mutex<Timestamp>,
    kinds: RwLock<Kinds>,
    left: LeftKeys,
    last_misses: LastMisses,
    answers: AnswerTimes,
    sample: Sample,
    surroundings: Surroundings,
    /// The cache, which counts hits in memory by itself.
    cache: OnceLock<Weak<dyn CacheFigures>>,
    /// Whom metrics are told, if anybody.
    exported: OnceLock<Exported>,
}

#[derive(Default)]
struct Kinds {
    records: Vec<Arc<KindRecord>>,
    by_name: HashMap<String, Arc<KindRecord>>,
}

impl Analytics {
    /// Makes one that goes by this clock, which is the cache's, with the default settings.
    #[must_use]
    pub fn new(clock: Clock) -> Arc<Self> {
        Self::builder(clock).build()
    }

    /// Returns the default settings of one that goes by this clock, to be changed and built.
    pub fn builder(clock: Clock) -> AnalyticsBuilder {
        AnalyticsBuilder::new(clock)
    }

    pub(super) fn with(clock: Clock, surroundings: Surroundings, sample: Sample) -> Self {
        Self {
            started: Mutex::new(clock.now()),
            kinds: RwLock::default(),
            left: LeftKeys::default(),
            last_misses: LastMisses::new(clock.now()),
            answers: AnswerTimes::default(),
            clock,
            sample,
            surroundings,
            cache: OnceLock::new(),
            exported: OnceLock::new(),
        }
    }

    /// Takes what the cache counted by itself, and lets time pass. To be called each few seconds; a report does
    /// it, too. Each ten minutes at most, when fewer keys are asked for than before, all entries of memory are
    /// visited to sample more of them, which may take some milliseconds.
    pub fn tick(&self) {
        self.take_counts(KindRecord::set_memory_hits);
        let now = self.clock.now();
        let records = self.records();
        records.iter().for_each(|record| record.pass(now));
        let reads = |kind: &str| {
            records.iter().find(|record| record.kind == kind).map_or(0, |record| record.totals().reads())
        };
        self.sample.tick(&reads);
        if let Some(cache) = self.cache().filter(|_| self.sample.rise()) {
            cache.held(&mut |key, meta, weight| {
                if self.sample.has(key.hash()) {
                    self.sample.learn(key, &self.kind(key.kind()).kind, meta, weight);
                }
            });
        }
    }

    /// Returns what was recorded so far.
    #[must_use]
    pub fn report(&self) -> Report {
        self.tick();
        let (started, stays) = (*self.started.lock(), self.sample.stays());
        let mut report = Report::of(started, self.clock.now(), &self.records(), &stays, &self.surroundings);
        report.answers = self.answers.all().iter().map(|from| AnswerReport::of(from)).collect();
        report.sample = SampleReport::of(self.sample.size());
        report.key_groups = self.sample.groups().into_iter().map(KeyGroupReport::of).collect();
        report
    }

    /// Returns the same with what memory holds, the keys read most, and what other budgets and lives would
    /// come to, by replaying a sample of the reads through the policy of the cache's memory. It visits every
    /// entry, and takes about a hundred milliseconds: not to be called where others wait.
    #[must_use]
    pub fn comprehensive_report(&self) -> Report {
        let mut report = self.report();
        if let Some(cache) = self.cache() {
            let kind_of = |kind: &str| self.kind(kind).kind.clone();
            report.memory = Some(MemoryReport::of(&*cache, self.clock.now(), kind_of));
            report.trials = Trials::of(&self.sample.sampled(), &*cache);
        }
        report
    }

    /// Returns why memory could last not answer a read of this key, and when, if that is remembered: of about
    /// sixteen thousand keys. The key is the cache's, with its namespace.
    #[must_use]
    pub fn last_miss(&self, key: &Key) -> Option<LastMiss> {
        self.last_misses.of(key.hash())
    }

    /// Tells what is recorded to a recorder of the crate `metrics`, such as that of Prometheus, under names that
    /// begin with `prefix`. Times are told as they come, and counts with each [publication](Self::publish), so
    /// that a hit costs nothing. Of several recorders the first is told.
    ///
    /// Labels are the kind (`data_type`), memory and the tiers (`cache_level`), and words of this crate, so there
    /// are no more of them with more keys.
    ///
    /// # Errors
    ///
    /// `Config` if `prefix` can't begin a name.
    pub fn export(&self, recorder: Arc<dyn Recorder + Send + Sync>, prefix: &str) -> Result<()> {
        if !is_metric_prefix(prefix) {
            let message = format!("{prefix:?} can't begin the name of a metric: give letters, digits and _");
            return Err(Error::new(ErrorKind::Config, "export", message));
        }
        let exported = self.exported.get_or_init(|| Exported::new(recorder, prefix));
        self.records().iter().for_each(|record| drop(record.times.set(exported.times(&record.kind))));
        Ok(())
    }

    /// Tells all counts to the recorder that was given to [`export`](Self::export), as before each time that
    /// somebody reads them. After a [reset](Self::reset) they stay until they are as high again.
    pub fn publish(&self) {
        let Some(exported) = self.exported.get() else { return };
        let report = self.report();
        let cache = self.cache().filter(|cache| cache.weighs_bytes());
        self.records().iter().for_each(|record| exported.publish(record));
        exported.publish_report(&report, cache.map(|cache| cache.weight()));
    }

    /// Forgets all that was recorded.
    pub fn reset(&self) {
        let now = self.clock.now();
        *self.kinds.write() = Kinds::default();
        self.left.clear();
        self.last_misses.clear();
        self.answers.clear();
        self.sample.reset();
        self.surroundings.reset();
        self.take_counts(KindRecord::begin_memory_hits);
        *self.started.lock() = now;
    }

    fn take_counts(&self, take: impl Fn(&KindRecord, u64)) {
        if let Some(cache) = self.cache() {
            // Kinds beyond the most are one.
            let mut hits: HashMap<String, u64> = HashMap::new();
            cache.memory_hits(&mut |kind, more| {
                *hits.entry(self.kind(kind).kind.clone()).or_default() += more
            });
            hits.iter().for_each(|(kind, hits)| take(&self.kind(kind), *hits));
        }
    }

    fn cache(&self) -> Option<Arc<dyn CacheFigures>> {
        self.cache.get().and_then(Weak::upgrade)
    }

    fn records(&self) -> Vec<Arc<KindRecord>> {
        self.kinds.read().records.clone()
    }

    /// Returns the record of a kind.
    fn kind(&self, kind: &str) -> Arc<KindRecord> {
        if let Some(known) = self.kinds.read().by_name.get(kind) {
            return Arc::clone(known);
        }
        let mut kinds = self.kinds.write();
        let name = if kinds.records.len() < MOST_KINDS { kind } else { OTHER };
        // It came meanwhile, or is that of all others.
        if let Some(known) = kinds.by_name.get(name) {
            return Arc::clone(known);
        }
        let record = Arc::new(KindRecord::new(name, self.clock.now()));
        if let Some(exported) = self.exported.get() {
            let _ = record.times.set(exported.times(name));
        }
        kinds.records.push(Arc::clone(&record));
        kinds.by_name.insert(name.to_owned(), Arc::clone(&record));
        record
    }

    fn hit(&self, key: &Key, source: &'static str, stale: bool) {
        let record = self.kind(key.kind());
        if source != "memory" {
            let source = record.source(source);
            let counted = if stale { &source.stale } else { &source.hits };
            counted.fetch_add(1, Ordering::Relaxed);
            return;
        }
        self.sample.read_in_memory(key, &record.kind);
        if stale {
            record.counters.add(Measure::MemoryStale, 1);
        }
        if self.cache.get().is_none() {
            record.counters.add(Measure::MemoryHit, 1);
        }
    }

    fn answered(&self, key: &Key, outcome: Outcome, waited: Duration, joined: bool) {
        let record = self.kind(key.kind());
        let is_answered = matches!(outcome, Outcome::Found(_) | Outcome::Stale(_) | Outcome::Loaded);
        let is_hit = matches!(outcome, Outcome::Found(_) | Outcome::Stale(_));
        self.sample.ended(key, &record.kind, is_answered, is_hit);
        let counted = match outcome {
            Outcome::Found(_) => Measure::Found,
            Outcome::Stale(_) => Measure::FoundStale,
            Outcome::Loaded => Measure::Loaded,
            Outcome::Nothing => Measure::Nothing,
            Outcome::Cancelled => Measure::Cancelled,
            _ => Measure::Failed,
        };
        record.counters.add(counted, 1);
        let micros = micros(waited);
        if joined {
            record.counters.add(Measure::Joined, 1);
            record.counters.add(Measure::JoinedMicros, micros);
            record.counters.add(Measure::JoinedMiss, u64::from(!is_hit));
        } else {
            record.counters.add(Measure::WaitedMicros, micros);
        }
        record.note_wait(waited);
        self.answers.note(outcome, waited);
    }
}

impl Observer for Analytics {
    fn on(&self, event: &Event<'_>) {
        match *event {
            Event::Hit { key, source, stale } => self.hit(key, source, stale),
            Event::Miss { key, source, reason } => {
                let left = (source == "memory").then(|| self.left.cause(key.hash())).flatten();
                let (cause, record) = (MissCause::of(reason, left), self.kind(key.kind()));
                if source == "memory" {
                    self.sample.missed(key, &record.kind);
                    self.last_misses.note(key.hash(), cause, self.clock.now());
                }
                let source = record.source(source);
                source.misses[cause as usize].fetch_add(1, Ordering::Relaxed);
            }
            Event::Answered { key, outcome, waited, joined } => {
                self.answered(key, outcome, waited, joined);
            }
            Event::Load { kind, keys, failed, took, error } => {
                let record = self.kind(kind);
                let counters = &record.counters;
                counters.add(Measure::Call, 1);
                counters.add(Measure::FailedCall, u64::from(error.is_some()));
                counters.add(Measure::CalledKey, keys as u64);
                counters.add(Measure::FailedKey, failed as u64);
                record.note_call(took);
            }
            Event::Refreshed { key, changed: Some(changed), after } => {
                let record = self.kind(key.kind());
                record.counters.add(Measure::Refreshed, 1);
                record.counters.add(Measure::Unchanged, u64::from(!changed));
                record.counters.add(Measure::RefreshedAfterMicros, micros(after));
                if let Some(phase) = self.surroundings.phase(key, self.clock.now()) {
                    record.note_phase(phase, changed);
                }
            }
            Event::Put { key } => self.kind(key.kind()).counters.add(Measure::Put, 1),
            Event::Stored { key, meta, weight } if self.sample.has(key.hash()) => {
                self.sample.stored(key, &self.kind(key.kind()).kind, meta, weight);
            }
            Event::Evicted { key, cause } => {
                if let Some(cause) = MissCause::after(cause) {
                    self.left.note(key.hash(), cause);
                }
                let record = self.kind(key.kind());
                self.sample.left(key, &record.kind, cause);
                if let Some(counted) = Measure::left(cause) {
                    record.counters.add(counted, 1);
                }
            }
            _ => {}
        }
    }

    /// Hits in memory are taken from what the cache counts by itself.
    #[inline]
    fn counts_hit(&self, hash: u64) -> bool {
        let is_counted = self.cache.get().is_some();
        if is_counted {
            self.sample.hit(hash);
        }
        is_counted
    }

    /// Of several caches the first counts.
    fn figures_of(&self, cache: Weak<dyn CacheFigures>) {
        let _ = self.cache.set(cache);
    }
}

impl fmt::Debug for Analytics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Analytics").field("kinds", &self.kinds.read().records.len()).finish_non_exhaustive()
    }
}

fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}
