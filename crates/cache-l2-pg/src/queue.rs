//! What was put in write-behind mode and is not yet written.

use std::{
    collections::{BTreeMap, HashMap},
    hash::BuildHasherDefault,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use cache_core::{Error, Key, KeyHasher, Result, Target, Timestamp};
use tokio::sync::Notify;

use crate::write::Sealed;

/// A queue of entries by key, bounded, of which those that came first are written first.
#[derive(Debug)]
pub(crate) struct Queue {
    max_rows: usize,
    max_bytes: usize,
    state: Mutex<State>,
    /// Something waits to be written.
    pub(crate) filled: Notify,
    /// Somebody waits for it to be written.
    pub(crate) hurry: Notify,
    /// A batch was written, or could not be.
    settled: Notify,
}

#[derive(Debug, Default)]
struct State {
    waiting: ByKey,
    /// The keys that wait, by their numbers.
    order: BTreeMap<u64, Key>,
    /// The batch that is being written.
    writing: ByKey,
    bytes: usize,
    next: u64,
    failures: u64,
    error: Option<Error>,
}

type ByKey = HashMap<Key, (u64, Arc<Sealed>), BuildHasherDefault<KeyHasher>>;

impl Queue {
    pub(crate) fn new(max_rows: usize, max_bytes: usize) -> Self {
        Self {
            max_rows,
            max_bytes,
            state: Mutex::default(),
            filled: Notify::new(),
            hurry: Notify::new(),
            settled: Notify::new(),
        }
    }

    /// Queues what fits and gives back the rest. What was born no later than what is queued for its key
    /// is dropped.
    pub(crate) fn add(&self, sealed: Vec<Arc<Sealed>>) -> Vec<Arc<Sealed>> {
        let mut state = self.state();
        let mut rest = Vec::new();
        for sealed in sealed {
            if !state.add(&sealed, self.max_rows, self.max_bytes) {
                rest.push(sealed);
            }
        }
        drop(state);
        self.filled.notify_one();
        rest
    }

    /// What is queued for a key; of two the later born.
    pub(crate) fn find(&self, key: &Key) -> Option<Arc<Sealed>> {
        let state = self.state();
        let queued = state.waiting.get(key).or_else(|| state.writing.get(key));
        queued.map(|(_, sealed)| sealed.clone())
    }

    /// The next batch. It counts as queued until it is [`written`](Self::written) or
    /// [`failed`](Self::failed).
    pub(crate) fn take(&self, rows: usize, bytes: usize) -> Vec<Arc<Sealed>> {
        let mut state = self.state();
        let (mut batch, mut size) = (Vec::new(), 0);
        while batch.len() < rows && size < bytes {
            let Some((number, key)) = state.order.pop_first() else { break };
            if let Some((_, sealed)) = state.waiting.remove(&key) {
                size += sealed.record.len();
                batch.push(sealed.clone());
                state.writing.insert(key, (number, sealed));
            }
        }
        batch
    }

    pub(crate) fn written(&self) {
        let mut state = self.state();
        for (_, (_, sealed)) in std::mem::take(&mut state.writing) {
            state.bytes -= sealed.record.len();
        }
        drop(state);
        self.settled.notify_waiters();
    }

    pub(crate) fn failed(&self, error: Error) {
        let mut state = self.state();
        for (key, (number, sealed)) in std::mem::take(&mut state.writing) {
            state.put_back(key, number, sealed);
        }
        state.failures += 1;
        state.error = Some(error);
        drop(state);
        self.settled.notify_waiters();
    }

    /// Takes out what waits, is meant by `target`, and was born no later.
    pub(crate) fn remove(&self, target: Target<'_>, born: Timestamp) -> Vec<Arc<Sealed>> {
        let mut state = self.state();
        let keys: Vec<Key> = match target {
            Target::Keys(keys) => keys.to_vec(),
            Target::Matching(pattern) => {
                state.waiting.keys().filter(|key| pattern.matches(key)).cloned().collect()
            }
        };
        keys.iter().filter_map(|key| state.remove(key, born)).collect()
    }

    /// Waits until what is queued now is written.
    ///
    /// # Errors
    ///
    /// If a batch could not be written meanwhile.
    pub(crate) async fn drained(&self) -> Result<()> {
        let (upto, failures) = {
            let state = self.state();
            (state.next, state.failures)
        };
        self.hurry.notify_one();
        loop {
            let settled = self.settled.notified();
            let mut settled = std::pin::pin!(settled);
            settled.as_mut().enable();
            {
                let state = self.state();
                if state.oldest().is_none_or(|oldest| oldest >= upto) {
                    return Ok(());
                }
                if let Some(error) = state.error.as_ref().filter(|_| state.failures > failures) {
                    return Err(error.clone());
                }
            }
            settled.await;
        }
    }

    pub(crate) fn has_waiting(&self) -> bool {
        !self.state().order.is_empty()
    }

    /// How many entries and bytes are queued.
    pub(crate) fn size(&self) -> (u64, u64) {
        let state = self.state();
        ((state.waiting.len() + state.writing.len()) as u64, state.bytes as u64)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// `false` if there is no room.
    fn add(&mut self, sealed: &Arc<Sealed>, max_rows: usize, max_bytes: usize) -> bool {
        if self.writing.get(&sealed.key).is_some_and(|(_, queued)| sealed.born <= queued.born) {
            return true;
        }
        let older = self.waiting.get(&sealed.key);
        if older.is_some_and(|(_, queued)| sealed.born <= queued.born) {
            return true;
        }
        // It takes the place of an older one, so that who waits for that waits for this.
        let (number, freed) = older.map_or((self.next, 0), |(number, queued)| (*number, queued.record.len()));
        let rows = self.waiting.len() + self.writing.len() + usize::from(older.is_none());
        let bytes = self.bytes - freed + sealed.record.len();
        if rows > max_rows || bytes > max_bytes {
            return false;
        }
        self.bytes = bytes;
        self.next = self.next.max(number + 1);
        self.order.insert(number, sealed.key.clone());
        self.waiting.insert(sealed.key.clone(), (number, sealed.clone()));
        true
    }

    /// A batch that could not be written waits again, but for what a later put replaced.
    fn put_back(&mut self, key: Key, number: u64, sealed: Arc<Sealed>) {
        if let Some((later, newer)) = self.waiting.remove(&key) {
            self.order.remove(&later);
            self.bytes -= sealed.record.len();
            self.waiting.insert(key.clone(), (number, newer));
        } else {
            self.waiting.insert(key.clone(), (number, sealed));
        }
        self.order.insert(number, key);
    }

    fn remove(&mut self, key: &Key, born: Timestamp) -> Option<Arc<Sealed>> {
        self.waiting.get(key).filter(|(_, sealed)| sealed.born <= born)?;
        let (number, sealed) = self.waiting.remove(key)?;
        self.order.remove(&number);
        self.bytes -= sealed.record.len();
        Some(sealed)
    }

    /// The number of what came first of all that is queued.
    fn oldest(&self) -> Option<u64> {
        let waiting = self.order.first_key_value().map(|(number, _)| *number);
        waiting.into_iter().chain(self.writing.values().map(|(number, _)| *number)).min()
    }
}
