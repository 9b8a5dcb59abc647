//! After a failed load: no new one of that key for a while.

use std::{
    collections::HashMap,
    hash::BuildHasherDefault,
    sync::{Mutex, MutexGuard, PoisonError},
};

use cache_core::{Key, KeyHasher, LookupKey, Timestamp};

/// How many failing keys are remembered; past that, all are tried again.
const CAPACITY: usize = 65_536;

type Until = HashMap<u64, Timestamp, BuildHasherDefault<KeyHasher>>;

/// Until when keys are not to be loaded again, by their hash: two keys that share one share a pause.
#[derive(Debug, Default)]
pub(crate) struct Throttle(Mutex<Until>);

impl Throttle {
    /// Pauses loads of `key` until `until`.
    pub(crate) fn pause(&self, key: &Key, until: Timestamp, now: Timestamp) {
        let mut paused = self.lock();
        if paused.len() >= CAPACITY {
            paused.retain(|_, until| now < *until);
            if paused.len() >= CAPACITY {
                paused.clear();
            }
        }
        paused.insert(key.hash(), until);
    }

    /// Ends the pause of a key.
    pub(crate) fn resume(&self, key: &Key) {
        self.lock().remove(&key.hash());
    }

    /// Whether loads of this key pause now.
    pub(crate) fn paused(&self, key: &impl LookupKey, now: Timestamp) -> bool {
        self.lock().get(&key.hashed()).is_some_and(|until| now < *until)
    }

    fn lock(&self) -> MutexGuard<'_, Until> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
