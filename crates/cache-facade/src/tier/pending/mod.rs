//! What is pending for one tier: the newest write of each key, bounded, and what is kept of those given up.

mod given_up;
mod pending_key;

use std::{
    collections::{BTreeMap, HashMap},
    hash::BuildHasherDefault,
    mem,
};

use cache_core::{
    Entry, Key, KeyHasher, Meta, Pattern, Timestamp, Tombstone, envelope::Record, message::Change,
};

use self::{
    given_up::GivenUpWrites,
    pending_key::{CLASSES, Class, PendingKey},
};
use super::replay::PendingWrite;
use crate::write::in_progress::TICK;

/// How many keys, how many bytes of values, how many stamps, and how many patterns are pending at most.
const MAX_KEYS: usize = 10_000;
const MAX_STAMPS: usize = 65_536;
const MAX_BYTES: usize = 16 << 20;
const MAX_PATTERNS: usize = 256;

/// How often a write may fail while the tier takes others.
const MAX_ATTEMPTS: u32 = 5;

/// The writes that one tier could not take.
#[derive(Debug, Default)]
pub(super) struct Pending {
    keys: HashMap<Key, PendingKey, BuildHasherDefault<KeyHasher>>,
    /// The keys of each [`Class`] by number, the oldest first.
    order: [BTreeMap<u64, Key>; CLASSES],
    pub(super) patterns: Vec<(Pattern, Tombstone)>,
    /// The keys whose write was given up. What the tier holds from before it must not be served.
    given_up: GivenUpWrites,
    /// How many of them became removals of a whole kind, or of all.
    pub(super) folded: u64,
    next: u64,
    bytes: usize,
}

impl Pending {
    /// Adds a write, unless one of the key is pending that was born no earlier. A removal ends what was born at
    /// the same moment.
    pub(super) fn add(&mut self, key: Key, record: Record) {
        let wins = |waiting: &PendingKey| match (&waiting.record, &record) {
            (Record::Entry(entry), Record::Tombstone(tombstone)) => entry.meta.born > tombstone.born,
            _ => waiting.record.born() >= record.born(),
        };
        if self.keys.get(&key).is_some_and(wins) {
            return;
        }
        self.take(&key);
        self.insert(key, record, false);
    }

    fn insert(&mut self, key: Key, record: Record, refused: bool) {
        self.next += 1;
        self.bytes += bytes(&record);
        let waiting = PendingKey { number: self.next, record, failures: 0, refused, stored_elsewhere: false };
        self.order[waiting.class(&key) as usize].insert(self.next, key.clone());
        self.keys.insert(key, waiting);
    }

    fn take(&mut self, key: &Key) -> Option<PendingKey> {
        let waiting = self.keys.remove(key)?;
        self.bytes -= bytes(&waiting.record);
        self.order[waiting.class(key) as usize].remove(&waiting.number);
        Some(waiting)
    }

    /// Drops what is too much. Returns the keys of the writes that the tier will never get. No removal is lost:
    /// those that are too many are given up, and of very many given up the oldest become removals of their kind;
    /// of very many stamps the oldest become removals of all.
    pub(super) fn shrink(&mut self, all: &Pattern) -> Vec<Key> {
        let mut lost = Vec::new();
        let mut lost_stamp = None;
        while self.stamps() > MAX_STAMPS
            && let Some(stamp) = self.first(Class::Stamp).and_then(|key| self.take(&key))
        {
            lost_stamp = lost_stamp.max(Some(stamp.record.born()));
        }
        if let Some(born) = lost_stamp {
            // Nobody knows any more what they ended: it may have been all that was born by then.
            self.folded += 1;
            self.put_pattern(all, Tombstone { born, dead_at: born });
        }
        while self.keys.len() - self.stamps() > MAX_KEYS || self.bytes > MAX_BYTES {
            if let Some(key) = self.first(Class::Refused) {
                self.take(&key);
            } else if let Some(key) = self.first(Class::Entry) {
                self.give_up(&key);
                lost.push(key);
            } else {
                let Some(key) = self.first(Class::Removal) else { break };
                let removal = self.take(&key);
                // Whoever removed a key ended what was born at that moment as well.
                removal.iter().for_each(|removal| self.end_older(&key, removal.record.born().after(TICK)));
            }
        }
        while let Some((of_kind, born)) = self.given_up.fold_oldest() {
            self.folded += 1;
            self.add_pattern(&of_kind, Tombstone { born, dead_at: born }, all);
        }
        lost
    }

    fn first(&self, class: Class) -> Option<Key> {
        self.order[class as usize].first_key_value().map(|(_, key)| key.clone())
    }

    fn stamps(&self) -> usize {
        self.order[Class::Stamp as usize].len()
    }

    /// Drops a write for good. What the tier holds from before it stays unserved, and is removed once that is
    /// possible.
    fn give_up(&mut self, key: &Key) {
        let Some(waiting) = self.take(key) else { return };
        self.end_older(key, waiting.record.born());
    }

    /// Notes that what the tier holds of `key` from before `born` must not be served.
    pub(super) fn end_older(&mut self, key: &Key, born: Timestamp) {
        if key.is_reserved() {
            return;
        }
        self.given_up.add(key, born);
    }

    /// Adds a removal by pattern. Those that are too many become removals of their kinds; of all keys only if
    /// these are too many as well.
    pub(super) fn add_pattern(&mut self, pattern: &Pattern, tombstone: Tombstone, all: &Pattern) {
        for whole in [false, true] {
            if self.patterns.len() >= MAX_PATTERNS {
                for (pattern, tombstone) in mem::take(&mut self.patterns) {
                    self.folded += 1;
                    self.put_pattern(&if whole { all.clone() } else { kind_of(&pattern, all) }, tombstone);
                }
            }
        }
        self.put_pattern(pattern, tombstone);
    }

    fn put_pattern(&mut self, pattern: &Pattern, tombstone: Tombstone) {
        match self.patterns.iter_mut().find(|(known, _)| known == pattern) {
            Some((_, known)) => {
                let (born, dead_at) = (known.born.max(tombstone.born), known.dead_at.max(tombstone.dead_at));
                *known = Tombstone { born, dead_at };
            }
            None => self.patterns.push((pattern.clone(), tombstone)),
        }
    }

    /// Makes removals of entries that have died: what the tier holds is older still, and may be alive.
    pub(super) fn drop_dead(&mut self, now: Timestamp) {
        let dead = |key: &Key| self.keys.get(key).is_some_and(|waiting| waiting.record.dead_at() <= now);
        let entries = self.order[Class::Entry as usize].values();
        let gone: Vec<Key> = entries
            .chain(self.order[Class::Stamp as usize].values())
            .chain(self.order[Class::Refused as usize].values())
            .filter(|key| dead(key))
            .cloned()
            .collect();
        for key in gone {
            match self.take(&key) {
                Some(waiting) if !waiting.refused => {
                    let born = waiting.record.born();
                    self.add(key, Record::Tombstone(Tombstone { born, dead_at: waiting.record.dead_at() }));
                }
                _ => {}
            }
        }
    }

    /// Returns what the tier is to be taken to hold of `key`, of which it answered `answer`.
    pub(super) fn overlay(&self, key: &Key, answer: Option<Entry>) -> Option<Entry> {
        let born = answer.as_ref().map_or(Timestamp::MIN, |entry| entry.meta.born);
        let answer = match self.keys.get(key).map(|waiting| &waiting.record) {
            Some(Record::Entry(entry)) if entry.meta.born > born => Some(entry.clone()),
            Some(Record::Tombstone(tombstone)) if tombstone.born >= born => None,
            _ => answer,
        };
        let removed = |entry: &Entry| {
            let born = entry.meta.born;
            self.given_up.ends(key, born)
                || self.patterns.iter().any(|(pattern, end)| born <= end.born && pattern.matches(key))
        };
        answer.filter(|entry| !removed(entry))
    }

    /// Whether an entry of `key` born at `born` is pending, or was refused and is still served.
    pub(super) fn has_entry(&self, key: &Key, born: Timestamp) -> bool {
        self.keys
            .get(key)
            .is_some_and(|waiting| matches!(&waiting.record, Record::Entry(entry) if entry.meta.born == born))
    }

    /// Notes that another tier took the entry of `key` born at `born`.
    pub(super) fn note_stored_elsewhere(&mut self, key: &Key, born: Timestamp) {
        if self.has_entry(key, born)
            && let Some(waiting) = self.keys.get_mut(key)
        {
            waiting.stored_elsewhere = true;
        }
    }

    /// Whether the entry of `key` born at `born` is pending, and another tier took it.
    pub(super) fn is_stored_elsewhere(&self, key: &Key, born: Timestamp) -> bool {
        self.has_entry(key, born) && self.keys.get(key).is_some_and(|waiting| waiting.stored_elsewhere)
    }

    /// Returns at most `most` writes of keys from number `after` on, and the number to go on from. With the first
    /// come removals of what came before writes that were given up.
    pub(super) fn batch(&self, after: u64, most: usize, now: Timestamp) -> (Vec<PendingWrite>, u64) {
        let mut writes = Vec::new();
        if after == 0 {
            let due = self.given_up.due(now);
            writes.extend(due.map(|(key, born)| PendingWrite::RemoveOlder(key.clone(), born)));
        }
        let classes = [Class::Entry, Class::Removal, Class::Stamp].map(|class| &self.order[class as usize]);
        let mut first: Vec<(&u64, &Key)> =
            classes.iter().flat_map(|keys| keys.range(after..).take(most)).collect();
        first.sort_unstable_by_key(|(number, _)| **number);
        first.truncate(most);
        let next = first.last().map_or(after, |(number, _)| **number + 1);
        writes.extend(first.into_iter().filter_map(|(_, key)| {
            Some(match &self.keys.get(key)?.record {
                Record::Entry(entry) => PendingWrite::Put(key.clone(), entry.clone()),
                Record::Tombstone(tombstone) => PendingWrite::Remove(key.clone(), *tombstone),
            })
        }));
        (writes, next)
    }

    /// Notes that the tier has a write of `key` born at `born`, or something newer.
    pub(super) fn done(&mut self, key: &Key, born: Timestamp) {
        if self.keys.get(key).is_some_and(|waiting| waiting.record.born() <= born) {
            self.take(key);
        }
        self.done_older(key, born);
    }

    /// Notes that the tier holds nothing of `key` from before `born`.
    pub(super) fn done_older(&mut self, key: &Key, born: Timestamp) {
        self.given_up.done(key, born);
    }

    /// Notes that the tier has done a removal by pattern. What that ended is no longer pending: the tier would
    /// refuse it only for as long as it remembers the removal.
    pub(super) fn done_matching(&mut self, pattern: &Pattern, end: Tombstone) {
        self.patterns.retain(|(known, removal)| known != pattern || removal.born > end.born);
        let ended = |(key, waiting): (&Key, &PendingKey)| {
            (waiting.record.born() <= end.born && pattern.matches(key)).then(|| key.clone())
        };
        for key in self.keys.iter().filter_map(ended).collect::<Vec<_>>() {
            self.take(&key);
        }
        self.given_up.done_matching(pattern, end.born);
    }

    /// Makes a removal of what is pending of a key, if it was born no later than `tombstone`.
    pub(super) fn end(&mut self, key: &Key, tombstone: Tombstone) {
        if self.keys.get(key).is_some_and(|waiting| waiting.record.born() <= tombstone.born) {
            self.take(key);
            self.insert(key.clone(), Record::Tombstone(tombstone), false);
        }
    }

    /// As [`Pending::end`] for every key that matches.
    pub(super) fn end_matching(&mut self, pattern: &Pattern, tombstone: Tombstone) {
        let keys: Vec<Key> = self.keys.keys().filter(|key| pattern.matches(key)).cloned().collect();
        keys.iter().for_each(|key| self.end(key, tombstone));
    }

    /// As [`Pending::end`] for every entry that is `concerned`. The cache's own entries are left alone.
    pub(super) fn end_where(&mut self, concerned: &dyn Fn(&Key, &Meta) -> bool, tombstone: Tombstone) {
        let concerned = |(key, waiting): (&Key, &PendingKey)| match &waiting.record {
            Record::Entry(entry) => (!key.is_reserved() && concerned(key, &entry.meta)).then(|| key.clone()),
            Record::Tombstone(_) => None,
        };
        let keys: Vec<Key> = self.keys.iter().filter_map(concerned).collect();
        keys.iter().for_each(|key| self.end(key, tombstone));
    }

    /// Notes that a write failed while the tier takes others. Returns whether an entry was given up for that.
    pub(super) fn failed(&mut self, key: &Key, now: Timestamp) -> bool {
        self.given_up.failed(key, now);
        let Some(waiting) = self.keys.get_mut(key) else { return false };
        waiting.failures += 1;
        if waiting.failures < MAX_ATTEMPTS {
            return false;
        }
        let (is_entry, born) = match &waiting.record {
            Record::Entry(entry) => (true, entry.meta.born),
            // Whoever removed a key ended what was born at that moment as well.
            Record::Tombstone(tombstone) => (false, tombstone.born.after(TICK)),
        };
        self.take(key);
        self.end_older(key, born);
        is_entry
    }

    /// Notes that the tier refused a pending entry for good. It is served while it lives, as far as there is
    /// room. Returns whether it was pending.
    pub(super) fn refused(&mut self, key: &Key, born: Timestamp) -> bool {
        if !self.has_entry(key, born) {
            return false;
        }
        if let Some(waiting) = self.take(key)
            && !key.is_reserved()
        {
            self.insert(key.clone(), waiting.record, true);
            if waiting.stored_elsewhere {
                self.note_stored_elsewhere(key, born);
            }
        }
        true
    }

    /// Returns what other nodes must not take from the tier, and to remember so until `dead_at`.
    pub(super) fn owed(&self, dead_at: Timestamp) -> Vec<Change> {
        let removed =
            |key: &Key, born| Change::Removed { key: key.into(), tombstone: Tombstone { born, dead_at } };
        let waiting = self.keys.iter().filter(|(key, waiting)| !waiting.refused && !key.is_reserved());
        let waiting = waiting.map(|(key, waiting)| match &waiting.record {
            Record::Entry(entry) => {
                let tombstone = Tombstone { born: entry.meta.born.before(TICK), dead_at };
                Change::Replaced { key: key.into(), tombstone }
            }
            Record::Tombstone(tombstone) => removed(key, tombstone.born),
        });
        let given_up = self.given_up.all().map(|(key, born)| removed(key, born.before(TICK)));
        let patterns = self.patterns.iter().map(|(pattern, removal)| Change::RemovedMatching {
            pattern: pattern.to_string(),
            tombstone: Tombstone { born: removal.born, dead_at },
        });
        waiting.chain(given_up).chain(patterns).collect()
    }

    /// Returns the keys of what the tier is still to be sent, and how many patterns.
    pub(super) fn unsent_keys(&self) -> (Vec<Key>, usize) {
        let keys = self.keys.iter().filter(|(_, waiting)| !waiting.refused).map(|(key, _)| key.clone());
        (keys.collect(), self.patterns.len())
    }

    /// Returns how many writes and removals the tier is still to be sent.
    pub(super) fn unsent(&self) -> usize {
        self.keys.len() - self.order[Class::Refused as usize].len() + self.patterns.len()
    }

    /// Whether there is something to send.
    pub(super) fn is_due(&self) -> bool {
        self.unsent() > 0 || !self.given_up.is_empty()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.keys.is_empty() && self.patterns.is_empty() && self.given_up.is_empty()
    }
}

/// The pattern of the kind of all keys that match a pattern, if they have one kind; else `all`.
pub(super) fn kind_of(pattern: &Pattern, all: &Pattern) -> Pattern {
    let namespace = all.literal_prefix();
    let kind = pattern.literal_prefix().strip_prefix(namespace).and_then(|text| text.split_once(':'));
    kind.map_or_else(|| all.clone(), |(kind, _)| Pattern::starting_with(&format!("{namespace}{kind}:")))
}

fn bytes(record: &Record) -> usize {
    match record {
        Record::Entry(entry) => entry.value.as_ref().map_or(0, |blob| blob.bytes.len()),
        Record::Tombstone(_) => 0,
    }
}
