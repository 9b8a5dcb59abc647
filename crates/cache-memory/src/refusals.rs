//! Which values memory refuses: those removed, and those older than a write under way.

use std::{
    collections::{HashMap, hash_map::Entry},
    hash::BuildHasherDefault,
};

use cache_core::{Key, KeyHasher, Timestamp, Tombstones};

/// The most tombstones of single keys, and of patterns, that a stripe keeps.
const TOMBSTONES_PER_STRIPE: usize = 1024;

/// For how many writes under way a stripe keeps room once they are over.
const WRITES_PER_STRIPE: usize = 1024;

/// What one stripe of keys refuses; its owner locks it.
#[derive(Debug)]
pub(crate) struct Refusals {
    pub(crate) tombstones: Tombstones,
    /// Writes that have not reached every tier yet. Memory may evict their entries before that.
    pending_writes: HashMap<Key, Births, BuildHasherDefault<KeyHasher>>,
}

/// When the writes of one key were born that are under way: as a rule it is one.
#[derive(Debug)]
struct Births {
    first: Timestamp,
    others: Vec<Timestamp>,
}

impl Births {
    fn latest(&self) -> Timestamp {
        self.others.iter().fold(self.first, |latest, born| latest.max(*born))
    }

    /// Takes one out. Returns whether it was the last.
    fn end(&mut self, born: Timestamp) -> bool {
        if self.first == born {
            match self.others.pop() {
                Some(other) => self.first = other,
                None => return true,
            }
        } else if let Some(at) = self.others.iter().position(|other| *other == born) {
            self.others.swap_remove(at);
        }
        false
    }
}

impl Refusals {
    /// What a stripe refuses; the keys of its tombstones take no more than `bytes`.
    pub(crate) fn new(bytes: usize) -> Self {
        let tombstones = Tombstones::new(TOMBSTONES_PER_STRIPE).with_max_bytes(bytes);
        Self { tombstones, pending_writes: HashMap::default() }
    }

    /// Refuses values of `key` born before `born`, until [`Refusals::end_write`].
    pub(crate) fn begin_write(&mut self, key: Key, born: Timestamp) {
        match self.pending_writes.entry(key) {
            Entry::Occupied(mut births) => births.get_mut().others.push(born),
            Entry::Vacant(place) => {
                place.insert(Births { first: born, others: Vec::new() });
            }
        }
    }

    pub(crate) fn end_write(&mut self, key: &Key, born: Timestamp) {
        if self.pending_writes.get_mut(key).is_some_and(|births| births.end(born)) {
            self.pending_writes.remove(key);
        }
        if self.pending_writes.is_empty() {
            // After a large batch.
            self.pending_writes.shrink_to(WRITES_PER_STRIPE);
        }
    }

    /// Whether a write of `key` is under way.
    pub(crate) fn is_being_written(&self, key: &Key) -> bool {
        self.pending_writes.contains_key(key)
    }

    /// Whether a value of `key` born at `born` was removed or is being replaced.
    pub(crate) fn refuses(&self, key: &Key, born: Timestamp, now: Timestamp) -> bool {
        self.tombstones.refuses(key, born, now)
            || self.pending_writes.get(key).is_some_and(|births| born < births.latest())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(micros: i64) -> Timestamp {
        Timestamp::from_micros(micros)
    }

    fn key(id: u8) -> Key {
        Key::new("k", &id.to_string()).unwrap()
    }

    proptest! {
        /// Against a list of the writes under way.
        #[test]
        fn rule_100_writes_of_one_key_and_of_many_are_refused_alike(
            steps in prop::collection::vec((any::<bool>(), 0_u8..4, 0_i64..8), 0..64),
        ) {
            let (mut refusals, mut writes) = (Refusals::new(usize::MAX), Vec::<(u8, i64)>::new());
            for (begins, id, born) in steps {
                if begins {
                    refusals.begin_write(key(id), at(born));
                    writes.push((id, born));
                } else {
                    refusals.end_write(&key(id), at(born));
                    if let Some(at) = writes.iter().position(|write| *write == (id, born)) {
                        writes.swap_remove(at);
                    }
                }
                for id in 0..4 {
                    let of_key = || writes.iter().filter(|write| write.0 == id);
                    prop_assert_eq!(refusals.is_being_written(&key(id)), of_key().next().is_some());
                    for born in 0..8 {
                        let is_older = of_key().any(|write| born < write.1);
                        prop_assert_eq!(refusals.refuses(&key(id), at(born), at(0)), is_older);
                    }
                }
            }
        }
    }

    #[test]
    fn rule_100_room_for_a_large_batch_is_not_kept() {
        let mut refusals = Refusals::new(usize::MAX);
        let keys: Vec<Key> = (0..20_000).map(|id| Key::new("k", &format!("{id}")).unwrap()).collect();
        keys.iter().for_each(|key| refusals.begin_write(key.clone(), at(1)));
        keys.iter().for_each(|key| refusals.end_write(key, at(1)));
        assert!(refusals.pending_writes.capacity() < 4 * WRITES_PER_STRIPE);
    }
}
