//! What a tier could not take: bounded, newest wins, told again once the tier is back.
//!
//! Until then it lies over what the tier answers: whatever the tier still holds from before is not
//! served, and what it should hold is.

use std::{
    collections::{BTreeMap, HashMap},
    hash::BuildHasherDefault,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use cache_core::{Entry, Key, KeyHasher, Pattern, Target, Timestamp, Tombstone, envelope::Record};

/// How many keys and how many bytes of values wait at most, and how many patterns.
const KEYS: usize = 10_000;
const BYTES: usize = 16 << 20;
const PATTERNS: usize = 256;

/// How often an item may fail by itself, the tier being well.
const ATTEMPTS: u32 = 5;

/// What one tier is owed.
#[derive(Debug)]
pub(crate) struct Backlog {
    owed: Mutex<Owed>,
    /// Whether there is anything: reads look no further if not.
    any: AtomicBool,
    lost: AtomicU64,
    /// Every key of the cache: what is removed when single removals are too many to remember.
    all: Pattern,
}

#[derive(Debug, Default)]
struct Owed {
    keys: HashMap<Key, Due, BuildHasherDefault<KeyHasher>>,
    /// Entries and removals, each by number, the oldest first.
    turns: [BTreeMap<u64, Key>; 2],
    patterns: Vec<(Pattern, Tombstone)>,
    next: u64,
    bytes: usize,
}

#[derive(Debug)]
struct Due {
    number: u64,
    record: Record,
    failed: u32,
}

/// One thing to tell the tier.
#[derive(Debug)]
pub(crate) enum Item {
    Put(Key, Entry),
    Remove(Key, Tombstone),
    RemoveMatching(Pattern, Tombstone),
}

impl Backlog {
    /// `all` matches every key of the cache.
    pub(crate) fn new(all: Pattern) -> Self {
        Self { owed: Mutex::default(), any: AtomicBool::new(false), lost: AtomicU64::new(0), all }
    }

    /// Notes entries that were not taken. Answers with the keys that are forgotten for want of room.
    pub(crate) fn owe_entries(&self, entries: &[(Key, Entry)]) -> Vec<Key> {
        self.owe(entries.iter().map(|(key, entry)| (key.clone(), Record::Entry(entry.clone()))))
    }

    /// Notes a removal that was not taken. Answers as [`Backlog::owe_entries`].
    pub(crate) fn owe_removal(&self, target: Target<'_>, tombstone: Tombstone) -> Vec<Key> {
        match target {
            Target::Keys(keys) => {
                self.owe(keys.iter().map(|key| (key.clone(), Record::Tombstone(tombstone))))
            }
            Target::Matching(pattern) => {
                let mut owed = self.owed();
                if owed.patterns.len() >= PATTERNS {
                    owed.widen(&self.all, tombstone);
                } else {
                    owed.patterns.push((pattern.clone(), tombstone));
                }
                self.any.store(true, Ordering::Release);
                Vec::new()
            }
        }
    }

    fn owe(&self, records: impl Iterator<Item = (Key, Record)>) -> Vec<Key> {
        let mut owed = self.owed();
        let mut lost = Vec::new();
        for (key, record) in records {
            owed.add(key, record);
            while owed.keys.len() > KEYS || owed.bytes > BYTES {
                lost.extend(owed.forget(&self.all));
            }
        }
        self.any.store(!owed.is_empty(), Ordering::Release);
        self.lost.fetch_add(lost.len() as u64, Ordering::Relaxed);
        lost
    }

    /// Lays what is owed over the tier's answers.
    pub(crate) fn overlay(&self, keys: &[Key], answers: &mut [Option<Entry>]) {
        if self.is_empty() {
            return;
        }
        let owed = self.owed();
        for (key, answer) in keys.iter().zip(answers) {
            let born = answer.as_ref().map_or(Timestamp::MIN, |entry| entry.meta.born);
            match owed.keys.get(key).map(|due| &due.record) {
                Some(Record::Entry(entry)) if entry.meta.born > born => *answer = Some(entry.clone()),
                Some(Record::Tombstone(tombstone)) if tombstone.born >= born => *answer = None,
                _ => {}
            }
            let removed = |entry: &Entry| {
                let covers = |stone: &Tombstone| entry.meta.born <= stone.born;
                owed.patterns.iter().any(|(pattern, stone)| covers(stone) && pattern.matches(key))
            };
            *answer = answer.take().filter(|entry| !removed(entry));
        }
    }

    /// The first items after number `after`, removals by pattern before all others, and the number to go on
    /// from. What has died meanwhile is no longer owed.
    pub(crate) fn items(&self, after: u64, most: usize, now: Timestamp) -> (Vec<Item>, u64) {
        let mut owed = self.owed();
        owed.drop_dead(now);
        self.any.store(!owed.is_empty(), Ordering::Release);
        let patterns = owed.patterns.iter().filter(|_| after == 0);
        let mut items: Vec<Item> =
            patterns.map(|(pattern, stone)| Item::RemoveMatching(pattern.clone(), *stone)).collect();
        let numbers = owed.turns.iter().flat_map(|turns| turns.range(after..).take(most));
        let mut turns: Vec<(&u64, &Key)> = numbers.collect();
        turns.sort_unstable_by_key(|(number, _)| **number);
        turns.truncate(most);
        let next = turns.last().map_or(after, |(number, _)| **number + 1);
        items.extend(turns.into_iter().filter_map(|(_, key)| {
            Some(match &owed.keys.get(key)?.record {
                Record::Entry(entry) => Item::Put(key.clone(), entry.clone()),
                Record::Tombstone(stone) => Item::Remove(key.clone(), *stone),
            })
        }));
        (items, next)
    }

    /// The tier has taken what was born then or before.
    pub(crate) fn paid(&self, key: &Key, born: Timestamp) {
        if self.is_empty() {
            return;
        }
        let mut owed = self.owed();
        if owed.keys.get(key).is_some_and(|due| due.record.born() <= born) {
            owed.take(key);
        }
        self.any.store(!owed.is_empty(), Ordering::Release);
    }

    /// The tier has done a removal by pattern. What it ended is not told any more: the tier would refuse that
    /// only for as long as it remembers the removal.
    pub(crate) fn paid_pattern(&self, pattern: &Pattern, tombstone: Tombstone) {
        if self.is_empty() {
            return;
        }
        let mut owed = self.owed();
        owed.patterns.retain(|(known, stone)| known != pattern || stone.born > tombstone.born);
        let ended = |(key, due): (&Key, &Due)| {
            (due.record.born() <= tombstone.born && pattern.matches(key)).then(|| key.clone())
        };
        for key in owed.keys.iter().filter_map(ended).collect::<Vec<_>>() {
            owed.take(&key);
        }
        self.any.store(!owed.is_empty(), Ordering::Release);
    }

    /// An item failed though the tier is well. One that did so too often is forgotten: then it is answered.
    pub(crate) fn failed(&self, key: &Key) -> Option<Key> {
        let mut owed = self.owed();
        let due = owed.keys.get_mut(key)?;
        due.failed += 1;
        if due.failed < ATTEMPTS {
            return None;
        }
        owed.take(key);
        self.any.store(!owed.is_empty(), Ordering::Release);
        self.lost.fetch_add(1, Ordering::Relaxed);
        Some(key.clone())
    }

    pub(crate) fn is_empty(&self) -> bool {
        !self.any.load(Ordering::Acquire)
    }

    /// How many keys and patterns are owed.
    pub(crate) fn len(&self) -> u64 {
        let owed = self.owed();
        (owed.keys.len() + owed.patterns.len()) as u64
    }

    /// How many entries were forgotten since the start.
    pub(crate) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    fn owed(&self) -> MutexGuard<'_, Owed> {
        self.owed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Owed {
    fn add(&mut self, key: Key, record: Record) {
        if self.keys.get(&key).is_some_and(|due| due.record.born() >= record.born()) {
            return;
        }
        self.take(&key);
        self.next += 1;
        self.bytes += bytes(&record);
        self.turns[turn(&record)].insert(self.next, key.clone());
        self.keys.insert(key, Due { number: self.next, record, failed: 0 });
    }

    fn take(&mut self, key: &Key) -> Option<Due> {
        let due = self.keys.remove(key)?;
        self.bytes -= bytes(&due.record);
        self.turns[turn(&due.record)].remove(&due.number);
        Some(due)
    }

    /// Makes room. An entry is forgotten, and answered; a removal never: it is done to more keys than it
    /// was meant for instead.
    fn forget(&mut self, all: &Pattern) -> Option<Key> {
        if let Some(key) = self.turns[0].first_key_value().map(|(_, key)| key.clone()) {
            self.take(&key);
            return Some(key);
        }
        let removed: Vec<Key> = self.turns[1].values().cloned().collect();
        for key in removed {
            if let Some(Due { record: Record::Tombstone(stone), .. }) = self.take(&key) {
                self.widen(all, stone);
            }
        }
        None
    }

    /// Removes all keys where single removals, or patterns, are too many.
    fn widen(&mut self, all: &Pattern, tombstone: Tombstone) {
        let crowded = self.patterns.len() >= PATTERNS;
        let folded = self.patterns.extract_if(.., |(pattern, _)| crowded || pattern == all);
        let widest = folded.fold(tombstone, |sum, (_, stone)| Tombstone {
            born: sum.born.max(stone.born),
            dead_at: sum.dead_at.max(stone.dead_at),
        });
        self.patterns.push((all.clone(), widest));
    }

    /// Entries that have died need not be told. Removals need: what they remove may live on.
    fn drop_dead(&mut self, now: Timestamp) {
        let dead = |key: &Key| self.keys.get(key).is_some_and(|due| due.record.dead_at() <= now);
        let gone: Vec<Key> = self.turns[0].values().filter(|key| dead(key)).cloned().collect();
        for key in gone {
            // What the tier holds is older still, and may be alive.
            if let Some(due) = self.take(&key) {
                let born = due.record.born();
                self.add(key, Record::Tombstone(Tombstone { born, dead_at: due.record.dead_at() }));
            }
        }
    }

    fn is_empty(&self) -> bool {
        self.keys.is_empty() && self.patterns.is_empty()
    }
}

fn turn(record: &Record) -> usize {
    usize::from(matches!(record, Record::Tombstone(_)))
}

fn bytes(record: &Record) -> usize {
    match record {
        Record::Entry(entry) => entry.value.as_ref().map_or(0, |blob| blob.bytes.len()),
        Record::Tombstone(_) => 0,
    }
}
