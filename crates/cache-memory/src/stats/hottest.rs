//! Which keys are read most: a sketch, bounded.

use std::sync::{Mutex, PoisonError};

use cache_core::{Key, LookupKey};
use hashbrown::HashTable;

/// How many keys are counted at once; the coldest half goes when there is no room for another.
const CAPACITY: usize = 1024;

/// How many of them are listed at most: the others' counts may be all error.
const LISTED: usize = CAPACITY / 2;

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

/// Counts the most frequent keys of a stream, after Misra and Gries: when there is no room for another
/// key, every count goes down by the median of them. So a count is too low by at most the number of
/// samples divided by half of `CAPACITY`, and most samples cost no more than a look.
#[derive(Debug, Default)]
pub(crate) struct Hottest(Mutex<Sketch>);

#[derive(Debug, Default)]
struct Sketch {
    counts: HashTable<(Key, u64)>,
    /// How many samples the counts are of, the older ones counted less.
    samples: u64,
    /// How many there were.
    ever: u64,
}

impl Hottest {
    /// Counts a read. While another thread does, this one is left out.
    pub(crate) fn sample(&self, key: &impl LookupKey) {
        if let Ok(mut sketch) = self.0.try_lock() {
            sketch.count(key);
        }
    }

    /// The `most` hottest keys, the hottest first, if the samples so far were of so many `reads`.
    pub(crate) fn list(&self, most: usize, reads: u64) -> Vec<HotKey> {
        let sketch = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let samples = sketch.samples.max(1);
        let reads_each = reads as f64 / sketch.ever.max(1) as f64;
        let mut keys: Vec<&(Key, u64)> = sketch.counts.iter().collect();
        keys.sort_unstable_by(|(a, x), (b, y)| y.cmp(x).then_with(|| a.as_str().cmp(b.as_str())));
        keys.truncate(most.min(LISTED));
        let hot = |(key, count): &(Key, u64)| HotKey {
            key: key.clone(),
            share: *count as f64 / samples as f64,
            reads: (*count as f64 * reads_each).round() as u64,
        };
        keys.into_iter().map(hot).collect()
    }
}

impl Sketch {
    fn count(&mut self, key: &impl LookupKey) {
        self.samples += 1;
        self.ever += 1;
        if let Some((_, count)) = self.counts.find_mut(key.hashed(), |(known, _)| key.equivalent(known)) {
            *count += 1;
        } else if let Ok(key) = key.key() {
            if self.counts.len() >= CAPACITY {
                self.make_room();
            }
            self.counts.insert_unique(key.hash(), (key, 1), |(known, _)| known.hash());
        }
        if self.samples >= WINDOW {
            self.samples /= 2;
            self.lower(|count| count / 2);
        }
    }

    /// At least half of the keys go.
    fn make_room(&mut self) {
        let mut counts: Vec<u64> = self.counts.iter().map(|(_, count)| *count).collect();
        let middle = counts.len() / 2;
        let (_, median, _) = counts.select_nth_unstable(middle);
        self.lower(|count| count.saturating_sub(*median));
    }

    fn lower(&mut self, lowered: impl Fn(u64) -> u64) {
        self.counts.retain(|(_, count)| {
            *count = lowered(*count);
            *count > 0
        });
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
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_share_is_never_too_high_and_hardly_too_low(
            hot in vec(0_u32..20, 0..4000),
            cold in vec(20_u32..100_000, 0..4000),
        ) {
            let hottest = Hottest::default();
            let all: Vec<u32> = hot.iter().zip(&cold).flat_map(|(hot, cold)| [*hot, *cold]).collect();
            all.iter().for_each(|id| hottest.sample(&key(*id)));
            let listed = hottest.list(CAPACITY, all.len() as u64);
            prop_assert!(listed.len() <= CAPACITY);
            for id in 0..20 {
                let true_share = all.iter().filter(|other| **other == id).count() as f64 / all.len().max(1) as f64;
                let share = listed.iter().find(|hot| hot.key == key(id)).map_or(0.0, |hot| hot.share);
                prop_assert!(share <= true_share + 1e-9, "{share} {true_share}");
                prop_assert!(share >= true_share - 2.0 / CAPACITY as f64 - 1e-9, "{share} {true_share}");
            }
        }
    }

    #[test]
    fn what_was_hot_long_ago_gives_way() {
        let hottest = Hottest::default();
        (0..WINDOW).for_each(|_| hottest.sample(&key(1)));
        (0..2 * WINDOW).for_each(|_| hottest.sample(&key(2)));
        let hot = hottest.list(1, 3 * WINDOW);
        assert_eq!(hot[0].key, key(2));
        assert!(hot[0].share > 0.6, "{hot:?}");
    }
}
