//! What is known of stamps by what they name, a tag or a key: bounded, and forgotten a little at a time.
//!
//! Of a name it is known up to when what it names is dead, up to when it is stale, and of each whether that is
//! all: whether no later stamp is in the tiers that this process has not heard of. A stamp that some tier may not
//! have is pinned, so that it goes last. What was forgotten raises a floor, one for each kind of stamp: for what
//! was born no later it is read anew. What was forgotten though some tier may not have it can't be read anew, and
//! concerns whatever was born no later.

use std::{
    collections::{HashMap, HashSet},
    hash::Hash,
    sync::atomic::{AtomicBool, AtomicI64, Ordering},
};

use cache_core::{Timestamp, sync::RwLock};

/// Which part of what is remembered is forgotten at once when there is no room: each name that comes costs but a
/// few that are looked at.
const FORGOTTEN_SHARE: usize = 8;

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

/// What is known of the stamps of one kind under one name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KnownStamp {
    /// [`Timestamp::MIN`] if none is known.
    pub(crate) at: Timestamp,
    /// Whether there is no later one that this process could have read.
    pub(crate) complete: bool,
    /// Some tier may not have it.
    pinned: bool,
}

/// What is known of a name, by kind of stamp.
pub(crate) type KnownStamps = [KnownStamp; 2];

const UNKNOWN: KnownStamp = KnownStamp { at: Timestamp::MIN, complete: false, pinned: false };

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
    known: RwLock<Known<K>>,
    /// How many names are remembered.
    most: usize,
    /// The latest that was raised: what was born later is concerned by none.
    newest: Latest,
    /// The latest that was forgotten: what was born later is concerned by none that isn't known.
    floor: Latest,
    /// The latest that was forgotten while some tier may not have had it.
    lost: Latest,
    /// Whether one may be pinned.
    any_pinned: AtomicBool,
}

#[derive(Debug)]
struct Known<K> {
    stamps: HashMap<K, KnownStamps>,
    /// Since when this process hears of all stamps that others make.
    since: Timestamp,
    /// How often that was interrupted.
    interruptions: u64,
}

/// Stamps that are to be read.
#[derive(Debug)]
pub(crate) struct Unknown<K> {
    pub(crate) stamps: Vec<(K, StampKind)>,
    interruptions: u64,
}

impl<K: Clone + Eq + Hash> StampStore<K> {
    /// Returns a store of `most` names, of a process that hears of what others do since `now`.
    pub(crate) fn new(most: usize, now: Timestamp) -> Self {
        Self {
            known: RwLock::new(Known { stamps: HashMap::new(), since: now, interruptions: 0 }),
            most,
            newest: Latest::default(),
            floor: Latest::default(),
            lost: Latest::default(),
            any_pinned: AtomicBool::new(false),
        }
    }

    /// Ends or marks what was born at `at` or before. The stamp is `pinned` if some tier may not have it.
    pub(crate) fn raise(&self, kind: StampKind, name: &K, at: Timestamp, pinned: bool) {
        let mut known = self.known.write();
        let since = known.since;
        let stamps = self.entry(&mut known, name);
        let stamp = &mut stamps[kind as usize];
        *stamp = KnownStamp { at: stamp.at.max(at), pinned: stamp.pinned || pinned, ..*stamp };
        // To what is dead no mark matters. But a mark says nothing of what ended it before.
        let concerned: &[StampKind] = match kind {
            StampKind::End => &StampKind::ALL,
            StampKind::Mark => &[StampKind::Mark],
        };
        for kind in concerned {
            // Whatever is not known came before, unless the stamp is of a past moment.
            stamps[*kind as usize].complete |= since <= at && self.floor.of(*kind) <= at;
        }
        drop(known);
        self.newest.raise(kind, at);
        if pinned {
            self.any_pinned.store(true, Ordering::Release);
        }
    }

    /// Notes that every tier has the stamp raised at `at`.
    pub(crate) fn unpin(&self, kind: StampKind, name: &K, at: Timestamp) {
        if let Some(stamps) = self.known.write().stamps.get_mut(name) {
            let stamp = &mut stamps[kind as usize];
            stamp.pinned &= stamp.at > at;
        }
    }

    /// Returns at most so many stamps that are pinned.
    pub(crate) fn pinned(&self, most: usize) -> Vec<(K, StampKind, Timestamp)> {
        if !self.any_pinned.swap(false, Ordering::AcqRel) {
            return Vec::new();
        }
        let known = self.known.read();
        let each = known.stamps.iter().flat_map(|(name, stamps)| {
            StampKind::ALL.into_iter().zip(stamps).map(move |(kind, stamp)| (name, kind, stamp))
        });
        let pinned = each.filter(|(.., stamp)| stamp.pinned);
        let pinned: Vec<_> =
            pinned.map(|(name, kind, stamp)| (name.clone(), kind, stamp.at)).take(most).collect();
        if !pinned.is_empty() {
            self.any_pinned.store(true, Ordering::Release);
        }
        pinned
    }

    /// Forgets the stamps that every tier has, so that they are read again, and that there are no others: messages
    /// were missed until `now`.
    pub(crate) fn forget(&self, now: Timestamp) {
        let mut known = self.known.write();
        (known.since, known.interruptions) = (now, known.interruptions + 1);
        let forgotten = known.stamps.extract_if(|_, stamps| !is_pinned(stamps));
        forgotten.for_each(|(_, stamps)| self.note_forgotten(&stamps));
        known.stamps.values_mut().flatten().for_each(|stamp| stamp.complete = false);
    }

    /// Shows what is known of each name to `look`.
    pub(crate) fn look<T>(&self, look: impl FnOnce(&dyn Fn(&K) -> KnownStamps) -> T) -> T {
        let known = self.known.read();
        look(&|name| known.stamps.get(name).copied().unwrap_or([UNKNOWN; 2]))
    }

    /// Returns what is known of a name.
    pub(crate) fn of(&self, kind: StampKind, name: &K) -> KnownStamp {
        self.look(|of| of(name)[kind as usize])
    }

    /// Returns which stamps of `kinds` are to be read of these names, each once.
    pub(crate) fn unknown<'a>(&self, names: impl Iterator<Item = &'a K>, kinds: &[StampKind]) -> Unknown<K>
    where
        K: 'a,
    {
        let (known, mut seen) = (self.known.read(), HashSet::new());
        let mut stamps = Vec::new();
        for name in names.filter(|name| seen.insert(*name)) {
            let of_name = known.stamps.get(name).unwrap_or(&[UNKNOWN; 2]);
            let unknown = kinds.iter().filter(|kind| !of_name[**kind as usize].complete);
            stamps.extend(unknown.map(|kind| (name.clone(), *kind)));
        }
        Unknown { stamps, interruptions: known.interruptions }
    }

    /// Notes what all tiers together have of what was unknown. If there are no tiers, whatever was forgotten is
    /// gone for good.
    pub(crate) fn learn(&self, unknown: Unknown<K>, stamps: &[Timestamp], no_tiers: bool) {
        let gone = if no_tiers { &self.floor } else { &self.lost };
        let mut known = self.known.write();
        // What was missed meanwhile may not have been there yet when they were read.
        let complete = known.interruptions == unknown.interruptions;
        for ((name, kind), at) in unknown.stamps.iter().zip(stamps) {
            let stamp = &mut self.entry(&mut known, name)[*kind as usize];
            stamp.at = stamp.at.max(*at).max(gone.of(*kind));
            stamp.complete |= complete;
        }
    }

    /// Returns the latest stamp of this kind that was raised.
    #[inline]
    pub(crate) fn newest(&self, kind: StampKind) -> Timestamp {
        self.newest.of(kind)
    }

    /// Returns the latest stamp of this kind that was forgotten.
    #[inline]
    pub(crate) fn floor(&self, kind: StampKind) -> Timestamp {
        self.floor.of(kind)
    }

    /// Returns what is known of a name, for which there is room.
    fn entry<'a>(&self, known: &'a mut Known<K>, name: &K) -> &'a mut KnownStamps {
        if known.stamps.len() >= self.most && !known.stamps.contains_key(name) {
            self.make_room(&mut known.stamps);
        }
        known.stamps.entry(name.clone()).or_insert([UNKNOWN; 2])
    }

    /// Forgets the oldest, of which a floor is raised the least: those that all tiers have, then the others.
    fn make_room(&self, stamps: &mut HashMap<K, KnownStamps>) {
        let age = |stamps: &KnownStamps| (is_pinned(stamps), stamps[0].at.max(stamps[1].at));
        let mut ages: Vec<_> = stamps.values().map(age).collect();
        let mut left = ages.len().div_ceil(FORGOTTEN_SHARE);
        let (_, last, _) = ages.select_nth_unstable(left - 1);
        let last = *last;
        let forgotten = stamps.extract_if(|_, stamps| {
            let goes = left > 0 && age(stamps) <= last;
            left -= usize::from(goes);
            goes
        });
        forgotten.for_each(|(_, stamps)| self.note_forgotten(&stamps));
    }

    fn note_forgotten(&self, stamps: &KnownStamps) {
        for (kind, stamp) in StampKind::ALL.into_iter().zip(stamps) {
            self.floor.raise(kind, stamp.at);
            if stamp.pinned {
                self.lost.raise(kind, stamp.at);
            }
        }
    }
}

fn is_pinned(stamps: &KnownStamps) -> bool {
    stamps.iter().any(|stamp| stamp.pinned)
}

#[cfg(test)]
mod tests;
