//! A pause after a failed load, in which its key is not loaded again.

use std::{collections::HashMap, hash::BuildHasherDefault};

use cache_core::{Key, KeyHasher, LookupKey, Timestamp, sync::Mutex};

/// How many failing keys are remembered. Past that all are forgotten, and loaded again.
const MAX_KEYS: usize = 65_536;

type PausedUntil = HashMap<u64, Timestamp, BuildHasherDefault<KeyHasher>>;

/// Until when keys are not loaded again, by their hash: two keys with the same hash share a pause.
#[derive(Debug, Default)]
pub(crate) struct Throttle(Mutex<PausedUntil>);

impl Throttle {
    /// Pauses loads of `key` until `until`.
    pub(crate) fn pause(&self, key: &Key, until: Timestamp, now: Timestamp) {
        let mut paused = self.0.lock();
        if paused.len() >= MAX_KEYS {
            paused.retain(|_, until| now < *until);
            if paused.len() >= MAX_KEYS {
                paused.clear();
            }
        }
        paused.insert(key.hash(), until);
    }

    /// Ends the pause of a key.
    pub(crate) fn resume(&self, key: &Key) {
        self.0.lock().remove(&key.hash());
    }

    /// Whether loads of this key are paused.
    pub(crate) fn paused(&self, key: &impl LookupKey, now: Timestamp) -> bool {
        self.0.lock().get(&key.hashed()).is_some_and(|until| now < *until)
    }
}
