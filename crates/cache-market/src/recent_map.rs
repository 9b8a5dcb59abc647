//! A bounded map that forgets what was not touched lately.

use std::{collections::HashMap, hash::Hash, mem};

/// Two generations, each of half the capacity: what is touched is young, and when the young are too many the
/// old are forgotten and the young grow old. So what is forgotten was not touched for at least half a
/// capacity of others. Each step takes constant time, and nothing here depends on chance or on a clock.
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

    /// Looks without touching.
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
