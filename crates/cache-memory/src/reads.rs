//! Hits and misses, counted without threads meeting, and the hottest keys by a sample of them.

use std::{
    cell::Cell,
    sync::atomic::{AtomicU64, AtomicUsize, Ordering},
    thread,
};

use cache_core::Query;
use crossbeam_utils::CachePadded;

use crate::hottest::{HotKey, Hottest};

/// One read in so many is looked at for its key.
const SAMPLED: u64 = 64;

/// Counts of one lane.
#[derive(Debug, Default)]
struct Lane {
    hits: AtomicU64,
    misses: AtomicU64,
}

/// The reads of a near tier. Counts lie in lanes that threads are dealt onto in turn, and are added up
/// when asked for.
#[derive(Debug)]
pub(crate) struct Reads {
    lanes: Box<[CachePadded<Lane>]>,
    hottest: Hottest,
}

thread_local! {
    static NUMBER: Cell<usize> = const { Cell::new(usize::MAX) };
}

impl Reads {
    pub(crate) fn new() -> Self {
        let threads = thread::available_parallelism().map_or(1, usize::from);
        let lanes = (2 * threads).next_power_of_two().clamp(16, 1024);
        Self {
            lanes: (0..lanes).map(|_| CachePadded::new(Lane::default())).collect(),
            hottest: Hottest::default(),
        }
    }

    #[inline]

    pub(crate) fn hit(&self, key: &impl Query) {
        self.count(&self.lane().hits, key);
    }

    pub(crate) fn miss(&self, key: &impl Query) {
        self.count(&self.lane().misses, key);
    }

    pub(crate) fn hits(&self) -> u64 {
        self.lanes.iter().map(|lane| lane.hits.load(Ordering::Relaxed)).sum()
    }

    pub(crate) fn misses(&self) -> u64 {
        self.lanes.iter().map(|lane| lane.misses.load(Ordering::Relaxed)).sum()
    }

    pub(crate) fn hottest(&self, most: usize) -> Vec<HotKey> {
        self.hottest.list(most, SAMPLED)
    }

    #[inline]

    fn count(&self, counter: &AtomicU64, key: &impl Query) {
        let before = counter.fetch_add(1, Ordering::Relaxed);
        if chosen(before) {
            self.sample(key);
        }
    }

    #[cold]
    fn sample(&self, key: &impl Query) {
        if let Ok(key) = key.key() {
            self.hottest.sample(key);
        }
    }

    #[inline]

    fn lane(&self) -> &Lane {
        let number = NUMBER.with(|number| {
            if number.get() == usize::MAX {
                static NEXT: AtomicUsize = AtomicUsize::new(0);
                number.set(NEXT.fetch_add(1, Ordering::Relaxed));
            }
            number.get()
        });
        &self.lanes[number & (self.lanes.len() - 1)]
    }
}

/// Whether the read with this number is sampled. Multiples of the golden ratio spread evenly without a
/// period, so that no rhythm of demand hides a key.
#[inline]
fn chosen(number: u64) -> bool {
    number.wrapping_mul(0x9E37_79B9_7F4A_7C15) < u64::MAX / SAMPLED
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_read_in_64_is_sampled_whatever_the_rhythm() {
        for rhythm in [1_u64, 2, 7, 64, 100, 128, 4096] {
            let sampled = (0..64_000).filter(|turn| chosen(turn * rhythm)).count();
            assert!((900..=1100).contains(&sampled), "{sampled} of 64000 with a rhythm of {rhythm}");
        }
    }
}
