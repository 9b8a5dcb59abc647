//! Tombstones: what is kept of removed keys, to refuse values born before the removal.

use std::{collections::HashMap, hash::BuildHasherDefault, sync::Arc};

use crate::{Key, KeyHasher, Pattern, Target, Timestamp};

/// The trace of a removal: until `dead_at`, no value born at `born` or earlier may be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tombstone {
    /// When the removal happened.
    pub born: Timestamp,
    /// Until when a load that began before the removal may still bring a value.
    pub dead_at: Timestamp,
}

impl Tombstone {
    /// Returns a tombstone that refuses whatever either refuses, for as long as either does.
    fn merged(self, other: Option<Self>) -> Self {
        other.map_or(self, |other| Self {
            born: self.born.max(other.born),
            dead_at: self.dead_at.max(other.dead_at),
        })
    }
}

/// The tombstones of one tier, in memory and bounded.
///
/// Past the bound the oldest eighth goes, and one tombstone for all keys takes its place. While that lasts,
/// nothing born before it is accepted: for a while the cache loses loads that were under way then and older
/// entries, but never a removal, and nothing that is born later than those that went.
#[derive(Debug)]
pub struct Tombstones {
    keys: HashMap<Key, Tombstone, BuildHasherDefault<KeyHasher>>,
    patterns: Vec<(Arc<Pattern>, Tombstone)>,
    /// Takes the place of the tombstones that were dropped, and covers every key.
    floor: Option<Tombstone>,
    capacity: usize,
    /// The most bytes that the keys may take, and how many they do.
    max_bytes: usize,
    bytes: usize,
}

/// Which part of the tombstones goes at once when there are too many: each that comes costs but a few that are
/// looked at.
const FORGOTTEN_SHARE: usize = 8;

/// What a tombstone takes beside the text of its key, in bytes.
const TOMBSTONE_OVERHEAD: usize = 80;

impl Tombstones {
    /// Returns an empty set, with room for `capacity` keys and as many patterns.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self {
            keys: HashMap::default(),
            patterns: Vec::new(),
            floor: None,
            capacity,
            max_bytes: usize::MAX,
            bytes: 0,
        }
    }

    /// Returns the same, whose keys take no more than `bytes`, or a single one.
    #[must_use]
    pub fn with_max_bytes(mut self, bytes: usize) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// Whether another key of this many bytes would be too much.
    fn is_full(&self, bytes: usize) -> bool {
        self.keys.len() >= self.capacity || self.bytes.saturating_add(bytes) > self.max_bytes
    }

    /// Adds the tombstone of a key.
    pub fn add(&mut self, key: &Key, tombstone: Tombstone, now: Timestamp) {
        let known = self.keys.contains_key(key);
        let bytes = key.as_str().len() + TOMBSTONE_OVERHEAD;
        if !known && self.is_full(bytes) {
            self.purge(now);
            while self.is_full(bytes) && !self.keys.is_empty() {
                self.forget_oldest();
            }
        }
        if !known {
            self.bytes += bytes;
        }
        let slot = self.keys.entry(key.clone()).or_insert(tombstone);
        *slot =
            Tombstone { born: slot.born.max(tombstone.born), dead_at: slot.dead_at.max(tombstone.dead_at) };
    }

    /// Lets the floor take the place of the oldest eighth of the keys' tombstones.
    fn forget_oldest(&mut self) {
        let mut births: Vec<Timestamp> = self.keys.values().map(|tombstone| tombstone.born).collect();
        let last = births.len().div_ceil(FORGOTTEN_SHARE) - 1;
        let (_, last, _) = births.select_nth_unstable(last);
        let (floor, bytes) = (&mut self.floor, &mut self.bytes);
        self.keys.retain(|key, tombstone| {
            let stays = tombstone.born > *last;
            if !stays {
                *floor = Some(tombstone.merged(*floor));
                *bytes -= key.as_str().len() + TOMBSTONE_OVERHEAD;
            }
            stays
        });
    }

    /// Adds the tombstone of every key that matches a pattern.
    pub fn add_matching(&mut self, pattern: Arc<Pattern>, tombstone: Tombstone, now: Timestamp) {
        self.patterns.retain(|(_, old)| now < old.dead_at);
        if self.patterns.len() >= self.capacity {
            let count = self.patterns.len().div_ceil(FORGOTTEN_SHARE);
            self.patterns.sort_unstable_by_key(|(_, tombstone)| tombstone.born);
            let forgotten = self.patterns.drain(..count).map(|(_, tombstone)| tombstone);
            self.floor = forgotten.fold(self.floor, |floor, tombstone| Some(tombstone.merged(floor)));
        }
        self.patterns.push((pattern, tombstone));
    }

    /// Adds the tombstones of what a tier was told to remove.
    pub fn add_target(&mut self, target: Target<'_>, tombstone: Tombstone, now: Timestamp) {
        match target {
            Target::Keys(keys) => keys.iter().for_each(|key| self.add(key, tombstone, now)),
            Target::Matching(pattern) => self.add_matching(Arc::new(pattern.clone()), tombstone, now),
        }
    }

    /// Whether a value of `key` born at `born` was removed since.
    #[must_use]
    pub fn refuses(&self, key: &Key, born: Timestamp, now: Timestamp) -> bool {
        let covers = |tombstone: &Tombstone| born <= tombstone.born && now < tombstone.dead_at;
        self.floor.as_ref().is_some_and(covers)
            || self.keys.get(key).is_some_and(covers)
            || self.patterns.iter().any(|(pattern, tombstone)| covers(tombstone) && pattern.matches(key))
    }

    /// Drops the dead tombstones.
    pub fn purge(&mut self, now: Timestamp) {
        self.floor = self.floor.filter(|floor| now < floor.dead_at);
        let bytes = &mut self.bytes;
        self.keys.retain(|key, tombstone| {
            let lasts = now < tombstone.dead_at;
            *bytes -= if lasts { 0 } else { key.as_str().len() + TOMBSTONE_OVERHEAD };
            lasts
        });
        self.patterns.retain(|(_, tombstone)| now < tombstone.dead_at);
    }

    /// Returns the number of tombstones of single keys and of patterns.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.len() + self.patterns.len()
    }

    /// Whether there are none of either.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(micros: i64) -> Timestamp {
        Timestamp::from_micros(micros)
    }

    fn key(id: usize) -> Key {
        Key::new("k", &id.to_string()).unwrap()
    }

    #[test]
    fn rule_29_what_was_born_before_the_removal_is_refused_while_the_tombstone_lasts() {
        let mut tombstones = Tombstones::new(8);
        tombstones.add(&key(1), Tombstone { born: at(10), dead_at: at(20) }, at(10));
        assert!(tombstones.refuses(&key(1), at(10), at(19)));
        assert!(!tombstones.refuses(&key(1), at(11), at(19)));
        assert!(!tombstones.refuses(&key(2), at(10), at(19)));
        assert!(!tombstones.refuses(&key(1), at(10), at(20)));
    }

    #[test]
    fn rule_29_past_the_bound_more_is_refused_never_less() {
        let mut tombstones = Tombstones::new(8);
        for id in 0..100 {
            tombstones.add(&key(id), Tombstone { born: at(id as i64), dead_at: at(1000) }, at(0));
        }
        assert!(tombstones.len() <= 8);
        for id in 0..100 {
            assert!(tombstones.refuses(&key(id), at(id as i64), at(0)), "{id}");
        }
        assert!(!tombstones.refuses(&key(0), at(100), at(0)));
        assert!(!tombstones.refuses(&key(0), at(0), at(1000)), "nor for longer than what was forgotten");
    }

    #[test]
    fn rule_29_at_the_bound_the_oldest_are_forgotten_and_nothing_later_is_refused_for_them() {
        const CAPACITY: usize = 64;
        let mut tombstones = Tombstones::new(CAPACITY);
        let of_pattern = |id: usize| Arc::new(Pattern::kind(&format!("p{id}")));
        for id in 0..10 * CAPACITY {
            let tombstone = Tombstone { born: at(id as i64), dead_at: at(5000 + id as i64) };
            tombstones.add(&key(id), tombstone, at(0));
            tombstones.add_matching(of_pattern(id), tombstone, at(0));
            // What was removed no later than an eighth ago, and a little more that goes with it, stands for
            // itself.
            let stands = (id + 1).saturating_sub(CAPACITY * 7 / 8 - 1).max(1) as i64;
            let other = Key::new("other", "1").unwrap();
            assert!(!tombstones.refuses(&other, at(stands), at(0)), "{stands} of {id}");
            for known in 0..=id {
                assert!(tombstones.refuses(&key(known), at(known as i64), at(0)), "{known} of {id}");
                let matching = Key::new(&format!("p{known}"), "1").unwrap();
                assert!(tombstones.refuses(&matching, at(known as i64), at(0)), "{known} of {id}");
            }
        }
        // What was forgotten lasts no longer than it was to.
        tombstones.purge(at(5000 + 9 * CAPACITY as i64));
        assert!(!tombstones.refuses(&key(0), at(0), at(5000 + 9 * CAPACITY as i64)));
        assert!(tombstones.len() > CAPACITY);
    }

    #[test]
    fn rule_113_the_keys_of_tombstones_take_no_more_bytes_than_they_may() {
        let long = |id: usize| Key::new("k", &format!("{id:0>4000}")).unwrap();
        let mut tombstones = Tombstones::new(1000).with_max_bytes(20_000);
        for id in 0..100 {
            tombstones.add(&long(id), Tombstone { born: at(id as i64), dead_at: at(1000) }, at(0));
            assert!(tombstones.len() <= 4 && tombstones.bytes <= 20_000);
        }
        assert!(
            (0..100).all(|id| tombstones.refuses(&long(id), at(id as i64), at(0))),
            "no removal is forgotten"
        );
        tombstones.purge(at(1000));
        assert_eq!((tombstones.len(), tombstones.bytes), (0, 0));
    }

    #[test]
    fn rule_29_a_pattern_covers_keys_that_were_not_there() {
        let mut tombstones = Tombstones::new(8);
        tombstones.add_matching(Pattern::kind("k").into(), Tombstone { born: at(5), dead_at: at(9) }, at(5));
        assert!(tombstones.refuses(&key(1), at(4), at(6)));
        assert!(!tombstones.refuses(&key(1), at(6), at(6)));
    }
}
