//! A sample of the keys, of bounded size: how often each is read while it is held, and a log of the reads.

pub(crate) mod access_log;
pub(crate) mod checkpoints;
pub(crate) mod groups;
pub(crate) mod keys;
mod rate;
mod repeats;
mod review;
pub(crate) mod stays;

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use cache_core::{Clock, EvictionCause, Key, Meta, Pattern, Timestamp, sync::Mutex};

use self::{
    access_log::{AccessKind, AccessLog, Logged, NOT_LOGGED},
    checkpoints::Checkpoints,
    groups::{GroupReads, Groups},
    keys::{SampledKey, SampledKeys, State, steps},
    rate::{Rate, RateChanges},
    repeats::{Owners, Repeats},
    stays::Stays,
};

/// The share of the keys that are sampled at first.
pub(crate) const DEFAULT_SAMPLE_RATE: f64 = 0.125;

/// The most keys that are remembered. Seven of eight slots of a table of 4,096.
const MOST_KEYS: usize = 3_584;

/// The least keys that are sampled further on, although the log does not reach back far.
const LEAST_KEYS: usize = 512;

/// How far back the log should reach.
const LOG_REACH: Duration = Duration::from_secs(600);

/// The sample.
#[derive(Debug)]
pub(crate) struct Sample {
    clock: Clock,
    rate: Rate,
    repeats: Repeats,
    /// Hits that came while another access was noted, and were left out.
    lost: AtomicU64,
    state: Mutex<State>,
}

/// A copy of the accesses of keys that were sampled for as long as they reach back, with what is known of the
/// keys, to be replayed.
#[derive(Debug)]
pub(crate) struct Sampled {
    pub(crate) rate: f64,
    pub(crate) begun: Timestamp,
    pub(crate) keys: SampledKeys,
    pub(crate) accesses: Vec<Logged>,
    pub(crate) checkpoints: Checkpoints,
    pub(crate) kinds: Vec<String>,
}

/// How large the sample is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct SampleSize {
    pub(crate) rate: f64,
    pub(crate) keys: usize,
    pub(crate) lost: u64,
}

impl Sample {
    pub(crate) fn new(clock: Clock, rate: f64, groups: Vec<(String, Pattern)>) -> Self {
        let state = State {
            begun: clock.now(),
            keys: SampledKeys::default(),
            log: if rate > 0.0 { AccessLog::with_room() } else { AccessLog::default() },
            kinds: Vec::new(),
            groups: Groups::new(groups),
            checkpoints: Checkpoints::default(),
            owners: Owners::default(),
            changes: RateChanges::default(),
            reviewed: 0,
        };
        let (repeats, lost) = Default::default();
        Self { clock, rate: Rate::new(rate), repeats, lost, state: Mutex::new(state) }
    }

    #[inline]
    pub(crate) fn has(&self, hash: u64) -> bool {
        self.rate.has(hash)
    }

    /// Counts a hit in memory of a key of which nothing else is told.
    #[inline]
    pub(crate) fn hit(&self, hash: u64) {
        if self.has(hash) {
            self.sampled_hit(hash);
        }
    }

    #[inline(never)]
    fn sampled_hit(&self, hash: u64) {
        if self.repeats.count(hash) {
            return;
        }
        // Nobody waits for the lock here.
        let Some(mut state) = self.state.try_lock() else {
            self.lost.fetch_add(1, Ordering::Relaxed);
            return;
        };
        if state.keys.contains_key(&hash) {
            let now = state.step(self.clock.coarse());
            self.log_read(&mut state, hash, AccessKind::Hit, now);
        }
    }

    /// Notes a read that memory answered, of which the kind is told.
    pub(crate) fn read_in_memory(&self, key: &Key, kind: &str) {
        self.note(key, kind, |state, now| self.log_read(state, key.hash(), AccessKind::Hit, now));
    }

    /// Notes that memory could not answer a read.
    pub(crate) fn missed(&self, key: &Key, kind: &str) {
        self.note(key, kind, |state, _| {
            state.keys.get_mut(&key.hash()).into_iter().for_each(|key| key.is_awaited = true);
        });
    }

    /// Notes that a read has ended which memory could not answer, whether it was answered, and whether by a tier.
    pub(crate) fn ended(&self, key: &Key, kind: &str, is_answered: bool, is_hit: bool) {
        let hash = key.hash();
        self.note(key, kind, |state, now| {
            let is_held = state.keys.get(&hash).is_some_and(|key| key.is_held);
            let access = if is_held { AccessKind::Miss } else { AccessKind::Nothing };
            self.log_read(state, hash, access, now);
            if let Some(key) = state.keys.get_mut(&hash) {
                key.reads = key.reads.saturating_add(u32::from(is_answered));
                key.is_awaited = false;
                state.groups.count(key.group, 1, is_hit, self.rate.now());
            }
        });
    }

    /// Notes that memory was given an entry.
    pub(crate) fn stored(&self, key: &Key, kind: &str, meta: &Meta, weight: u64) {
        let hash = key.hash();
        self.note(key, kind, |state, now| {
            let halvings = state.changes.halvings();
            let Some(key) = state.keys.get_mut(&hash) else { return };
            if !key.is_held {
                (key.is_held, key.held_since, key.reads) = (true, now, 0);
                key.sampled_after = Some(halvings);
            }
            key.set_entry(meta, weight);
            key.seen = now;
            let is_awaited = std::mem::take(&mut key.is_awaited);
            if !is_awaited {
                self.log(state, hash, AccessKind::Stored, now);
            }
        });
    }

    /// Notes that an entry left memory.
    pub(crate) fn left(&self, key: &Key, kind: &str, cause: EvictionCause) {
        let hash = key.hash();
        if cause == EvictionCause::Replaced {
            return;
        }
        self.note(key, kind, |state, now| {
            if cause == EvictionCause::Removed {
                self.log(state, hash, AccessKind::Removed, now);
            } else {
                self.settle(state, hash);
            }
            if let Some(key) = state.keys.get_mut(&hash).filter(|key| key.is_held) {
                key.is_held = false;
                let (kind, reads) = (usize::from(key.kind), key.reads);
                if let Some((kind, halvings)) = state.kinds.get_mut(kind).zip(key.sampled_after) {
                    kind.end(reads, cause == EvictionCause::Size, self.rate.after(halvings));
                }
            }
        });
    }

    /// Takes the hits that were counted without the lock, and notes how many reads of each kind there were.
    pub(crate) fn tick(&self, reads: &dyn Fn(&str) -> u64) {
        let mut state = self.state.lock();
        self.settle_all(&mut state);
        let now = state.step(self.clock.now());
        let State { checkpoints, kinds, log, .. } = &mut *state;
        checkpoints.forget_before(log.oldest());
        checkpoints.note(now, || kinds.iter().map(|kind| reads(&kind.name)).collect());
    }

    /// Returns how large the sample is.
    pub(crate) fn size(&self) -> SampleSize {
        let keys = self.state.lock().keys.len();
        SampleSize { rate: self.rate.now(), keys, lost: self.lost.load(Ordering::Relaxed) }
    }

    /// Returns how often entries of each kind were read while memory held them.
    pub(crate) fn stays(&self) -> Vec<(String, Stays)> {
        let mut state = self.state.lock();
        self.settle_all(&mut state);
        let (now, rate) = (state.step(self.clock.now()), self.rate.now());
        let mut stays: Vec<_> = state.kinds.iter().map(|kind| (kind.name.clone(), kind.ended)).collect();
        for key in state.keys.values().filter(|key| key.is_held) {
            if let Some((_, stays)) = stays.get_mut(usize::from(key.kind)) {
                let age = steps(now.saturating_sub(key.held_since));
                let all_the_while = key.sampled_after.map(|halvings| self.rate.after(halvings));
                stays.hold(rate, key.reads, age, all_the_while);
            }
        }
        stays
    }

    /// Returns the reads of each group.
    pub(crate) fn groups(&self) -> Vec<(String, GroupReads)> {
        let mut state = self.state.lock();
        self.settle_all(&mut state);
        state.groups.all()
    }

    /// Returns what is to be replayed.
    pub(crate) fn sampled(&self) -> Sampled {
        let mut state = self.state.lock();
        self.settle_all(&mut state);
        let (log, changes) = (state.log.clone(), state.changes.clone());
        let sampled = Sampled {
            rate: 0.0,
            begun: state.begun,
            keys: state.keys.clone(),
            accesses: Vec::new(),
            checkpoints: state.checkpoints.clone(),
            kinds: state.kinds.iter().map(|kind| kind.name.clone()).collect(),
        };
        // Hits that come meanwhile are lost.
        drop(state);
        let (accesses, rate) = self.rate.evenly_sampled(&log, &changes);
        Sampled { rate, accesses, ..sampled }
    }

    /// Forgets what was counted, but not which keys memory holds.
    pub(crate) fn reset(&self) {
        let mut state = self.state.lock();
        self.settle_all(&mut state);
        state.kinds.iter_mut().for_each(|kind| kind.ended = Stays::default());
        state.groups.reset();
        state.log.clear();
        state.checkpoints.clear();
        self.lost.store(0, Ordering::Relaxed);
        state.keys.values_mut().for_each(|key| key.logged = NOT_LOGGED);
    }

    /// Does something about a sampled key, which is known then.
    fn note(&self, key: &Key, kind: &str, then: impl FnOnce(&mut State, u32)) {
        let hash = key.hash();
        if !self.has(hash) {
            return;
        }
        let mut state = self.state.lock();
        let now = state.step(self.clock.now());
        if self.know(&mut state, key, kind, now) {
            then(&mut state, now);
        }
    }

    /// Makes a key known, if it isn't yet. Returns `false` if it is no longer sampled.
    fn know(&self, state: &mut State, key: &Key, kind: &str, now: u32) -> bool {
        let hash = key.hash();
        if state.keys.contains_key(&hash) {
            return true;
        }
        if state.keys.len() >= MOST_KEYS {
            self.make_room(state);
        }
        let is_sampled = self.has(hash);
        if is_sampled {
            let (kind, group) = (state.kind(kind), state.groups.of(key));
            state.keys.insert(hash, SampledKey::new(kind, group, now));
        }
        is_sampled
    }

    fn log_read(&self, state: &mut State, hash: u64, access: AccessKind, now: u32) {
        if let Some(key) = state.keys.get_mut(&hash) {
            key.reads = key.reads.saturating_add(u32::from(access == AccessKind::Hit));
            key.seen = now;
            if access == AccessKind::Hit {
                state.groups.count(key.group, 1, true, self.rate.now());
            }
        }
        self.log(state, hash, access, now);
        if access == AccessKind::Hit {
            let before = self.repeats.give(&mut state.owners, hash);
            self.add(state, before);
        }
    }

    /// Logs an access, after what was counted before it.
    fn log(&self, state: &mut State, hash: u64, access: AccessKind, now: u32) {
        self.settle(state, hash);
        if state.log.is_full()
            && steps(now.saturating_sub(state.log.oldest())) < LOG_REACH
            && state.keys.len() > LEAST_KEYS
        {
            self.halve(state);
        }
        let logged = state.log.push(hash, access, now);
        if let Some(key) = state.keys.get_mut(&hash) {
            key.logged = logged;
        }
    }

    fn settle(&self, state: &mut State, hash: u64) {
        let taken = self.repeats.take(&mut state.owners, hash);
        self.add(state, taken);
    }

    fn settle_all(&self, state: &mut State) {
        let taken: Vec<(u64, u32)> = self.repeats.take_all(&mut state.owners).collect();
        self.add(state, taken);
    }

    /// Adds hits that were counted without the lock to their keys.
    fn add(&self, state: &mut State, taken: impl IntoIterator<Item = (u64, u32)>) {
        let rate = self.rate.now();
        for (hash, times) in taken {
            if let Some(key) = state.keys.get_mut(&hash) {
                key.reads = key.reads.saturating_add(times);
                state.groups.count(key.group, times, true, rate);
                state.log.repeat(key.logged, times);
            }
        }
    }
}
