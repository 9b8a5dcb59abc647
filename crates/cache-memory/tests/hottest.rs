//! The keys that are read most: which, in which order, with which share.

mod fixture;

use cache_core::Key;
use cache_memory::{HotKey, Memory};
use fixture::{key, put};
use proptest::{
    prelude::Rng,
    test_runner::{RngAlgorithm, TestRng},
};

/// How many keys there are.
const KEYS: usize = 2000;

/// How many reads a test makes.
const READS: usize = 400_000;

/// How often each key is asked for, after Zipf: the `n`th by 1/n.
struct Demand {
    keys: Vec<Key>,
    /// Up to which part of all reads the keys so far go.
    upto: Vec<f64>,
    random: TestRng,
}

impl Demand {
    fn new(name: &str) -> Self {
        let mut sum = 0.0;
        let mut add = |n: usize| {
            sum += 1.0 / (n + 1) as f64;
            sum
        };
        let upto: Vec<f64> = (0..KEYS).map(&mut add).collect();
        Self {
            keys: (0..KEYS).map(|n| key(&format!("{name}{n}"))).collect(),
            upto: upto.iter().map(|part| part / sum).collect(),
            random: TestRng::deterministic_rng(RngAlgorithm::ChaCha),
        }
    }

    fn next(&mut self) -> Key {
        let random = self.random.next_u32() as f64 / f64::from(u32::MAX);
        let at = self.upto.partition_point(|upto| *upto < random);
        self.keys[at.min(KEYS - 1)].clone()
    }

    /// The part of the reads that asks for the `n`th.
    fn share(&self, n: usize) -> f64 {
        self.upto[n] - n.checked_sub(1).map_or(0.0, |before| self.upto[before])
    }
}

fn ids(hot: &[HotKey]) -> Vec<&str> {
    hot.iter().map(|hot| hot.key.id()).collect()
}

#[test]
fn the_hottest_keys_come_first_with_about_their_share_of_the_reads() {
    let (memory, mut demand) = (Memory::builder().entries(100).build(), Demand::new("k"));
    // Half of what is asked for is not there: misses count as hits do.
    (0..KEYS).step_by(2).take(50).for_each(|n| assert!(put(&memory, &format!("k{n}"), 0)));
    for _ in 0..READS {
        let _ = memory.get(&demand.next());
    }
    let hot = memory.hottest(20);
    assert_eq!(ids(&hot[..5]), ["k0", "k1", "k2", "k3", "k4"], "{hot:?}");
    assert!(hot.windows(2).all(|pair| pair[0].share >= pair[1].share), "{hot:?}");
    for HotKey { key, share, reads } in &hot {
        let n: usize = key.id()[1..].parse().unwrap();
        let wanted = demand.share(n);
        // What the sketch gives away, and what chance does, of some 6,000 samples.
        let chance = 4.0 * (wanted / (READS / 64) as f64).sqrt();
        assert!(
            *share <= wanted + chance && *share >= wanted - 1.0 / 512.0 - chance,
            "{key}: {share}, {wanted}"
        );
        assert!(n < 60, "{key} is none of the hottest");
        assert!(*reads <= (READS as f64 * (wanted + chance)) as u64, "{key}: {reads} reads");
    }
}

#[test]
fn as_many_are_listed_as_asked_for_and_at_most_512() {
    for (count, listed) in [(3, 3), (700, 512), (5000, 512)] {
        let memory = Memory::builder().entries(10).build();
        let keys: Vec<Key> = (0..count).map(|n| key(&n.to_string())).collect();
        keys.iter().cycle().take(READS).for_each(|key| memory.count_miss(key));
        let all = memory.hottest(usize::MAX);
        assert!(all.len() <= listed && (all.len() == listed || count > 1024), "{} of {count}", all.len());
        assert_eq!((memory.hottest(3).len(), memory.hottest(0).len()), (3, 0));
        assert!(all.iter().map(|hot| hot.share).sum::<f64>() <= 1.0 + 1e-9);
    }
}

#[test]
fn what_is_hot_now_comes_before_what_was_hot_long_ago() {
    let memory = Memory::builder().entries(10).build();
    let (past, present) = (key("past"), key("present"));
    (0..1_000_000).for_each(|_| memory.count_hit(&past));
    assert_eq!(ids(&memory.hottest(2)), ["past"]);
    (0..200_000).for_each(|_| memory.count_hit(&present));
    let hot = memory.hottest(2);
    assert_eq!(ids(&hot), ["present", "past"]);
    assert!(hot[0].share > 0.55, "{hot:?}");
}

#[test]
fn without_reads_nothing_is_hot() {
    let memory = Memory::builder().entries(10).build();
    put(&memory, "a", 0);
    assert!(memory.hottest(10).is_empty(), "a put is no read");
    let _ = memory.peek(&key("a"));
    assert!(memory.hottest(10).is_empty(), "nor is a look");
}
