//! What a tier could not take: bounded, the newest of each key, written once the tier works again.
//!
//! Until then it is laid over what the tier answers: an entry from before a pending write is not served,
//! and one that is pending is. A write that is given up is lost, but what came before it stays unserved.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use cache_core::{
    Entry, Key, Meta, Pattern, Target, Timestamp, Tombstone,
    envelope::Record,
    message::Change,
    sync::{Mutex, MutexGuard},
};

use super::{
    pending::{Pending, kind_of},
    replay::PendingWrite,
};

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
                self.change(|pending| pending.add_pattern(pattern, tombstone, &self.all));
                Vec::new()
            }
        }
    }

    fn add(&self, records: impl Iterator<Item = (Key, Record)>) -> Vec<Key> {
        let lost = self.change(|pending| {
            let mut lost = Vec::new();
            for (key, record) in records {
                pending.add(key, record);
                lost.extend(pending.shrink(&self.all));
            }
            lost
        });
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
            *answer = pending.overlay(key, answer.take());
        }
    }

    /// Whether an entry of `key` born at `born` is pending, or was refused and is still served from here.
    pub(crate) fn has_entry(&self, key: &Key, born: Timestamp) -> bool {
        !self.is_empty() && self.pending.lock().has_entry(key, born)
    }

    /// Notes that another tier took the entry of `key` born at `born`.
    pub(crate) fn note_stored_elsewhere(&self, key: &Key, born: Timestamp) {
        self.change_any(|pending| pending.note_stored_elsewhere(key, born));
    }

    /// Whether the entry of `key` born at `born` is pending, and another tier took it.
    pub(crate) fn is_stored_elsewhere(&self, key: &Key, born: Timestamp) -> bool {
        !self.is_empty() && self.pending.lock().is_stored_elsewhere(key, born)
    }

    /// Returns at most `most` writes of keys from number `after` on, and the number to go on from. An entry that
    /// has died meanwhile is pending as a removal.
    pub(crate) fn batch(&self, after: u64, most: usize, now: Timestamp) -> (Vec<PendingWrite>, u64) {
        self.change(|pending| {
            pending.drop_dead(now);
            pending.batch(after, most, now)
        })
    }

    /// Makes removals of entries that have died, and forgets those that the tier refused.
    pub(crate) fn drop_dead(&self, now: Timestamp) {
        self.change_any(|pending| pending.drop_dead(now));
    }

    /// Notes that the tier has taken a write of `key` born at `born`.
    pub(crate) fn done(&self, key: &Key, born: Timestamp) {
        self.change_any(|pending| pending.done(key, born));
    }

    /// Notes that the tier holds nothing of `key` from before `born`.
    pub(crate) fn done_older(&self, key: &Key, born: Timestamp) {
        self.change_any(|pending| pending.done_older(key, born));
    }

    /// Notes that the tier has done a removal by pattern. What that ended is no longer pending.
    pub(crate) fn done_matching(&self, pattern: &Pattern, tombstone: Tombstone) {
        self.change_any(|pending| pending.done_matching(pattern, tombstone));
    }

    /// Makes removals of what is pending and was ended by another node.
    pub(crate) fn end(&self, target: Target<'_>, tombstone: Tombstone) {
        self.change_any(|pending| match target {
            Target::Keys(keys) => keys.iter().for_each(|key| pending.end(key, tombstone)),
            Target::Matching(pattern) => pending.end_matching(pattern, tombstone),
        });
    }

    /// As [`RetryQueue::end`] for the entries that are `concerned`.
    pub(crate) fn end_where(&self, concerned: &dyn Fn(&Key, &Meta) -> bool, tombstone: Tombstone) {
        self.change_any(|pending| pending.end_where(concerned, tombstone));
    }

    /// Notes that a write failed while the tier takes others. Returns the key if that happened so often that
    /// an entry is dropped.
    pub(crate) fn failed(&self, key: &Key, now: Timestamp) -> Option<Key> {
        let dropped = self.change(|pending| pending.failed(key, now));
        self.lost.fetch_add(u64::from(dropped), Ordering::Relaxed);
        dropped.then(|| key.clone())
    }

    /// Notes that the tier refused an entry for good; `ended` says that it holds nothing older. Returns the key
    /// if the entry was pending, and is lost to the tier by that.
    pub(crate) fn refused(&self, key: &Key, born: Timestamp, ended: bool) -> Option<Key> {
        let pending = self.change(|pending| {
            if !ended {
                pending.end_older(key, born);
            }
            let was_pending = pending.refused(key, born);
            pending.shrink(&self.all);
            was_pending
        });
        self.lost.fetch_add(u64::from(pending), Ordering::Relaxed);
        pending.then(|| key.clone())
    }

    /// Returns the removals by pattern that are pending.
    pub(crate) fn owed_patterns(&self) -> Vec<(Pattern, Tombstone)> {
        if self.is_empty() { Vec::new() } else { self.pending.lock().patterns.clone() }
    }

    /// Whether a removal of what matches and was born by `born` is pending, or one of more.
    pub(crate) fn owes(&self, pattern: &Pattern, born: Timestamp) -> bool {
        let owed = self.owed_patterns();
        owed.iter().any(|(known, end)| {
            end.born >= born
                && (known == pattern || *known == self.all || *known == kind_of(pattern, &self.all))
        })
    }

    /// Returns how many writes that were given up became removals of a whole kind since this was last asked.
    pub(crate) fn take_folded(&self) -> u64 {
        if self.is_empty() { 0 } else { std::mem::take(&mut self.pending.lock().folded) }
    }

    /// Whether nothing is laid over the tier's answers.
    pub(crate) fn is_empty(&self) -> bool {
        !self.any.load(Ordering::Acquire)
    }

    /// Whether the tier is to be sent something.
    pub(crate) fn is_due(&self) -> bool {
        !self.is_empty() && self.pending.lock().is_due()
    }

    /// Returns what other nodes must not take from the tier, and to remember so until `dead_at`.
    pub(crate) fn owed(&self, dead_at: Timestamp) -> Vec<Change> {
        self.pending.lock().owed(dead_at)
    }

    /// Returns how many keys and patterns are pending.
    pub(crate) fn len(&self) -> u64 {
        self.pending.lock().unsent() as u64
    }

    /// Counts what is pending as lost, and returns its keys and how many patterns; `None` if nothing is.
    pub(crate) fn lose_all(&self) -> Option<(Vec<Key>, usize)> {
        let (keys, patterns) = self.pending.lock().unsent_keys();
        self.lost.fetch_add((keys.len() + patterns) as u64, Ordering::Relaxed);
        (!keys.is_empty() || patterns > 0).then_some((keys, patterns))
    }

    /// Returns how many writes were dropped since the start.
    pub(crate) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    fn change_any(&self, change: impl FnOnce(&mut Pending)) {
        if !self.is_empty() {
            self.change(change);
        }
    }

    fn change<T>(&self, change: impl FnOnce(&mut Pending) -> T) -> T {
        let mut pending: MutexGuard<'_, Pending> = self.pending.lock();
        let outcome = change(&mut pending);
        self.any.store(!pending.is_empty(), Ordering::Release);
        outcome
    }
}
