//! The queue of puts that are not yet written.

use std::{
    collections::{BTreeMap, HashMap},
    hash::BuildHasherDefault,
    sync::Arc,
    time::{Duration, Instant},
};

use cache_core::{
    Error, ErrorKind, Key, KeyHasher, Pattern, Result, Target, Timestamp, Tombstone, Tombstones,
    sync::{Mutex, MutexGuard},
};
use tokio::sync::Notify;

use crate::put::SealedEntry;

/// How long an entry may be queued, in real time. No longer than a call to a tier may take, since tombstones
/// are kept only for as long as an earlier born entry may still be written.
pub(crate) const MAX_QUEUE_TIME: Duration = Duration::from_secs(10);

/// How many tombstones of keys the queue keeps.
const MAX_TOMBSTONES: usize = 65_536;

/// A bounded queue with one entry for each key. What came first is written first.
#[derive(Debug)]
pub(crate) struct WriteQueue {
    max_rows: usize,
    max_bytes: usize,
    state: Mutex<State>,
    /// Wakes the writer: an entry was queued.
    pub(crate) filled: Notify,
    /// Ends the writer's pause: somebody waits for the queue to be written.
    pub(crate) flush_requested: Notify,
    /// Wakes who waits for the queue to be written: a batch was written, or failed.
    batch_done: Notify,
}

#[derive(Debug)]
struct State {
    waiting: ByKey,
    /// The keys of `waiting`, by their numbers.
    order: BTreeMap<u64, Key>,
    /// The batch that is being written now.
    writing: ByKey,
    /// The removals by this process. A put that they refuse is not queued: by the time it is written the
    /// tombstone in the table may be dead and swept.
    tombstones: Tombstones,
    bytes: usize,
    next: u64,
    failures: u64,
    error: Option<Error>,
    /// How many entries were dropped since a flush last reported it.
    lost: u64,
}

type ByKey = HashMap<Key, QueuedEntry, BuildHasherDefault<KeyHasher>>;

#[derive(Clone, Debug)]
struct QueuedEntry {
    /// Its place in the queue: its own, or that of the entry which it replaced.
    number: u64,
    since: Instant,
    sealed: Arc<SealedEntry>,
}

impl QueuedEntry {
    fn is_late(&self) -> bool {
        self.since.elapsed() >= MAX_QUEUE_TIME
    }
}

/// What became of entries that were to be queued.
#[derive(Debug, Default)]
pub(crate) struct AddOutcome {
    /// The queue had no room for these.
    pub(crate) overflow: Vec<Arc<SealedEntry>>,
    /// How many were born no later than a removal, or than a queued entry of their key.
    pub(crate) outdated: u64,
}

impl WriteQueue {
    pub(crate) fn new(max_rows: usize, max_bytes: usize) -> Self {
        let state = State {
            waiting: ByKey::default(),
            order: BTreeMap::new(),
            writing: ByKey::default(),
            tombstones: Tombstones::new(MAX_TOMBSTONES),
            bytes: 0,
            next: 0,
            failures: 0,
            error: None,
            lost: 0,
        };
        Self {
            max_rows,
            max_bytes,
            state: Mutex::new(state),
            filled: Notify::new(),
            flush_requested: Notify::new(),
            batch_done: Notify::new(),
        }
    }

    /// Queues the entries that fit.
    pub(crate) fn add(&self, sealed: Vec<Arc<SealedEntry>>, now: Timestamp) -> AddOutcome {
        let (mut state, mut added) = (self.state(), AddOutcome::default());
        for sealed in sealed {
            if state.is_outdated(&sealed, now) {
                added.outdated += 1;
            } else if !state.add(&sealed, self.max_rows, self.max_bytes) {
                added.overflow.push(sealed);
            }
        }
        drop(state);
        self.filled.notify_one();
        added
    }

    /// Returns what is queued for a key; of two entries the later born.
    pub(crate) fn find(&self, key: &Key) -> Option<Arc<SealedEntry>> {
        let state = self.state();
        let queued = state.waiting.get(key).or_else(|| state.writing.get(key));
        queued.filter(|queued| !queued.is_late()).map(|queued| queued.sealed.clone())
    }

    /// Returns the keys that match of what is queued.
    pub(crate) fn matching(&self, pattern: &Pattern) -> Vec<Key> {
        let state = self.state();
        let queued = state.waiting.keys().chain(state.writing.keys());
        queued.filter(|key| pattern.matches(key)).cloned().collect()
    }

    /// Returns the next batch, and how many entries were dropped because they had been queued for too long.
    /// The batch counts as queued until [`written`](Self::written) or [`failed`](Self::failed) is called.
    pub(crate) fn take(&self, rows: usize, bytes: usize) -> (Vec<Arc<SealedEntry>>, u64) {
        let mut state = self.state();
        let (mut batch, mut size, mut lost) = (Vec::new(), 0, 0);
        while batch.len() < rows && size < bytes {
            let Some((_, key)) = state.order.pop_first() else { break };
            let Some(queued) = state.waiting.remove(&key) else { continue };
            let len = queued.sealed.record.len();
            if queued.is_late() {
                state.bytes -= len;
                lost += 1;
            } else {
                size += len;
                batch.push(queued.sealed.clone());
                state.writing.insert(key, queued);
            }
        }
        state.lost += lost;
        (batch, lost)
    }

    pub(crate) fn written(&self) {
        let mut state = self.state();
        for (_, queued) in std::mem::take(&mut state.writing) {
            state.bytes -= queued.sealed.record.len();
        }
        drop(state);
        self.batch_done.notify_waiters();
    }

    /// Queues a batch again whose writer is gone: whether it was written is unknown, and to write it twice does no
    /// harm.
    pub(crate) fn requeue_unfinished(&self) {
        self.state().requeue_batch();
    }

    pub(crate) fn failed(&self, error: Error) {
        let mut state = self.state();
        state.requeue_batch();
        state.failures += 1;
        state.error = Some(error);
        drop(state);
        self.batch_done.notify_waiters();
    }

    /// Removes and returns the waiting entries that `target` covers and that were born no later than
    /// `tombstone`. While that lasts, such entries are not queued.
    pub(crate) fn remove(
        &self,
        target: Target<'_>,
        tombstone: Tombstone,
        now: Timestamp,
    ) -> Vec<Arc<SealedEntry>> {
        let mut state = self.state();
        state.tombstones.add_target(target, tombstone, now);
        let keys: Vec<Key> = match target {
            Target::Keys(keys) => keys.to_vec(),
            Target::Matching(pattern) => {
                state.waiting.keys().filter(|key| pattern.matches(key)).cloned().collect()
            }
        };
        keys.iter().filter_map(|key| state.remove(key, tombstone.born)).collect()
    }

    /// Waits until all that is queued now is written.
    ///
    /// # Errors
    ///
    /// If a batch could not be written meanwhile, or entries were dropped since this was last called.
    pub(crate) async fn flushed(&self) -> Result<()> {
        let (up_to, failures) = {
            let state = self.state();
            (state.next, state.failures)
        };
        self.flush_requested.notify_one();
        loop {
            let batch_done = self.batch_done.notified();
            let mut batch_done = std::pin::pin!(batch_done);
            batch_done.as_mut().enable();
            if let Some(outcome) = self.state().outcome_up_to(up_to, failures) {
                return outcome;
            }
            batch_done.await;
        }
    }

    pub(crate) fn has_waiting(&self) -> bool {
        !self.state().order.is_empty()
    }

    /// Returns how many entries and bytes are queued.
    pub(crate) fn size(&self) -> (u64, u64) {
        let state = self.state();
        ((state.waiting.len() + state.writing.len()) as u64, state.bytes as u64)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }
}

impl State {
    fn is_outdated(&self, sealed: &SealedEntry, now: Timestamp) -> bool {
        let rivals = [self.waiting.get(&sealed.key), self.writing.get(&sealed.key)];
        rivals.into_iter().flatten().any(|queued| sealed.born <= queued.sealed.born && !queued.is_late())
            || self.tombstones.refuses(&sealed.key, sealed.born, now)
    }

    /// Queues an entry; returns `false` if there is no room.
    fn add(&mut self, sealed: &Arc<SealedEntry>, max_rows: usize, max_bytes: usize) -> bool {
        // It takes the place of an older one: a flush that waits for that then waits for this.
        let older = self.waiting.get(&sealed.key);
        let (number, freed) = older.map_or((self.next, 0), |old| (old.number, old.sealed.record.len()));
        let rows = self.waiting.len() + self.writing.len() + usize::from(older.is_none());
        let bytes = self.bytes - freed + sealed.record.len();
        if rows > max_rows || bytes > max_bytes {
            return false;
        }
        self.bytes = bytes;
        self.next = self.next.max(number + 1);
        self.order.insert(number, sealed.key.clone());
        let queued = QueuedEntry { number, since: Instant::now(), sealed: sealed.clone() };
        self.waiting.insert(sealed.key.clone(), queued);
        true
    }

    fn requeue_batch(&mut self) {
        for (key, queued) in std::mem::take(&mut self.writing) {
            self.requeue(key, queued);
        }
    }

    /// Queues an entry of a failed batch again, unless a later put has replaced it.
    fn requeue(&mut self, key: Key, queued: QueuedEntry) {
        let number = queued.number;
        let queued = match self.waiting.remove(&key) {
            Some(newer) => {
                self.order.remove(&newer.number);
                self.bytes -= queued.sealed.record.len();
                QueuedEntry { number, ..newer }
            }
            None => queued,
        };
        self.waiting.insert(key.clone(), queued);
        self.order.insert(number, key);
    }

    fn remove(&mut self, key: &Key, born: Timestamp) -> Option<Arc<SealedEntry>> {
        self.waiting.get(key).filter(|queued| queued.sealed.born <= born)?;
        let queued = self.waiting.remove(key)?;
        self.order.remove(&queued.number);
        self.bytes -= queued.sealed.record.len();
        Some(queued.sealed)
    }

    /// Returns the outcome of a flush of everything before the number `up_to`; `None` while it must wait.
    fn outcome_up_to(&mut self, up_to: u64, failures: u64) -> Option<Result<()>> {
        if let Some(error) = self.error.as_ref().filter(|_| self.failures > failures) {
            return Some(Err(error.clone()));
        }
        let waiting = self.order.first_key_value().map(|(number, _)| *number);
        let oldest = waiting.into_iter().chain(self.writing.values().map(|queued| queued.number)).min();
        if oldest.is_some_and(|oldest| oldest < up_to) {
            return None;
        }
        match std::mem::take(&mut self.lost) {
            0 => Some(Ok(())),
            lost => {
                let message = format!(
                    "{lost} queued puts could not be written within {MAX_QUEUE_TIME:?} and were dropped"
                );
                Some(Err(Error::new(ErrorKind::Unavailable, "flush", message)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use cache_core::Pattern;
    use proptest::prelude::*;

    use super::*;

    fn at(micros: i64) -> Timestamp {
        Timestamp::from_micros(micros)
    }

    fn sealed(id: usize, born: i64) -> Arc<SealedEntry> {
        let key = Key::new("k", &id.to_string()).unwrap();
        let record = vec![0; 10 + id];
        Arc::new(SealedEntry { key, born: at(born), dead_at: Timestamp::MAX, is_absent: false, record })
    }

    fn add(queue: &WriteQueue, id: usize, born: i64) -> AddOutcome {
        queue.add(vec![sealed(id, born)], at(0))
    }

    fn born(queue: &WriteQueue, id: usize) -> Option<i64> {
        queue.find(&sealed(id, 0).key).map(|sealed| sealed.born.as_micros())
    }

    #[test]
    fn rule_30_of_two_for_one_key_the_later_born_stays_queued() {
        let queue = WriteQueue::new(10, 1000);
        assert_eq!(add(&queue, 1, 5).outdated, 0);
        assert_eq!((add(&queue, 1, 5).outdated, add(&queue, 1, 4).outdated), (1, 1));
        add(&queue, 1, 6);
        assert_eq!((born(&queue, 1), queue.size()), (Some(6), (1, 11)));
        queue.take(10, 1000);
        assert_eq!(add(&queue, 1, 6).outdated, 1, "nor is what is being written overtaken");
        add(&queue, 1, 7);
        queue.failed(Error::new(ErrorKind::Unavailable, "put", "away"));
        assert_eq!((born(&queue, 1), queue.size()), (Some(7), (1, 11)), "and the later one replaces it");
    }

    #[test]
    fn rule_29_what_was_removed_is_let_in_no_more_and_newer_is() {
        let queue = WriteQueue::new(10, 1000);
        (1..4).for_each(|id| drop(add(&queue, id, 5)));
        let tombstone = Tombstone { born: at(5), dead_at: at(100) };
        let removed = queue.remove(Target::Keys(&[sealed(1, 0).key.clone()]), tombstone, at(0));
        assert_eq!((removed.len(), born(&queue, 1), born(&queue, 2)), (1, None, Some(5)));
        queue.remove(Target::Matching(&Pattern::kind("k")), tombstone, at(0));
        assert_eq!(queue.size(), (0, 0));
        assert_eq!((add(&queue, 9, 5).outdated, add(&queue, 9, 6).outdated), (1, 0));
    }

    proptest! {
        #[test]
        fn rule_43_the_queue_stays_within_its_bounds(steps in prop::collection::vec((0_usize..9, 0_i64..9, 0_u8..8), 0..80)) {
            let queue = WriteQueue::new(5, 70);
            for (id, born, step) in steps {
                match step {
                    // One batch at a time is written.
                    0 if queue.state().writing.is_empty() => drop(queue.take(2, 1000)),
                    1 => queue.written(),
                    2 => queue.failed(Error::new(ErrorKind::Unavailable, "put", "away")),
                    3 => drop(queue.remove(Target::Keys(&[sealed(id, 0).key.clone()]), Tombstone { born: at(born), dead_at: at(0) }, at(0))),
                    _ => {
                        add(&queue, id, born);
                    }
                }
                let (rows, bytes) = queue.size();
                prop_assert!(rows <= 5 && bytes <= 70, "{rows} rows, {bytes} bytes");
                let state = queue.state();
                let queued = state.waiting.values().chain(state.writing.values());
                prop_assert_eq!(queued.map(|queued| queued.sealed.record.len()).sum::<usize>(), state.bytes);
                prop_assert_eq!(state.order.len(), state.waiting.len());
            }
        }
    }
}
