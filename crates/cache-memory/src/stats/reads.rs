//! Hits and misses, counted by each thread for itself, and a sample of them for the hottest keys.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use cache_core::{LookupKey, Timestamp, sync::RwLock};
use crossbeam_utils::CachePadded;
use thread_local::ThreadLocal;

use crate::stats::hottest::{HotKey, Hottest};

/// One read in so many is sampled for its key.
const READS_PER_SAMPLE: u64 = 64;

/// The counts of one thread.
#[derive(Debug, Default)]
struct ThreadCounts {
    hits: AtomicU64,
    misses: AtomicU64,
}

/// Hits and misses of one part of what memory holds, such as a region. Each thread counts its own, and they are
/// added up when asked for. A new thread goes on with the counts of one that ended.
#[derive(Debug, Default)]
pub struct ReadCounter {
    counts: ThreadLocal<CachePadded<ThreadCounts>>,
}

impl ReadCounter {
    /// Returns how many reads found an entry that could be served.
    #[must_use]
    pub fn hits(&self) -> u64 {
        self.counts.iter().map(|counts| counts.hits.load(Ordering::Relaxed)).sum()
    }

    /// Returns how many reads found none.
    #[must_use]
    pub fn misses(&self) -> u64 {
        self.counts.iter().map(|counts| counts.misses.load(Ordering::Relaxed)).sum()
    }
}

/// The reads of a near tier: what its counters add up to, and the hottest keys.
#[derive(Debug, Default)]
pub(crate) struct Reads {
    /// The reads that belong to no other counter.
    own: ReadCounter,
    others: RwLock<Vec<Arc<ReadCounter>>>,
    hottest: Hottest,
}

impl Reads {
    /// Returns a counter whose reads are part of the sum.
    pub(crate) fn counter(&self) -> Arc<ReadCounter> {
        let counter = Arc::new(ReadCounter::default());
        self.others.write().push(Arc::clone(&counter));
        counter
    }

    pub(crate) fn own(&self) -> &ReadCounter {
        &self.own
    }

    #[inline]
    pub(crate) fn hit(&self, counter: &ReadCounter, key: &impl LookupKey) {
        self.count(&counter.counts.get_or_default().hits, key);
    }

    pub(crate) fn miss(&self, counter: &ReadCounter, key: &impl LookupKey) {
        self.count(&counter.counts.get_or_default().misses, key);
    }

    pub(crate) fn hits(&self) -> u64 {
        self.own.hits() + self.others.read().iter().map(|counter| counter.hits()).sum::<u64>()
    }

    pub(crate) fn misses(&self) -> u64 {
        self.own.misses() + self.others.read().iter().map(|counter| counter.misses()).sum::<u64>()
    }

    pub(crate) fn hottest(&self, most: usize) -> Vec<HotKey> {
        self.hottest.list(most, self.hits() + self.misses())
    }

    /// Lets the hottest keys grow old.
    pub(crate) fn age(&self, now: Timestamp) {
        self.hottest.age(now);
    }

    #[inline]
    fn count(&self, counter: &AtomicU64, key: &impl LookupKey) {
        // Only this thread writes the counter, so no count is lost between the load and the store.
        let before = counter.load(Ordering::Relaxed);
        counter.store(before.wrapping_add(1), Ordering::Relaxed);
        if is_sampled(before) {
            self.sample(key);
        }
    }

    #[cold]
    fn sample(&self, key: &impl LookupKey) {
        self.hottest.sample(key);
    }
}

/// Whether the read with this number is sampled. Multiples of the golden ratio spread evenly and without
/// a period, so that no periodic demand hides a key.
#[inline]
fn is_sampled(number: u64) -> bool {
    number.wrapping_mul(0x9E37_79B9_7F4A_7C15) < u64::MAX / READS_PER_SAMPLE
}

#[cfg(test)]
mod tests {
    use std::thread;

    use cache_core::Key;

    use super::*;

    #[test]
    fn one_read_in_64_is_sampled_whatever_the_rhythm() {
        for rhythm in [1_u64, 2, 7, 64, 100, 128, 4096] {
            let sampled = (0..64_000).filter(|turn| is_sampled(turn * rhythm)).count();
            assert!((900..=1100).contains(&sampled), "{sampled} of 64000 with a rhythm of {rhythm}");
        }
    }

    #[test]
    fn no_read_is_lost_between_threads_that_come_and_go() {
        let reads = Reads::default();
        let parts = [reads.counter(), reads.counter()];
        let key = Key::new("k", "1").unwrap();
        for _ in 0..8 {
            thread::scope(|scope| {
                for counter in [reads.own(), &parts[0], &parts[1], &parts[1]] {
                    scope.spawn(|| (0..1000).for_each(|_| reads.hit(counter, &key)));
                    scope.spawn(|| (0..500).for_each(|_| reads.miss(counter, &key)));
                }
            });
        }
        assert_eq!((reads.hits(), reads.misses()), (32_000, 16_000));
        assert_eq!(parts.map(|part| (part.hits(), part.misses())), [(8_000, 4_000), (16_000, 8_000)]);
        assert_eq!(reads.hottest(1)[0].key, key);
    }
}
