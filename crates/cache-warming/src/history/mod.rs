//! The access history: which keys are asked for, how often and when, learnt as an observer of a cache.
//!
//! A request costs one atomic addition. Once in a while, as by a tick of [`Warming`](crate::Warming), the counts
//! are settled: taken into what is remembered of each key, all of whose requests of that time count as if they
//! had come at its end.

mod announced;
pub(crate) mod co_access;
pub(crate) mod counts;
pub(crate) mod profile;
pub(crate) mod record;
pub(crate) mod records;
pub(crate) mod saved;
mod shared_counts;
pub(crate) mod stream;
mod successors;

use std::{
    fmt,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
};

use cache_core::{
    Clock, Event, Key, Observer, Timestamp,
    sync::{Mutex, RwLock},
};

use self::{
    co_access::CoAccess,
    counts::{Counts, MAX_PLACES},
    profile::LocalHour,
    records::Records,
    saved::SavedHistory,
    shared_counts::SharedCounts,
};
use crate::predictor::Predictor;

/// How many requests of keys that are not known, and how many misses, are noted between two settlements.
const MOST_NOTED: usize = 4096;

/// How many keys are tracked unless something else is said.
pub(crate) const DEFAULT_MAX_TRACKED: usize = 10_000;

/// Which hour of the day and day of the week a moment is in.
pub(crate) type HourOf = dyn Fn(Timestamp) -> LocalHour + Send + Sync;

/// Which keys of a cache are asked for, how often and when, of the kinds that are
/// [covered](crate::Warming::cover). It is an [`Observer`] of the cache, and is bounded: past its most keys, those
/// that are asked for least are forgotten.
pub struct AccessHistory {
    pub(crate) clock: Clock,
    counts: SharedCounts,
    noted: Mutex<Noted>,
    /// Whether more may be noted, to be seen without the lock.
    is_noting: AtomicBool,
    records: Mutex<Records>,
    /// Misses of memory, of known keys and others.
    misses: AtomicU64,
    /// The kinds that it learns of.
    kinds: RwLock<Vec<String>>,
    hour_of: Box<HourOf>,
}

/// What was noted since the last settlement.
#[derive(Debug, Default)]
struct Noted {
    /// Requests of keys that were not known.
    arrivals: Vec<Key>,
    /// The hashes of known keys that were missed, in order.
    missed: Vec<u64>,
}

impl AccessHistory {
    pub(crate) fn new(
        clock: Clock,
        max_tracked: usize,
        co_access: usize,
        predictor: Box<dyn Predictor>,
        hour_of: Box<HourOf>,
    ) -> Self {
        let max_tracked = max_tracked.clamp(1, MAX_PLACES);
        let mut records = Records::new(max_tracked, predictor);
        records.co_access = (co_access > 0).then(|| CoAccess::new(co_access.min(max_tracked)));
        Self {
            clock,
            counts: SharedCounts::new(Counts::for_keys(0)),
            noted: Mutex::default(),
            is_noting: AtomicBool::new(true),
            records: Mutex::new(records),
            misses: AtomicU64::new(0),
            kinds: RwLock::default(),
            hour_of,
        }
    }

    /// Learns of the keys of a kind from now on.
    pub(crate) fn learn(&self, kind: &str) {
        if !self.learns(kind) {
            self.kinds.write().push(kind.to_owned());
        }
    }

    /// Whether it learns of the keys of a kind.
    pub(crate) fn learns(&self, kind: &str) -> bool {
        self.kinds.read().iter().any(|known| known == kind)
    }

    /// Makes keys known as if each had been asked for once, in place of those asked for least.
    pub(crate) fn know(&self, keys: &[&Key]) {
        self.with_settled(|records| {
            if records.know(keys, &self.counts.current()) {
                self.counts.replace(records.index());
            }
        });
    }

    /// Notes a request of a key that is not known, unless too many were noted already.
    #[cold]
    fn arrive(&self, key: &Key) {
        if self.is_noting.load(Ordering::Relaxed)
            && let Some(mut noted) = self.noted.try_lock()
        {
            noted.arrivals.push(key.clone());
            self.bound(&noted);
        }
    }

    fn miss(&self, key: &Key) {
        self.misses.fetch_add(1, Ordering::Relaxed);
        if !self.counts_hit(key.hash()) {
            self.arrive(key);
        } else if self.is_noting.load(Ordering::Relaxed) {
            let mut noted = self.noted.lock();
            noted.missed.push(key.hash());
            self.bound(&noted);
        }
    }

    fn bound(&self, noted: &Noted) {
        if noted.arrivals.len() + noted.missed.len() >= MOST_NOTED {
            self.is_noting.store(false, Ordering::Relaxed);
        }
    }

    /// Takes what was counted into what is remembered. [`Warming::tick`](crate::Warming::tick) does so.
    pub fn settle(&self) {
        self.with_settled(|_| ());
    }

    /// Returns what `use_of` makes of what is remembered, up to now.
    pub(crate) fn with_settled<T>(&self, use_of: impl FnOnce(&mut Records) -> T) -> T {
        let now = self.clock.now();
        let mut records = self.records.lock();
        records.begin(now, (self.hour_of)(now));
        let noted = std::mem::take(&mut *self.noted.lock());
        self.is_noting.store(true, Ordering::Relaxed);
        let counts = self.counts.current();
        let missed: Vec<usize> = noted.missed.iter().filter_map(|hash| counts.place(*hash)).collect();
        records.missed(&missed);
        let mut asked = Vec::new();
        counts.take(|place, times| asked.push((place, times)));
        let known: u64 = asked.iter().map(|(_, times)| u64::from(*times)).sum();
        records.begin_taking(known + noted.arrivals.len() as u64);
        asked.into_iter().for_each(|(place, times)| records.asked(place, times));
        if records.admit(noted.arrivals, &counts) {
            self.counts.replace(records.index());
            // What was counted meanwhile in the old one is lost: as a rule, nothing.
        }
        records.settled();
        use_of(&mut records)
    }

    /// Returns what `use_of` makes of what is remembered, up to the last settlement.
    pub(crate) fn with<T>(&self, use_of: impl FnOnce(&mut Records) -> T) -> T {
        use_of(&mut self.records.lock())
    }

    /// Makes keys known that were fetched before anybody asked for them, so that it is known what becomes of them.
    pub(crate) fn track<'a>(&self, keys: impl Iterator<Item = &'a Key>) {
        let unknown: Vec<&Key> = keys.filter(|key| self.place(key).is_none()).collect();
        if unknown.is_empty() {
            return;
        }
        self.with_settled(|records| {
            if records.track(&unknown, &self.counts.current()) {
                self.counts.replace(records.index());
            }
        });
    }

    /// Returns the place of the record of a key.
    pub(crate) fn place(&self, key: &Key) -> Option<usize> {
        self.counts.with(|counts| counts.place(key.hash()))
    }

    /// Returns what is to be kept across restarts, of at most so many keys: those asked for most.
    #[must_use]
    pub fn saved(&self, most: usize) -> SavedHistory {
        self.with_settled(|records| records.saved(most))
    }

    /// Takes what was kept, besides what is known by now.
    pub fn restore(&self, saved: &SavedHistory) {
        self.with_settled(|records| {
            records.restore(saved, &self.counts.current());
            self.counts.replace(records.index());
        });
    }

    /// Returns how many reads memory could not answer.
    #[must_use]
    pub fn misses(&self) -> u64 {
        self.misses.load(Ordering::Relaxed)
    }

    /// Returns how many keys are remembered.
    #[must_use]
    pub fn tracked(&self) -> usize {
        self.records.lock().len()
    }
}

impl Observer for AccessHistory {
    fn on(&self, event: &Event<'_>) {
        match event {
            Event::Hit { key, source: "memory", .. }
                if !self.counts_hit(key.hash()) && self.learns(key.kind()) =>
            {
                self.arrive(key);
            }
            // A hit of a tier follows a miss of memory.
            Event::Miss { key, source: "memory", .. } if self.learns(key.kind()) => self.miss(key),
            _ => {}
        }
    }

    #[inline]
    fn counts_hit(&self, hash: u64) -> bool {
        self.counts.with(|counts| counts.count(hash))
    }
}

impl fmt::Debug for AccessHistory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessHistory").field("tracked", &self.tracked()).finish_non_exhaustive()
    }
}

/// The second that a moment is in, since 1970.
pub(crate) fn seconds(at: Timestamp) -> u32 {
    u32::try_from(at.as_micros() / 1_000_000).unwrap_or(if at.as_micros() < 0 { 0 } else { u32::MAX })
}
