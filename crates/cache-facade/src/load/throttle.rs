//! A pause after a failed load, in which its key is not loaded again.

use std::{
    collections::{BTreeSet, HashMap},
    hash::BuildHasherDefault,
    time::Duration,
};

use cache_core::{Error, Key, KeyHasher, LookupKey, Pause, Timestamp, sync::Mutex};

/// How many failing keys are told apart. Of more than that, the pauses that end first are kept for keys together.
const MAX_KEYS: usize = 65_536;

/// How many pauses are kept for keys together, by their hash.
const SLOTS: usize = 65_536;

/// How many turns those keys take: each may be loaded in one of them.
const TURNS: u64 = 8;

/// The usual pause of a region of which none is known.
const USUAL: Duration = Duration::from_secs(5);

/// The longest pause that a source can ask for: an error that says more must not silence a key for good.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(3600);

/// How often the pause of a refresh doubles at most.
const MOST_DOUBLINGS: u32 = 6;

/// Until when keys are not loaded again, by their hash: two keys with the same hash share a pause.
#[derive(Debug)]
pub(crate) struct Throttle(Mutex<Pauses>);

#[derive(Debug)]
struct Pauses {
    keys: HashMap<u64, KeyPause, BuildHasherDefault<KeyHasher>>,
    /// The same by when they end: those that a source asked for, whose errors are to be told, apart.
    by_end: [BTreeSet<(Timestamp, u64)>; 2],
    most: usize,
    shared: SharedPauses,
}

#[derive(Debug)]
struct KeyPause {
    pause: Pause,
    ends: Timestamp,
    /// What the load failed with, if its source asked for the pause.
    error: Option<Error>,
    /// How often in a row a refresh failed that came before the end of a life.
    refreshes: u32,
}

/// The pauses of failing keys that are too many to be told apart. A key that loads well may share one; so each key
/// may be loaded all the same in its turn, which comes once in the usual pause.
#[derive(Debug)]
struct SharedPauses {
    /// None as long as none was needed.
    slots: Vec<Pause>,
    usual: Duration,
}

impl SharedPauses {
    fn slot(hash: u64) -> usize {
        (hash % SLOTS as u64) as usize
    }

    fn add(&mut self, hash: u64, pause: Pause, now: Timestamp) {
        if self.slots.is_empty() {
            self.slots = vec![Pause::NONE; SLOTS];
        }
        let slot = &mut self.slots[Self::slot(hash)];
        if slot.left(now) < pause.left(now) {
            *slot = pause;
        }
    }

    fn paused(&self, hash: u64, now: Timestamp) -> bool {
        self.slots.get(Self::slot(hash)).is_some_and(|slot| slot.lasts(now)) && !self.is_turn(hash, now)
    }

    fn is_turn(&self, hash: u64, now: Timestamp) -> bool {
        let turn = (self.usual.as_micros() as u64 / TURNS).max(1);
        // By other bits than the slot.
        now.as_micros().cast_unsigned() / turn % TURNS == (hash >> 32) % TURNS
    }
}

impl Default for Throttle {
    fn default() -> Self {
        Self::with_most(MAX_KEYS)
    }
}

impl Throttle {
    /// Returns a throttle that tells `most` failing keys apart.
    fn with_most(most: usize) -> Self {
        Self(Mutex::new(Pauses {
            keys: HashMap::default(),
            by_end: Default::default(),
            most,
            shared: SharedPauses { slots: Vec::new(), usual: USUAL },
        }))
    }

    /// Pauses loads of `key`, one of which failed with `error`: for as long as that asks for, else for `usual`.
    /// Returns whether there are too many failing keys to tell all apart.
    pub(crate) fn pause(&self, key: &Key, error: &Error, usual: Duration, now: Timestamp) -> bool {
        self.0.lock().pause(key.hash(), error, usual, now, 0)
    }

    /// The same for a refresh of what is fresh still: it can wait, and pauses twice as long each time.
    pub(crate) fn pause_refresh(&self, key: &Key, error: &Error, usual: Duration, now: Timestamp) -> bool {
        let mut pauses = self.0.lock();
        let failed = pauses.keys.get(&key.hash()).map_or(0, |known| known.refreshes);
        pauses.pause(key.hash(), error, usual, now, failed.saturating_add(1))
    }

    /// Ends the pause of a key, unless it is kept with those of others.
    pub(crate) fn resume(&self, key: &Key) {
        self.0.lock().remove(key.hash());
    }

    /// Whether loads of this key are paused.
    pub(crate) fn paused(&self, key: &impl LookupKey, now: Timestamp) -> bool {
        let (pauses, hash) = (self.0.lock(), key.hashed());
        match pauses.keys.get(&hash) {
            Some(known) => known.pause.lasts(now),
            None => pauses.shared.paused(hash, now),
        }
    }

    /// Returns what the load of a key failed with whose source asked not to be asked again until later than `now`.
    pub(crate) fn error(&self, key: &impl LookupKey, now: Timestamp) -> Option<Error> {
        self.0
            .lock()
            .keys
            .get(&key.hashed())
            .filter(|known| known.pause.lasts(now))
            .and_then(|known| known.error.clone())
    }
}

impl Pauses {
    /// Pauses loads of a key. `refreshes` says how many refreshes of it failed in a row, with this one.
    fn pause(&mut self, hash: u64, error: &Error, usual: Duration, now: Timestamp, refreshes: u32) -> bool {
        if !usual.is_zero() {
            self.shared.usual = usual;
        }
        let doublings = refreshes.saturating_sub(1).min(MOST_DOUBLINGS);
        let asked = error.retry_after().map(|pause| pause.min(MAX_RETRY_AFTER));
        let pause = Pause::new(now, asked.unwrap_or(usual.saturating_mul(1 << doublings)));
        let ends = now.after(pause.length());
        self.remove(hash);
        let crowded = self.make_room(now);
        let known = KeyPause { pause, ends, error: asked.map(|_| error.clone()), refreshes };
        self.by_end[usize::from(known.error.is_some())].insert((ends, hash));
        self.keys.insert(hash, known);
        crowded
    }

    fn remove(&mut self, hash: u64) -> Option<KeyPause> {
        let known = self.keys.remove(&hash)?;
        self.by_end[usize::from(known.error.is_some())].remove(&(known.ends, hash));
        Some(known)
    }

    /// Makes room for one more. Returns whether a pause that goes on had to be put together with others.
    fn make_room(&mut self, now: Timestamp) -> bool {
        if self.keys.len() < self.most {
            return false;
        }
        let [usual, asked] = &self.by_end;
        let first_asked = asked.first().filter(|(ends, _)| usual.is_empty() || *ends <= now);
        let Some(&(_, hash)) = first_asked.or(usual.first()) else { return false };
        let Some(KeyPause { pause, .. }) = self.remove(hash).filter(|known| known.pause.lasts(now)) else {
            return false;
        };
        self.shared.add(hash, pause, now);
        true
    }
}

#[cfg(test)]
mod tests {
    use cache_core::ErrorKind;

    use super::*;

    const PAUSE: Duration = Duration::from_secs(8);

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_micros(1_700_000_000_000_000).after(Duration::from_millis(millis))
    }

    fn key(id: usize) -> Key {
        Key::new("k", &id.to_string()).unwrap()
    }

    fn failed() -> Error {
        Error::new(ErrorKind::Load, "load", "it failed")
    }

    /// Reads keys in turn, each of which fails if it is loaded. Returns how many loads there were.
    fn read_all(throttle: &Throttle, keys: &[Key], now: Timestamp) -> usize {
        let mut loads = 0;
        for key in keys {
            if !throttle.paused(key, now) {
                loads += 1;
                throttle.pause(key, &failed(), PAUSE, now);
            }
        }
        loads
    }

    #[test]
    fn rule_102_more_failing_keys_than_are_told_apart_are_paused_all_the_same() {
        for (most, count) in [(1000, 1000), (1000, 1010), (1000, 4000), (64, 20_000)] {
            let throttle = Throttle::with_most(most);
            let keys: Vec<Key> = (0..count).map(key).collect();
            // Of keys that share a pause the later may not be loaded at all.
            assert!(read_all(&throttle, &keys, at(0)) >= if count <= most { count } else { count / 2 });
            for moment in [0, 10, 20, 30] {
                let again = read_all(&throttle, &keys, at(moment));
                let bound = if count <= most { 0 } else { count / 5 };
                assert!(again <= bound, "{most} {count} at {moment}: {again}");
            }
            // A second more than all pauses that were begun meanwhile.
            assert!(keys.iter().all(|key| !throttle.paused(key, at(10_000))), "{most} {count}");
            assert!(throttle.0.lock().keys.len() <= most);
        }
    }

    #[test]
    fn rule_102_a_key_that_loads_well_waits_for_no_longer_than_the_usual_pause() {
        let throttle = Throttle::with_most(16);
        let failing: Vec<Key> = (0..200_000).map(key).collect();
        let well: Vec<Key> = (1_000_000..1_000_100).map(key).collect();
        let mut waiting = vec![true; well.len()];
        let mut hindered = 0;
        for moment in (0..8_000).step_by(1_000) {
            read_all(&throttle, &failing, at(moment));
            for (key, waiting) in well.iter().zip(&mut waiting) {
                *waiting &= throttle.paused(key, at(moment));
                hindered += u32::from(throttle.paused(key, at(moment)));
            }
        }
        assert!(hindered > 0, "the test shows something");
        assert_eq!(waiting, vec![false; well.len()]);
    }

    #[test]
    fn rule_102_pauses_that_sources_asked_for_are_told_apart_the_longest() {
        let throttle = Throttle::with_most(100);
        let asked = failed().with_retry_after(Duration::from_secs(60));
        let asking: Vec<Key> = (0..50).map(key).collect();
        asking.iter().for_each(|key| assert!(!throttle.pause(key, &asked, PAUSE, at(0))));
        let crowded = (50..1000).filter(|id| throttle.pause(&key(*id), &failed(), PAUSE, at(0))).count();
        assert_eq!(crowded, 900);
        assert!(asking.iter().all(|key| throttle.error(key, at(0)).is_some()));
        assert!(!throttle.pause(&key(1000), &failed(), PAUSE, at(60_000)), "those are over: they go first");
    }

    #[test]
    fn a_refresh_that_fails_again_pauses_twice_as_long() {
        let throttle = Throttle::default();
        for (times, seconds) in [(1, 8), (2, 16), (3, 32)] {
            throttle.pause_refresh(&key(1), &failed(), PAUSE, at(0));
            assert!(throttle.paused(&key(1), at(seconds * 1000 - 1)), "{times}");
            assert!(!throttle.paused(&key(1), at(seconds * 1000)), "{times}");
        }
    }
}
