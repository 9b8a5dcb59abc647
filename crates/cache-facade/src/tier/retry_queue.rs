//! What a tier could not take: bounded, the newest of each key, written once the tier works again.
//!
//! Until then it is laid over what the tier answers: an entry from before a pending write is not served,
//! and one that is pending is.

use std::{
    collections::{BTreeMap, HashMap},
    hash::BuildHasherDefault,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
};

use cache_core::{
    Entry, Key, KeyHasher, Pattern, Target, Timestamp, Tombstone, envelope::Record, sync::Mutex,
};

/// How many keys, how many bytes of values, and how many patterns are pending at most.
const MAX_KEYS: usize = 10_000;
const MAX_BYTES: usize = 16 << 20;
const MAX_PATTERNS: usize = 256;

/// How often a write may fail while the tier takes others.
const MAX_ATTEMPTS: u32 = 5;

/// The writes that one tier could not take.
#[derive(Debug)]
pub(crate) struct RetryQueue {
    pending: Mutex<Pending>,
    /// Whether there is anything, so that reads need not take the lock if not.
    any: AtomicBool,
    lost: AtomicU64,
    /// Matches every key of the cache, which is removed when single removals are too many to remember.
    all: Pattern,
}

#[derive(Debug, Default)]
struct Pending {
    keys: HashMap<Key, PendingKey, BuildHasherDefault<KeyHasher>>,
    /// The keys of entries, and those of removals, each by number, the oldest first.
    order: [BTreeMap<u64, Key>; 2],
    patterns: Vec<(Pattern, Tombstone)>,
    next: u64,
    bytes: usize,
}

#[derive(Debug)]
struct PendingKey {
    number: u64,
    record: Record,
    failures: u32,
}

/// One write to be carried out.
#[derive(Debug)]
pub(crate) enum PendingWrite {
    Put(Key, Entry),
    Remove(Key, Tombstone),
    RemoveMatching(Pattern, Tombstone),
}

impl RetryQueue {
    /// Makes an empty queue. `all` matches every key of the cache.
    pub(crate) fn new(all: Pattern) -> Self {
        Self { pending: Mutex::default(), any: AtomicBool::new(false), lost: AtomicU64::new(0), all }
    }

    /// Adds entries that were not taken. Returns the keys whose writes are dropped because the queue is full.
    pub(crate) fn add_entries(&self, entries: &[(Key, Entry)]) -> Vec<Key> {
        self.add(entries.iter().map(|(key, entry)| (key.clone(), Record::Entry(entry.clone()))))
    }

    /// Adds a removal that was not taken. Returns the same as [`RetryQueue::add_entries`].
    pub(crate) fn add_removal(&self, target: Target<'_>, tombstone: Tombstone) -> Vec<Key> {
        match target {
            Target::Keys(keys) => {
                self.add(keys.iter().map(|key| (key.clone(), Record::Tombstone(tombstone))))
            }
            Target::Matching(pattern) => {
                let mut pending = self.pending.lock();
                if pending.patterns.len() >= MAX_PATTERNS {
                    pending.remove_all(&self.all, tombstone);
                } else {
                    pending.patterns.push((pattern.clone(), tombstone));
                }
                self.any.store(true, Ordering::Release);
                Vec::new()
            }
        }
    }

    fn add(&self, records: impl Iterator<Item = (Key, Record)>) -> Vec<Key> {
        let mut pending = self.pending.lock();
        let mut lost = Vec::new();
        for (key, record) in records {
            pending.add(key, record);
            while pending.keys.len() > MAX_KEYS || pending.bytes > MAX_BYTES {
                lost.extend(pending.make_room(&self.all));
            }
        }
        self.any.store(!pending.is_empty(), Ordering::Release);
        self.lost.fetch_add(lost.len() as u64, Ordering::Relaxed);
        lost
    }

    /// Lays what is pending over the tier's answers.
    pub(crate) fn overlay(&self, keys: &[Key], answers: &mut [Option<Entry>]) {
        if self.is_empty() {
            return;
        }
        let pending = self.pending.lock();
        for (key, answer) in keys.iter().zip(answers) {
            let born = answer.as_ref().map_or(Timestamp::MIN, |entry| entry.meta.born);
            match pending.keys.get(key).map(|waiting| &waiting.record) {
                Some(Record::Entry(entry)) if entry.meta.born > born => *answer = Some(entry.clone()),
                Some(Record::Tombstone(tombstone)) if tombstone.born >= born => *answer = None,
                _ => {}
            }
            let removed = |entry: &Entry| {
                let covers = |tombstone: &Tombstone| entry.meta.born <= tombstone.born;
                pending.patterns.iter().any(|(pattern, tombstone)| covers(tombstone) && pattern.matches(key))
            };
            *answer = answer.take().filter(|entry| !removed(entry));
        }
    }

    /// Returns at most `most` writes from number `after` on, removals by pattern before all others, and the
    /// number to go on from. An entry that has died meanwhile is pending as a removal.
    pub(crate) fn batch(&self, after: u64, most: usize, now: Timestamp) -> (Vec<PendingWrite>, u64) {
        let mut pending = self.pending.lock();
        pending.drop_dead(now);
        self.any.store(!pending.is_empty(), Ordering::Release);
        let patterns = pending.patterns.iter().filter(|_| after == 0);
        let mut writes: Vec<PendingWrite> = patterns
            .map(|(pattern, tombstone)| PendingWrite::RemoveMatching(pattern.clone(), *tombstone))
            .collect();
        let numbers = pending.order.iter().flat_map(|keys| keys.range(after..).take(most));
        let mut first: Vec<(&u64, &Key)> = numbers.collect();
        first.sort_unstable_by_key(|(number, _)| **number);
        first.truncate(most);
        let next = first.last().map_or(after, |(number, _)| **number + 1);
        writes.extend(first.into_iter().filter_map(|(_, key)| {
            Some(match &pending.keys.get(key)?.record {
                Record::Entry(entry) => PendingWrite::Put(key.clone(), entry.clone()),
                Record::Tombstone(tombstone) => PendingWrite::Remove(key.clone(), *tombstone),
            })
        }));
        (writes, next)
    }

    /// Notes that the tier has taken a write of `key` born at `born`.
    pub(crate) fn done(&self, key: &Key, born: Timestamp) {
        if self.is_empty() {
            return;
        }
        let mut pending = self.pending.lock();
        if pending.keys.get(key).is_some_and(|waiting| waiting.record.born() <= born) {
            pending.take(key);
        }
        self.any.store(!pending.is_empty(), Ordering::Release);
    }

    /// Notes that the tier has done a removal by pattern. What that ended is no longer pending: the tier would
    /// refuse it only for as long as it remembers the removal.
    pub(crate) fn done_matching(&self, pattern: &Pattern, tombstone: Tombstone) {
        if self.is_empty() {
            return;
        }
        let mut pending = self.pending.lock();
        pending.patterns.retain(|(known, removal)| known != pattern || removal.born > tombstone.born);
        let ended = |(key, waiting): (&Key, &PendingKey)| {
            (waiting.record.born() <= tombstone.born && pattern.matches(key)).then(|| key.clone())
        };
        for key in pending.keys.iter().filter_map(ended).collect::<Vec<_>>() {
            pending.take(&key);
        }
        self.any.store(!pending.is_empty(), Ordering::Release);
    }

    /// Notes that a write failed while the tier takes others. Returns the key if that happened so often that
    /// the write is dropped.
    pub(crate) fn failed(&self, key: &Key) -> Option<Key> {
        let mut pending = self.pending.lock();
        let waiting = pending.keys.get_mut(key)?;
        waiting.failures += 1;
        if waiting.failures < MAX_ATTEMPTS {
            return None;
        }
        pending.take(key);
        self.any.store(!pending.is_empty(), Ordering::Release);
        self.lost.fetch_add(1, Ordering::Relaxed);
        Some(key.clone())
    }

    pub(crate) fn is_empty(&self) -> bool {
        !self.any.load(Ordering::Acquire)
    }

    /// Returns how many keys and patterns are pending.
    pub(crate) fn len(&self) -> u64 {
        let pending = self.pending.lock();
        (pending.keys.len() + pending.patterns.len()) as u64
    }

    /// Returns how many writes were dropped since the start.
    pub(crate) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }
}

impl Pending {
    fn add(&mut self, key: Key, record: Record) {
        if self.keys.get(&key).is_some_and(|waiting| waiting.record.born() >= record.born()) {
            return;
        }
        self.take(&key);
        self.next += 1;
        self.bytes += bytes(&record);
        self.order[order_of(&record)].insert(self.next, key.clone());
        self.keys.insert(key, PendingKey { number: self.next, record, failures: 0 });
    }

    fn take(&mut self, key: &Key) -> Option<PendingKey> {
        let waiting = self.keys.remove(key)?;
        self.bytes -= bytes(&waiting.record);
        self.order[order_of(&waiting.record)].remove(&waiting.number);
        Some(waiting)
    }

    /// Makes room. Drops an entry and returns its key. A removal is never dropped: if there are too many, all
    /// keys are removed instead.
    fn make_room(&mut self, all: &Pattern) -> Option<Key> {
        if let Some(key) = self.order[0].first_key_value().map(|(_, key)| key.clone()) {
            self.take(&key);
            return Some(key);
        }
        let removed: Vec<Key> = self.order[1].values().cloned().collect();
        for key in removed {
            if let Some(PendingKey { record: Record::Tombstone(tombstone), .. }) = self.take(&key) {
                self.remove_all(all, tombstone);
            }
        }
        None
    }

    /// Removes all keys, in place of single removals or patterns that are too many.
    fn remove_all(&mut self, all: &Pattern, tombstone: Tombstone) {
        let crowded = self.patterns.len() >= MAX_PATTERNS;
        let folded = self.patterns.extract_if(.., |(pattern, _)| crowded || pattern == all);
        let widest = folded.fold(tombstone, |sum, (_, removal)| Tombstone {
            born: sum.born.max(removal.born),
            dead_at: sum.dead_at.max(removal.dead_at),
        });
        self.patterns.push((all.clone(), widest));
    }

    /// Makes removals of entries that have died: what the tier holds is older still, and may be alive.
    fn drop_dead(&mut self, now: Timestamp) {
        let dead = |key: &Key| self.keys.get(key).is_some_and(|waiting| waiting.record.dead_at() <= now);
        let gone: Vec<Key> = self.order[0].values().filter(|key| dead(key)).cloned().collect();
        for key in gone {
            if let Some(waiting) = self.take(&key) {
                let born = waiting.record.born();
                self.add(key, Record::Tombstone(Tombstone { born, dead_at: waiting.record.dead_at() }));
            }
        }
    }

    fn is_empty(&self) -> bool {
        self.keys.is_empty() && self.patterns.is_empty()
    }
}

fn order_of(record: &Record) -> usize {
    usize::from(matches!(record, Record::Tombstone(_)))
}

fn bytes(record: &Record) -> usize {
    match record {
        Record::Entry(entry) => entry.value.as_ref().map_or(0, |blob| blob.bytes.len()),
        Record::Tombstone(_) => 0,
    }
}
