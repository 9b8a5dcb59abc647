//! A pause after a failed load, in which its key is not loaded again.

use std::{collections::HashMap, hash::BuildHasherDefault, time::Duration};

use cache_core::{Error, Key, KeyHasher, LookupKey, Pause, Timestamp, sync::Mutex};

/// How many failing keys are remembered. Past that all are forgotten, and loaded again.
const MAX_KEYS: usize = 65_536;

/// The longest pause that a source can ask for: an error that says more must not silence a key for good.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(3600);

/// How often the pause of a refresh doubles at most.
const MOST_DOUBLINGS: u32 = 6;

type Pauses = HashMap<u64, KeyPause, BuildHasherDefault<KeyHasher>>;

/// Until when keys are not loaded again, by their hash: two keys with the same hash share a pause.
#[derive(Debug, Default)]
pub(crate) struct Throttle(Mutex<Pauses>);

#[derive(Debug)]
struct KeyPause {
    pause: Pause,
    /// What the load failed with, if its source asked for the pause.
    error: Option<Error>,
    /// How often in a row a refresh failed that came before the end of a life.
    refreshes: u32,
}

impl Throttle {
    /// Pauses loads of `key`, one of which failed with `error`: for as long as that asks for, else for `usual`.
    pub(crate) fn pause(&self, key: &Key, error: &Error, usual: Duration, now: Timestamp) {
        self.pause_after(key, error, usual, now, 0);
    }

    /// The same for a refresh of what is fresh still: it can wait, and pauses twice as long each time.
    pub(crate) fn pause_refresh(&self, key: &Key, error: &Error, usual: Duration, now: Timestamp) {
        let failed = self.0.lock().get(&key.hash()).map_or(0, |known| known.refreshes);
        let longer = usual.saturating_mul(1 << failed.min(MOST_DOUBLINGS));
        self.pause_after(key, error, longer, now, failed.saturating_add(1));
    }

    fn pause_after(&self, key: &Key, error: &Error, usual: Duration, now: Timestamp, refreshes: u32) {
        let asked = error.retry_after().map(|pause| pause.min(MAX_RETRY_AFTER));
        let pause = Pause::new(now, asked.unwrap_or(usual));
        let pause = KeyPause { pause, error: asked.map(|_| error.clone()), refreshes };
        let mut pauses = self.0.lock();
        if pauses.len() >= MAX_KEYS {
            pauses.retain(|_, known| known.pause.lasts(now));
            if pauses.len() >= MAX_KEYS {
                pauses.clear();
            }
        }
        pauses.insert(key.hash(), pause);
    }

    /// Ends the pause of a key.
    pub(crate) fn resume(&self, key: &Key) {
        self.0.lock().remove(&key.hash());
    }

    /// Whether loads of this key are paused.
    pub(crate) fn paused(&self, key: &impl LookupKey, now: Timestamp) -> bool {
        self.0.lock().get(&key.hashed()).is_some_and(|known| known.pause.lasts(now))
    }

    /// Returns what the load of a key failed with whose source asked not to be asked again until later than `now`.
    pub(crate) fn error(&self, key: &impl LookupKey, now: Timestamp) -> Option<Error> {
        self.0
            .lock()
            .get(&key.hashed())
            .filter(|known| known.pause.lasts(now))
            .and_then(|known| known.error.clone())
    }
}
