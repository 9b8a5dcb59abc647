//! A bounded map that drops the entries not used recently.

use std::{collections::HashMap, hash::Hash, mem};

/// A map of two generations, each of half the capacity: a used entry moves to the young one; when that is full,
/// the old one is dropped and the young one becomes old. So an entry is dropped only after at least half the
/// capacity of others were used since. Each step takes constant time and is deterministic.
#[derive(Debug)]
pub(crate) struct RecentMap<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
    half: usize,
}

impl<K: Eq + Hash, V> RecentMap<K, V> {
    /// A map of at most `capacity` entries, and at least two.
    pub(crate) fn new(capacity: usize) -> Self {
        Self { young: HashMap::new(), old: HashMap::new(), half: (capacity / 2).max(1) }
    }

    /// Looks up an entry; this is no use of it.
    pub(crate) fn peek(&self, key: &K) -> Option<&V> {
        self.young.get(key).or_else(|| self.old.get(key))
    }

    /// Takes an entry out, to be put back by [`RecentMap::put`].
    pub(crate) fn take(&mut self, key: &K) -> Option<V> {
        self.young.remove(key).or_else(|| self.old.remove(key))
    }

    pub(crate) fn put(&mut self, key: K, value: V) {
        if self.young.len() >= self.half && !self.young.contains_key(&key) {
            self.old = mem::take(&mut self.young);
        }
        self.old.remove(&key);
        self.young.insert(key, value);
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_stays_bounded_and_keeps_what_was_touched_last(touched in prop::collection::vec(0..50_u8, 1..300), capacity in 2..20_usize) {
            let mut recent = RecentMap::new(capacity);
            for (at, key) in touched.iter().enumerate() {
                recent.take(key);
                recent.put(*key, at);
                prop_assert!(recent.len() <= capacity);
            }
            // The last distinct ones, up to half the capacity, are there with their newest values.
            let mut seen = Vec::new();
            for (at, key) in touched.iter().enumerate().rev() {
                if !seen.contains(key) && seen.len() < capacity / 2 {
                    prop_assert_eq!(recent.peek(key), Some(&at));
                    seen.push(*key);
                }
            }
        }
    }
}
