//! The keys read most, counted by a sketch of bounded size.

use std::time::Duration;

use cache_core::{Key, LookupKey, Timestamp, sync::Mutex};
use hashbrown::HashTable;

/// The most keys that are counted at once. When another comes, at least the colder half is dropped.
const MAX_COUNTED_KEYS: usize = 1024;

/// The most keys that are listed: the counts of the others may be nothing but error.
const MAX_LISTED_KEYS: usize = MAX_COUNTED_KEYS / 2;

/// When there are so many samples, all counts are halved, so that keys that were hot long ago are forgotten: with
/// one read in 64 sampled, every 131,072 reads. A key that takes 1 % of the reads is then in 20 samples at least.
const SAMPLES_PER_HALVING: u64 = 1 << 12;

/// They are halved at least this often, where that leaves enough of them.
const HALVING_INTERVAL: Duration = Duration::from_secs(60);
const MIN_SAMPLES_PER_HALVING: u64 = SAMPLES_PER_HALVING / 16;

/// A key and how often it is read.
#[derive(Clone, Debug, PartialEq)]
pub struct HotKey {
    /// The key.
    pub key: Key,
    /// Its share of the latest reads, hits and misses, `0.0..=1.0`. Counted on a sample: only by chance is
    /// it too high, and it is too low by at most 1/512.
    pub share: f64,
    /// An estimate of its reads, made of a sample of one in 64, in which older ones count less. It is no exact
    /// count, and a key that was read a few times may be missing.
    pub reads: u64,
}

/// Counts the most frequent keys of a stream, after Misra and Gries. When there is no room for another
/// key, every count is lowered by their median. So a count is too low by at most the number of samples
/// divided by half of `MAX_COUNTED_KEYS`, and most samples cost no more than a lookup.
#[derive(Debug, Default)]
pub(crate) struct Hottest(Mutex<Sketch>);

#[derive(Debug, Default)]
struct Sketch {
    counts: HashTable<(Key, u64)>,
    /// The number of samples, in which older ones count less.
    samples: u64,
    /// The number of all samples ever taken.
    ever: u64,
    /// When the counts were halved last for their age.
    halved: Timestamp,
}

impl Hottest {
    /// Counts a read. A read that comes while another thread counts is left out.
    pub(crate) fn sample(&self, key: &impl LookupKey) {
        if let Some(mut sketch) = self.0.try_lock() {
            sketch.count(key);
        }
    }

    /// Halves all counts if that was not done for [`HALVING_INTERVAL`], and few would not be left.
    pub(crate) fn age(&self, now: Timestamp) {
        let mut sketch = self.0.lock();
        if now.since(sketch.halved) >= HALVING_INTERVAL && sketch.samples >= MIN_SAMPLES_PER_HALVING {
            sketch.halve();
            sketch.halved = now;
        }
    }

    /// Returns the `most` hottest keys, the hottest first. The samples so far were taken of so many `reads`.
    pub(crate) fn list(&self, most: usize, reads: u64) -> Vec<HotKey> {
        let sketch = self.0.lock();
        let samples = sketch.samples.max(1);
        let reads_each = reads as f64 / sketch.ever.max(1) as f64;
        let mut keys: Vec<&(Key, u64)> = sketch.counts.iter().collect();
        keys.sort_unstable_by(|(a, x), (b, y)| y.cmp(x).then_with(|| a.as_str().cmp(b.as_str())));
        keys.truncate(most.min(MAX_LISTED_KEYS));
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
            if self.counts.len() >= MAX_COUNTED_KEYS {
                self.make_room();
            }
            self.counts.insert_unique(key.hash(), (key, 1), |(known, _)| known.hash());
        }
        if self.samples >= SAMPLES_PER_HALVING {
            self.halve();
        }
    }

    fn halve(&mut self) {
        self.samples /= 2;
        self.lower(|count| count / 2);
    }

    /// Drops at least half of the keys.
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
            hot in vec(0_u32..20, 0..2000),
            cold in vec(20_u32..100_000, 0..2000),
        ) {
            let hottest = Hottest::default();
            let all: Vec<u32> = hot.iter().zip(&cold).flat_map(|(hot, cold)| [*hot, *cold]).collect();
            all.iter().for_each(|id| hottest.sample(&key(*id)));
            let listed = hottest.list(MAX_COUNTED_KEYS, all.len() as u64);
            prop_assert!(listed.len() <= MAX_COUNTED_KEYS);
            for id in 0..20 {
                let true_share = all.iter().filter(|other| **other == id).count() as f64 / all.len().max(1) as f64;
                let share = listed.iter().find(|hot| hot.key == key(id)).map_or(0.0, |hot| hot.share);
                prop_assert!(share <= true_share + 1e-9, "{share} {true_share}");
                prop_assert!(share >= true_share - 2.0 / MAX_COUNTED_KEYS as f64 - 1e-9, "{share} {true_share}");
            }
        }
    }

    /// Ten keys take half of the reads, and then ten others. Returns how many of the latter are among the hottest
    /// ten after so many samples, a part of them after each minute.
    fn exchanged(before: u32, after: u32, each_minute: u32) -> usize {
        let hottest = Hottest::default();
        let mut taken = 0;
        let mut sample = |first: u32, samples: u32| {
            for number in 0..samples {
                let id = if number % 2 == 0 { first + number / 2 % 10 } else { 1000 + taken };
                hottest.sample(&key(id));
                taken += 1;
                if taken % each_minute == 0 {
                    hottest.age(Timestamp::default().after(HALVING_INTERVAL * (taken / each_minute)));
                }
            }
        };
        sample(0, before);
        sample(500, after);
        let listed = hottest.list(10, u64::from(before + after));
        listed.iter().filter(|hot| (500..510).any(|id| hot.key == key(id))).count()
    }

    #[test]
    fn the_hottest_keys_follow_a_shift_of_the_load_within_200_000_reads() {
        // One read in 64 is sampled.
        assert!(exchanged(100_000, 200_000 / 64, u32::MAX) >= 5);
    }

    #[test]
    fn at_a_low_rate_they_follow_within_minutes() {
        for each_minute in [300, 1000] {
            assert!(exchanged(100_000, 3 * each_minute, each_minute) >= 5, "{each_minute} samples a minute");
        }
        // So few say too little to forget what was before.
        assert!(exchanged(100, 10, 1) < 5);
    }

    #[test]
    fn what_was_hot_long_ago_gives_way() {
        let hottest = Hottest::default();
        (0..SAMPLES_PER_HALVING).for_each(|_| hottest.sample(&key(1)));
        (0..2 * SAMPLES_PER_HALVING).for_each(|_| hottest.sample(&key(2)));
        let hot = hottest.list(1, 3 * SAMPLES_PER_HALVING);
        assert_eq!(hot[0].key, key(2));
        assert!(hot[0].share > 0.6, "{hot:?}");
    }
}
