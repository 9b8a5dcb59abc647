//! Keys that are left alone for a while: they were fetched beforehand and failed, or left nothing to be read.

use std::{collections::HashMap, time::Duration};

use cache_core::{Key, Pause, Timestamp};

/// How long a key is left alone at first. Each time it fails again, it is twice as long.
const FIRST: Duration = Duration::from_secs(30);

/// The longest that a key is left alone.
const LONGEST: Duration = Duration::from_secs(3840);

/// How many keys of a kind are remembered. Past that those whose time is over are forgotten, else all.
const MOST_KEYS: usize = 4096;

/// The keys of a kind that are left alone, by their hash.
#[derive(Debug, Default)]
pub(super) struct SetAside(HashMap<u64, Pause>);

impl SetAside {
    /// Whether a key is left alone.
    pub(super) fn has(&self, key: &Key, now: Timestamp) -> bool {
        self.0.get(&key.hash()).is_some_and(|pause| pause.lasts(now))
    }

    /// Whether a key was of no use the last time, be it that its pause is over.
    pub(super) fn knows(&self, key: &Key) -> bool {
        self.0.contains_key(&key.hash())
    }

    /// Leaves a key alone that was of no use.
    pub(super) fn add(&mut self, key: &Key, now: Timestamp) {
        if self.0.len() >= MOST_KEYS {
            self.0.retain(|_, pause| pause.lasts(now));
            if self.0.len() >= MOST_KEYS {
                self.0.clear();
            }
        }
        let length = self.0.get(&key.hash()).map_or(FIRST, |pause| (pause.length() * 2).min(LONGEST));
        self.0.insert(key.hash(), Pause::new(now, length));
    }

    /// Forgets that a key was of no use.
    pub(super) fn remove(&mut self, key: &Key) {
        self.0.remove(&key.hash());
    }
}
