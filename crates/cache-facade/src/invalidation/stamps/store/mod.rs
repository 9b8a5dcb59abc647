//! What is known of stamps by what they name, a tag or a key: bounded, and forgotten a little at a time.
//!
//! Of a name it is known up to when what it names is dead, up to when it is stale, and of each whether that is
//! all: whether no later stamp is in the tiers that this process has not heard of. Names are divided among shards,
//! so that nobody waits for long.
//!
//! When there is no room the oldest go first of which nothing depends: they can be read anew, and memory was swept
//! of what they ended. Then those that memory was not swept for, which concern what it holds of all names that
//! share their hash. A stamp that some tier may not have is pinned, and goes last: it can't be read anew, and
//! concerns what tiers hold of these names.

mod forgotten;

use std::{
    collections::{HashMap, HashSet},
    hash::{BuildHasher, Hash},
    sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering},
    time::Duration,
};

use cache_core::{Clock, Timestamp, sync::RwLock};
use foldhash::fast::RandomState;

use self::forgotten::ForgottenStamps;

/// Which part of what a shard remembers is forgotten at once when there is no room: each name that comes costs but
/// a few that are looked at.
const FORGOTTEN_SHARE: usize = 8;

/// How many names a shard has room for.
const NAMES_PER_SHARD: usize = 1024;

/// How many slots there are, for each name that is remembered, for what is forgotten.
const SLOTS_PER_NAME: usize = 4;

/// What a stamp does to what was born at it or before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StampKind {
    /// It is dead.
    End,
    /// It is stale: a mark.
    Mark,
}

impl StampKind {
    pub(crate) const ALL: [Self; 2] = [Self::End, Self::Mark];
}

/// What is remembered of the stamps of one kind under one name.
#[derive(Clone, Copy, Debug)]
struct Remembered {
    /// [`Timestamp::MIN`] if none is known.
    at: Timestamp,
    /// When it came to be known: what memory is given later was compared with it.
    raised: Timestamp,
    /// Whether there is no later one that this process could have read.
    complete: bool,
    /// Some tier may not have it.
    pinned: bool,
}

const NOTHING: Remembered =
    Remembered { at: Timestamp::MIN, raised: Timestamp::MIN, complete: false, pinned: false };

/// What is known of the stamps of one kind under one name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KnownStamp {
    /// [`Timestamp::MIN`] if none is known.
    pub(crate) at: Timestamp,
    /// Whether there is no later one that this process could have read.
    pub(crate) complete: bool,
    /// If not, the latest that may have been forgotten and may concern what memory holds.
    pub(crate) floor: Timestamp,
}

/// The latest stamp that something is true of, by kind.
#[derive(Debug)]
struct Latest([AtomicI64; 2]);

impl Default for Latest {
    fn default() -> Self {
        Self([const { AtomicI64::new(Timestamp::MIN.as_micros()) }; 2])
    }
}

impl Latest {
    #[inline]
    fn of(&self, kind: StampKind) -> Timestamp {
        Timestamp::from_micros(self.0[kind as usize].load(Ordering::Acquire))
    }

    fn raise(&self, kind: StampKind, at: Timestamp) {
        self.0[kind as usize].fetch_max(at.as_micros(), Ordering::AcqRel);
    }
}

/// The stamps that this process knows, by what they name.
#[derive(Debug)]
pub(crate) struct StampStore<K> {
    shards: Box<[RwLock<Shard<K>>]>,
    hasher: RandomState,
    clock: Clock,
    /// How many names a shard remembers.
    most: usize,
    /// Since when this process hears of all stamps that others make, in microseconds.
    since: AtomicI64,
    /// How often that was interrupted. Incremented before anything is forgotten for that.
    interruptions: AtomicU64,
    /// The latest that was raised: what was born later is concerned by none.
    newest: Latest,
    /// The latest that was forgotten.
    forgotten: Latest,
    /// Memory holds nothing that stamps concern which were raised until then, in microseconds.
    swept: AtomicI64,
    /// When those were raised that were forgotten before memory was swept.
    unswept: [ForgottenStamps; 2],
    /// Those that were forgotten while some tier may not have had them.
    lost: [ForgottenStamps; 2],
    /// How many were forgotten of either sort.
    harmful: AtomicU64,
    /// Whether one may be pinned.
    any_pinned: AtomicBool,
}

type Shard<K> = HashMap<K, [Remembered; 2], RandomState>;

/// Stamps that are to be read.
#[derive(Debug)]
pub(crate) struct Unknown<K> {
    pub(crate) stamps: Vec<(K, StampKind)>,
    interruptions: u64,
}

impl<K: Clone + Eq + Hash> StampStore<K> {
    /// Returns a store of about `most` names, of a process that hears of what others do from now on.
    pub(crate) fn new(most: usize, clock: Clock) -> Self {
        let (shards, hasher) = ((most / NAMES_PER_SHARD).max(1), RandomState::default());
        let slots = || ForgottenStamps::new((most * SLOTS_PER_NAME).next_power_of_two());
        Self {
            shards: (0..shards).map(|_| RwLock::new(HashMap::with_hasher(hasher.clone()))).collect(),
            hasher,
            most: most / shards,
            since: AtomicI64::new(clock.now().as_micros()),
            interruptions: AtomicU64::new(0),
            newest: Latest::default(),
            forgotten: Latest::default(),
            swept: AtomicI64::new(Timestamp::MIN.as_micros()),
            unswept: [slots(), slots()],
            lost: [slots(), slots()],
            harmful: AtomicU64::new(0),
            any_pinned: AtomicBool::new(false),
            clock,
        }
    }

    /// Ends or marks what was born at `at` or before. The stamp is `pinned` if some tier may not have it.
    pub(crate) fn raise(&self, kind: StampKind, name: &K, at: Timestamp, pinned: bool) {
        let mut shard = self.shard(name).write();
        let raised = self.raised_now(at);
        let stamps = self.entry(&mut shard, name);
        let stamp = &mut stamps[kind as usize];
        *stamp = Remembered { at: stamp.at.max(at), raised, pinned: stamp.pinned || pinned, ..*stamp };
        // To what is dead no mark matters. But a mark says nothing of what ended it before.
        let concerned: &[StampKind] = match kind {
            StampKind::End => &StampKind::ALL,
            StampKind::Mark => &[StampKind::Mark],
        };
        let since = Timestamp::from_micros(self.since.load(Ordering::Acquire));
        for kind in concerned {
            // Whatever is not known came before, unless the stamp is of a past moment.
            stamps[*kind as usize].complete |= since <= at && self.forgotten.of(*kind) <= at;
        }
        drop(shard);
        self.newest.raise(kind, at);
        if pinned {
            self.any_pinned.store(true, Ordering::Release);
        }
    }

    /// Notes that every tier has the stamp raised at `at`.
    pub(crate) fn unpin(&self, kind: StampKind, name: &K, at: Timestamp) {
        if let Some(stamps) = self.shard(name).write().get_mut(name) {
            let stamp = &mut stamps[kind as usize];
            stamp.pinned &= stamp.at > at;
        }
    }

    /// Returns at most so many stamps that are pinned.
    pub(crate) fn pinned(&self, most: usize) -> Vec<(K, StampKind, Timestamp)> {
        if !self.any_pinned.swap(false, Ordering::AcqRel) {
            return Vec::new();
        }
        let mut pinned = Vec::new();
        for shard in &self.shards {
            let shard = shard.read();
            let each = shard.iter().flat_map(|(name, stamps)| {
                StampKind::ALL.into_iter().zip(stamps).map(move |(kind, stamp)| (name, kind, stamp))
            });
            let of_shard = each.filter(|(.., stamp)| stamp.pinned).take(most - pinned.len());
            pinned.extend(of_shard.map(|(name, kind, stamp)| (name.clone(), kind, stamp.at)));
        }
        if !pinned.is_empty() {
            self.any_pinned.store(true, Ordering::Release);
        }
        pinned
    }

    /// Forgets the stamps that every tier has, so that they are read again, and that there are no others: messages
    /// were missed until `now`.
    pub(crate) fn forget(&self, now: Timestamp) {
        self.since.fetch_max(now.as_micros(), Ordering::AcqRel);
        self.interruptions.fetch_add(1, Ordering::AcqRel);
        for shard in &self.shards {
            let mut shard = shard.write();
            let forgotten = shard.extract_if(|_, stamps| !is_pinned(stamps));
            forgotten.for_each(|(name, stamps)| {
                self.note_forgotten(&name, &stamps);
            });
            shard.values_mut().flatten().for_each(|stamp| stamp.complete = false);
        }
    }

    /// Returns what is known of a name, by kind of stamp.
    pub(crate) fn look(&self, name: &K) -> [KnownStamp; 2] {
        let hash = self.hasher.hash_one(name);
        let stamps = self.shard_of(hash).read().get(name).copied().unwrap_or([NOTHING; 2]);
        StampKind::ALL.map(|kind| {
            let Remembered { at, complete, .. } = stamps[kind as usize];
            let floor = if complete { Timestamp::MIN } else { self.floor(kind, hash) };
            KnownStamp { at, complete, floor }
        })
    }

    /// Returns what is known of a name.
    pub(crate) fn of(&self, kind: StampKind, name: &K) -> KnownStamp {
        self.look(name)[kind as usize]
    }

    /// Returns which stamps of `kinds` are to be read of these names, each once.
    pub(crate) fn unknown<'a>(&self, names: impl Iterator<Item = &'a K>, kinds: &[StampKind]) -> Unknown<K>
    where
        K: 'a,
    {
        let interruptions = self.interruptions.load(Ordering::Acquire);
        let (mut stamps, mut seen) = (Vec::new(), HashSet::new());
        for name in names.filter(|name| seen.insert(*name)) {
            let of_name = self.look(name);
            let unknown = kinds.iter().filter(|kind| !of_name[**kind as usize].complete);
            stamps.extend(unknown.map(|kind| (name.clone(), *kind)));
        }
        Unknown { stamps, interruptions }
    }

    /// Notes what all tiers together have of what was unknown.
    pub(crate) fn learn(&self, unknown: Unknown<K>, stamps: &[Timestamp]) {
        for ((name, kind), at) in unknown.stamps.iter().zip(stamps) {
            let hash = self.hasher.hash_one(name);
            let mut shard = self.shard_of(hash).write();
            let stamp = &mut self.entry(&mut shard, name)[*kind as usize];
            let at = (*at).max(self.lost[*kind as usize].of(hash));
            if stamp.at < at {
                (stamp.at, stamp.raised) = (at, self.raised_now(at));
            }
            // What was missed meanwhile may not have been there yet when they were read.
            stamp.complete |= self.interruptions.load(Ordering::Acquire) == unknown.interruptions;
        }
    }

    /// Returns the latest stamp of this kind that was raised.
    #[inline]
    pub(crate) fn newest(&self, kind: StampKind) -> Timestamp {
        self.newest.of(kind)
    }

    /// Whether so many stamps concern what memory may hold that it should be swept of what those ended and marked
    /// that were raised until `until`.
    pub(crate) fn is_sweep_due(&self, until: Timestamp) -> bool {
        let swept = self.swept();
        let concerns = |stamp: &Remembered| swept < stamp.raised && stamp.raised <= until;
        let of_shard = |shard: &RwLock<Shard<K>>| {
            shard.read().values().filter(|stamps| stamps.iter().any(concerns)).count()
        };
        self.shards.iter().map(of_shard).sum::<usize>() * FORGOTTEN_SHARE >= self.most * self.shards.len()
    }

    /// Notes that memory holds nothing that stamps concern which were raised until `until`, and will not.
    pub(crate) fn note_swept(&self, until: Timestamp) {
        self.swept.fetch_max(until.as_micros(), Ordering::AcqRel);
    }

    /// Returns how many stamps were forgotten, since this was last asked, that may end or mark more than need be.
    pub(crate) fn take_harmful(&self) -> u64 {
        self.harmful.swap(0, Ordering::Relaxed)
    }

    fn swept(&self) -> Timestamp {
        Timestamp::from_micros(self.swept.load(Ordering::Acquire))
    }

    /// When a stamp is raised that is: after the last sweep even if the clock was set back.
    fn raised_now(&self, at: Timestamp) -> Timestamp {
        at.max(self.clock.now()).max(self.swept().after(Duration::from_micros(1)))
    }

    /// Returns the latest moment at which something of this hash was raised that was forgotten, if memory was not
    /// swept since.
    fn floor(&self, kind: StampKind, hash: u64) -> Timestamp {
        let floor = self.unswept[kind as usize].of(hash);
        if floor > self.swept() { floor } else { Timestamp::MIN }
    }

    fn shard(&self, name: &K) -> &RwLock<Shard<K>> {
        self.shard_of(self.hasher.hash_one(name))
    }

    fn shard_of(&self, hash: u64) -> &RwLock<Shard<K>> {
        // By other bits than the slots of what is forgotten.
        &self.shards[(hash >> 40) as usize % self.shards.len()]
    }

    /// Returns what is remembered of a name, for which there is room.
    fn entry<'a>(&self, shard: &'a mut Shard<K>, name: &K) -> &'a mut [Remembered; 2] {
        if shard.len() >= self.most && !shard.contains_key(name) {
            self.make_room(shard);
        }
        shard.entry(name.clone()).or_insert([NOTHING; 2])
    }

    /// Forgets the oldest: first those of which nothing depends.
    fn make_room(&self, shard: &mut Shard<K>) {
        let swept = self.swept();
        let age = |stamps: &[Remembered; 2]| {
            let is_unswept = stamps.iter().any(|stamp| stamp.raised > swept);
            (is_pinned(stamps), is_unswept, stamps[0].at.max(stamps[1].at))
        };
        let mut ages: Vec<_> = shard.values().map(age).collect();
        let mut left = ages.len().div_ceil(FORGOTTEN_SHARE);
        let (_, last, _) = ages.select_nth_unstable(left - 1);
        let last = *last;
        let forgotten = shard.extract_if(|_, stamps| {
            let goes = left > 0 && age(stamps) <= last;
            left -= usize::from(goes);
            goes
        });
        let harmful = forgotten.filter(|(name, stamps)| self.note_forgotten(name, stamps)).count();
        self.harmful.fetch_add(harmful as u64, Ordering::Relaxed);
    }

    /// Notes that the stamps of a name were forgotten. Returns whether more may be dead, or stale, for that.
    fn note_forgotten(&self, name: &K, stamps: &[Remembered; 2]) -> bool {
        let (hash, swept) = (self.hasher.hash_one(name), self.swept());
        let mut harmful = false;
        let known = StampKind::ALL.into_iter().zip(stamps).filter(|(_, stamp)| stamp.at > Timestamp::MIN);
        for (kind, stamp) in known {
            self.forgotten.raise(kind, stamp.at);
            if stamp.raised > swept {
                self.unswept[kind as usize].raise(hash, stamp.raised);
                harmful = true;
            }
            if stamp.pinned {
                self.lost[kind as usize].raise(hash, stamp.at);
                harmful = true;
            }
        }
        harmful
    }
}

fn is_pinned(stamps: &[Remembered; 2]) -> bool {
    stamps.iter().any(|stamp| stamp.pinned)
}

#[cfg(test)]
mod tests;
