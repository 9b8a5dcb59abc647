//! Which keys are read most: a sketch, bounded.

use std::{
    collections::HashMap,
    collections::hash_map::Entry,
    hash::BuildHasherDefault,
    sync::{Mutex, PoisonError},
};

use cache_core::{Key, KeyHasher};

/// How many keys are counted at once.
const CAPACITY: usize = 512;

/// After how many samples all counts are halved, so that what was hot long ago is forgotten.
const WINDOW: u64 = 1 << 16;

/// A key and how often it is read.
#[derive(Clone, Debug, PartialEq)]
pub struct HotKey {
    /// The key.
    pub key: Key,
    /// Its share of the latest reads, hits and misses, `0.0..=1.0`. Never too high but by chance, since
    /// it counts a sample, and too low by 1/512 at most.
    pub share: f64,
    /// About how many reads that are, the older ones counted less.
    pub reads: u64,
}

/// Counts the most frequent keys of a stream: Misra and Gries' algorithm, on every so many-eth read. When
/// there is no room for another key, every count goes down by one, so each is too low by at most the
/// number of samples divided by `CAPACITY`.
#[derive(Debug, Default)]
pub(crate) struct Hottest(Mutex<Sketch>);

#[derive(Debug, Default)]
struct Sketch {
    counts: HashMap<Key, u64, BuildHasherDefault<KeyHasher>>,
    samples: u64,
}

impl Hottest {
    /// Counts a read. While another thread does, this one is left out.
    pub(crate) fn sample(&self, key: Key) {
        if let Ok(mut sketch) = self.0.try_lock() {
            sketch.count(key);
        }
    }

    /// The `most` hottest keys, the hottest first; each sample stands for `reads_each`.
    pub(crate) fn list(&self, most: usize, reads_each: u64) -> Vec<HotKey> {
        let sketch = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let samples = sketch.samples.max(1);
        let mut keys: Vec<(&Key, u64)> = sketch.counts.iter().map(|(key, count)| (key, *count)).collect();
        keys.sort_unstable_by(|(a, x), (b, y)| y.cmp(x).then_with(|| a.as_str().cmp(b.as_str())));
        keys.truncate(most);
        let hot = |(key, count): (&Key, u64)| HotKey {
            key: key.clone(),
            share: count as f64 / samples as f64,
            reads: count * reads_each,
        };
        keys.into_iter().map(hot).collect()
    }
}

impl Sketch {
    fn count(&mut self, key: Key) {
        self.samples += 1;
        let full = self.counts.len() >= CAPACITY;
        match self.counts.entry(key) {
            Entry::Occupied(mut count) => *count.get_mut() += 1,
            Entry::Vacant(place) if !full => {
                place.insert(1);
            }
            Entry::Vacant(_) => self.counts.retain(|_, count| {
                *count -= 1;
                *count > 0
            }),
        }
        if self.samples >= WINDOW {
            self.samples /= 2;
            self.counts.retain(|_, count| {
                *count /= 2;
                *count > 0
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    fn key(id: u32) -> Key {
        Key::new("k", &id.to_string()).unwrap()
    }

    proptest! {
        #[test]
        fn a_share_is_never_too_high_and_hardly_too_low(
            hot in vec(0_u32..20, 0..4000),
            cold in vec(20_u32..100_000, 0..4000),
        ) {
            let hottest = Hottest::default();
            let all: Vec<u32> = hot.iter().zip(&cold).flat_map(|(hot, cold)| [*hot, *cold]).collect();
            all.iter().for_each(|id| hottest.sample(key(*id)));
            let listed = hottest.list(CAPACITY, 1);
            prop_assert!(listed.len() <= CAPACITY);
            for id in 0..20 {
                let true_share = all.iter().filter(|other| **other == id).count() as f64 / all.len().max(1) as f64;
                let share = listed.iter().find(|hot| hot.key == key(id)).map_or(0.0, |hot| hot.share);
                prop_assert!(share <= true_share + 1e-9, "{share} {true_share}");
                prop_assert!(share >= true_share - 1.0 / CAPACITY as f64 - 1e-9, "{share} {true_share}");
            }
        }
    }

    #[test]
    fn what_was_hot_long_ago_gives_way() {
        let hottest = Hottest::default();
        (0..WINDOW).for_each(|_| hottest.sample(key(1)));
        (0..2 * WINDOW).for_each(|_| hottest.sample(key(2)));
        let hot = hottest.list(1, 1);
        assert_eq!(hot[0].key, key(2));
        assert!(hot[0].share > 0.6, "{hot:?}");
    }
}
