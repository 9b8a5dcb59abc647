//! The updates of one group that wait, in the order in which they go.
//!
//! A thousand of them have to fit into 50 KB, keys and all. So a queued update is a record of 32 bytes that holds
//! the id of its key in place. Four bytes more place it in a lane and ten find it by its key. The key itself is
//! made again when the update goes.

mod short_text;
#[cfg(test)]
mod tests;

use std::{array, cmp::Reverse, collections::VecDeque};

use cache_core::{Error, ErrorKind, Key, LookupKey, Prefix, Result};
use hashbrown::HashTable;
use slab::Slab;

use self::short_text::ShortText;
use super::priority::Priority;

/// Milliseconds since the scheduler was built.
pub(super) type Millis = u64;

/// The most milliseconds that five bytes hold: 34 years.
const MAX_MILLIS: Millis = (1 << 40) - 1;

/// The capacity below which nothing is given back before the queue is empty.
const SMALL: usize = 64;

/// What is known of an update beside its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Standing {
    /// When it was first asked for.
    pub(super) queued: Millis,
    pub(super) priority: Priority,
    /// How often it was sent and failed.
    pub(super) tries: u8,
}

#[derive(Debug)]
struct KeyRecord {
    id: ShortText,
    queued: [u8; 5],
    tries: u8,
    priority: Priority,
    /// Whether it waits for its next attempt, and so is in no lane.
    resting: bool,
}

impl KeyRecord {
    fn queued(&self) -> Millis {
        let mut bytes = [0; 8];
        bytes[..5].copy_from_slice(&self.queued);
        Millis::from_le_bytes(bytes)
    }

    fn standing(&self) -> Standing {
        Standing { queued: self.queued(), priority: self.priority, tries: self.tries }
    }
}

/// An update that failed, until its next attempt.
#[derive(Clone, Copy, Debug)]
struct Rest {
    until: Millis,
    /// By how much it may end early: what of it no source asked for.
    ours: u32,
    slot: u32,
}

/// The updates of one group that wait.
#[derive(Debug, Default)]
pub(super) struct Queue {
    /// What all the keys begin with. It is that of the first key of an empty queue.
    prefix: Option<Prefix>,
    records: Slab<KeyRecord>,
    /// Finds a record by its key.
    index: HashTable<u32>,
    /// One for each priority, the oldest first.
    lanes: [VecDeque<u32>; 4],
    resting: Vec<Rest>,
    /// How many in each lane were sent before.
    retries: [usize; 4],
}

impl Queue {
    /// Returns how many updates wait, be it for their next attempt.
    pub(super) fn len(&self) -> usize {
        self.records.len()
    }

    /// Returns how many wait for their next attempt.
    pub(super) fn resting(&self) -> usize {
        self.resting.len()
    }

    /// Returns how many of a priority wait for their batch.
    pub(super) fn ready_of(&self, priority: Priority) -> usize {
        self.lanes[priority as usize].len()
    }

    /// Returns how many wait for their batch.
    pub(super) fn ready(&self) -> usize {
        self.lanes.iter().map(VecDeque::len).sum()
    }

    /// Returns how many of a priority that wait for their batch were sent before, and failed.
    pub(super) fn ready_retries_of(&self, priority: Priority) -> usize {
        self.retries[priority as usize]
    }

    /// Returns when the oldest of a priority was asked for, of those that wait for their batch.
    pub(super) fn oldest_of(&self, priority: Priority) -> Option<Millis> {
        let slot = self.lanes[priority as usize].front()?;
        Some(self.records[*slot as usize].queued())
    }

    /// Returns when the oldest was asked for, of those that wait for their batch.
    pub(super) fn oldest(&self) -> Option<Millis> {
        Priority::ALL.into_iter().filter_map(|priority| self.oldest_of(priority)).min()
    }

    /// Returns the highest priority of those that wait for their batch, and when its oldest was asked for.
    pub(super) fn first(&self) -> Option<(Priority, Millis)> {
        let of = |priority| Some((priority, self.oldest_of(priority)?));
        Priority::ALL.into_iter().rev().find_map(of)
    }

    /// Returns when the next rest ends.
    pub(super) fn next_rest(&self) -> Option<Millis> {
        self.resting.iter().map(|rest| rest.until).min()
    }

    /// Checks that a key may be queued beside those that are: all of a queue are of one namespace.
    ///
    /// # Errors
    ///
    /// `Config` if it is of another.
    pub(super) fn check_fit(&self, key: &Key) -> Result<()> {
        if self.len() > 0 && !self.has_prefix(key) {
            let message = format!("{key} is in another namespace than the queued updates of its kind");
            return Err(Error::new(ErrorKind::Config, "schedule_update", message));
        }
        Ok(())
    }

    fn has_prefix(&self, key: &Key) -> bool {
        self.prefix.as_ref().is_some_and(|prefix| prefix.as_str() == key.prefix())
    }

    /// Queues an update that is not queued.
    ///
    /// # Errors
    ///
    /// As [`Queue::check_fit`].
    pub(super) fn insert(&mut self, key: &Key, standing: Standing) -> Result<()> {
        let slot = self.add(key, standing)?;
        self.enter(slot);
        Ok(())
    }

    /// Queues an update that failed and is not queued. It is out of its lane until then, or if it is needed early,
    /// until its source may be asked again.
    ///
    /// # Errors
    ///
    /// As [`Queue::insert`].
    pub(super) fn insert_resting(
        &mut self,
        key: &Key,
        standing: Standing,
        until: Millis,
        asked_until: Millis,
    ) -> Result<()> {
        let slot = self.add(key, standing)?;
        self.records[slot as usize].resting = true;
        let ours = u32::try_from(until.saturating_sub(asked_until)).unwrap_or(u32::MAX);
        self.resting.push(Rest { until, ours, slot });
        Ok(())
    }

    fn add(&mut self, key: &Key, standing: Standing) -> Result<u32> {
        self.check_fit(key)?;
        if !self.has_prefix(key) {
            self.prefix = Some(prefix_of(key)?);
        }
        let mut queued = [0; 5];
        queued.copy_from_slice(&standing.queued.min(MAX_MILLIS).to_le_bytes()[..5]);
        let Standing { priority, tries, .. } = standing;
        let record = KeyRecord { id: ShortText::new(key.id()), queued, tries, priority, resting: false };
        if self.records.len() == self.records.capacity() {
            self.records.reserve_exact(growth(self.records.len()));
        }
        let slot = self.records.insert(record) as u32;
        let (records, prefix) = (&self.records, &self.prefix);
        self.index.insert_unique(key.hash(), slot, |slot| hash(prefix.as_ref(), records, *slot));
        Ok(slot)
    }

    /// Puts a record into the lane of its priority, where its age has it.
    fn enter(&mut self, slot: u32) {
        let (records, record) = (&self.records, &self.records[slot as usize]);
        let (queued, lane) = (record.queued(), &mut self.lanes[record.priority as usize]);
        self.retries[record.priority as usize] += usize::from(record.tries > 0);
        if lane.len() == lane.capacity() {
            lane.reserve_exact(growth(lane.len()));
        }
        let at = lane.partition_point(|other| records[*other as usize].queued() <= queued);
        lane.insert(at, slot);
    }

    /// Takes a record out of its lane.
    fn leave(&mut self, slot: u32) {
        let (records, record) = (&self.records, &self.records[slot as usize]);
        let (queued, lane) = (record.queued(), &mut self.lanes[record.priority as usize]);
        let from = lane.partition_point(|other| records[*other as usize].queued() < queued);
        if let Some(at) = (from..lane.len()).find(|at| lane[*at] == slot) {
            lane.remove(at);
            self.retries[record.priority as usize] -= usize::from(record.tries > 0);
        }
    }

    /// Gives an update at least this priority. Returns whether it is queued.
    pub(super) fn raise(&mut self, key: &Key, priority: Priority) -> bool {
        let records = &self.records;
        let same = |slot: &u32| records[*slot as usize].id.as_str() == key.id();
        let Some(slot) = self.index.find(key.hash(), same).copied().filter(|_| self.has_prefix(key)) else {
            return false;
        };
        let record = &mut self.records[slot as usize];
        if record.priority < priority && record.resting {
            record.priority = priority;
        } else if record.priority < priority {
            self.leave(slot);
            self.records[slot as usize].priority = priority;
            self.enter(slot);
        }
        true
    }

    /// Makes [`Priority::Critical`] what was asked for at `since` or before, so that nothing waits for ever.
    pub(super) fn promote(&mut self, since: Millis) {
        for priority in [Priority::Low, Priority::Normal, Priority::High] {
            while self.oldest_of(priority).is_some_and(|queued| queued <= since) {
                let Some(slot) = self.lanes[priority as usize].front().copied() else { break };
                self.leave(slot);
                self.records[slot as usize].priority = Priority::Critical;
                self.enter(slot);
            }
        }
    }

    /// Puts what has rested until `now` back into its lane.
    pub(super) fn wake(&mut self, now: Millis) {
        self.end_rests(|rest| rest.until <= now);
    }

    /// Puts all that rests back into its lane, but what its source asked to be left alone about.
    pub(super) fn wake_early(&mut self, now: Millis) {
        self.end_rests(|rest| rest.until.saturating_sub(rest.ours.into()) <= now);
    }

    fn end_rests(&mut self, is_over: impl Fn(&Rest) -> bool) {
        let rested: Vec<Rest> = self.resting.extract_if(.., |rest| is_over(rest)).collect();
        for rest in rested {
            self.records[rest.slot as usize].resting = false;
            self.enter(rest.slot);
        }
    }

    /// Takes the update that goes first: of the highest priority the oldest.
    pub(super) fn take(&mut self) -> Option<(Key, Standing)> {
        while let Some(slot) = self.lanes.iter().rev().find_map(|lane| lane.front()).copied() {
            let (key, standing) = self.remove(slot);
            // The id was that of a key under this prefix, so it is one again.
            if let Some(Ok(key)) = key {
                return Some((key, standing));
            }
        }
        None
    }

    /// Returns of the lowest priority below `priority` the youngest update, as its slot, its priority and when it
    /// was asked for.
    pub(super) fn least(&self, priority: Priority) -> Option<(u32, Priority, Millis)> {
        let found =
            |slot: u32| (slot, self.records[slot as usize].priority, self.records[slot as usize].queued());
        let lanes = self.lanes.iter().filter_map(|lane| lane.back().copied());
        let resting = self.resting.iter().map(|rest| rest.slot);
        lanes.chain(resting).map(found).filter(|(_, has, _)| *has < priority).min_by_key(least_first)
    }

    /// Drops the update in a slot that [`Queue::least`] has returned.
    pub(super) fn displace(&mut self, slot: u32) {
        drop(self.remove(slot));
    }

    fn remove(&mut self, slot: u32) -> (Option<Result<Key>>, Standing) {
        if self.records[slot as usize].resting {
            self.resting.retain(|rest| rest.slot != slot);
        } else {
            self.leave(slot);
        }
        let hash = hash(self.prefix.as_ref(), &self.records, slot);
        if let Ok(entry) = self.index.find_entry(hash, |other| *other == slot) {
            entry.remove();
        }
        let record = self.records.remove(slot as usize);
        if self.records.len() < self.records.capacity() / 4 {
            self.shrink();
        }
        let key = self.prefix.as_ref().map(|prefix| prefix.key(record.id.as_str()));
        (key, record.standing())
    }

    /// Gives back what a queue that was long takes.
    fn shrink(&mut self) {
        if !self.records.is_empty() && self.records.capacity() <= SMALL {
            return;
        }
        let mut records = Slab::with_capacity(self.records.len());
        let slots = self.lanes.iter_mut().flatten().chain(self.resting.iter_mut().map(|rest| &mut rest.slot));
        for slot in slots {
            *slot = records.insert(self.records.remove(*slot as usize)) as u32;
        }
        self.records = records;
        self.lanes.iter_mut().for_each(VecDeque::shrink_to_fit);
        self.resting.shrink_to_fit();
        self.index = HashTable::with_capacity(self.records.len());
        for (slot, _) in &self.records {
            let hash_of = |slot: &u32| hash(self.prefix.as_ref(), &self.records, *slot);
            let slot = slot as u32;
            self.index.insert_unique(hash_of(&slot), slot, hash_of);
        }
    }

    /// Drops all. Returns how many there were.
    pub(super) fn clear(&mut self) -> usize {
        let len = self.len();
        (self.records, self.index, self.resting) = (Slab::new(), HashTable::new(), Vec::new());
        self.lanes = array::from_fn(|_| VecDeque::new());
        self.retries = [0; 4];
        len
    }
}

/// Orders updates by how little is lost with each: the lowest priority first, and of that the youngest.
pub(super) fn least_first<T>((_, priority, queued): &(T, Priority, Millis)) -> (Priority, Reverse<Millis>) {
    (*priority, Reverse(*queued))
}

/// By how many places to grow: an eighth, so that at no length much is held that nothing is in.
fn growth(len: usize) -> usize {
    (len / 8).max(16)
}

/// Returns the hash of a record's key.
fn hash(prefix: Option<&Prefix>, records: &Slab<KeyRecord>, slot: u32) -> u64 {
    let id = records[slot as usize].id.as_str();
    prefix.map_or(0, |prefix| prefix.borrow(id).hashed())
}

/// Returns what a key begins with.
fn prefix_of(key: &Key) -> Result<Prefix> {
    let text = key.prefix();
    let (namespace, kind) = match text.strip_suffix(':').unwrap_or(text).rsplit_once(':') {
        Some((namespace, kind)) => (Some(namespace), kind),
        None => (None, text.strip_suffix(':').unwrap_or(text)),
    };
    Prefix::new(namespace, kind)
}
