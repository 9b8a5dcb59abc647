//! What the tier counts, and sums of what it logs.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use cache_core::{Clock, LogSum};

/// What a tier has counted since it was created.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RedisStats {
    /// Values that are no records of the cache, or damaged ones. Each was treated as absent and unlinked.
    pub corrupt: u64,
    /// Entries that were not stored since a removal by pattern, or a restart of the server, came after they
    /// were born. Those that lost to a newer record of the same key are not counted: only the server sees
    /// them.
    pub refused: u64,
}

/// The counters behind [`RedisStats`].
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) corrupt: AtomicU64,
    pub(crate) refused: AtomicU64,
}

impl Counters {
    pub(crate) fn stats(&self) -> RedisStats {
        RedisStats { corrupt: self.corrupt.load(Relaxed), refused: self.refused.load(Relaxed) }
    }
}

/// The sums of what is logged: what fails for each of many keys is a line now and then, with a count. Dropping
/// this logs what has had no line yet.
#[derive(Debug)]
pub(crate) struct RedisLogSums {
    clock: Clock,
    pub(crate) corrupt: LogSum,
    pub(crate) failed_unlinks: LogSum,
    pub(crate) corrupt_logs: LogSum,
}

impl RedisLogSums {
    pub(crate) fn new(clock: Clock) -> Self {
        Self {
            clock,
            corrupt: LogSum::new("values in Redis that can't be read"),
            failed_unlinks: LogSum::new("corrupt values in Redis that could not be unlinked"),
            corrupt_logs: LogSum::new("corrupt logs of removed patterns in Redis"),
        }
    }

    /// Logs what was counted and has had no line since.
    pub(crate) fn settle(&self) {
        let now = self.clock.now();
        for summary in self.all().into_iter().filter_map(|sum| sum.settle(now)) {
            if summary.is_over() {
                tracing::info!("{summary}");
            } else {
                tracing::warn!("{summary}");
            }
        }
    }

    fn all(&self) -> [&LogSum; 3] {
        [&self.corrupt, &self.failed_unlinks, &self.corrupt_logs]
    }
}

impl Drop for RedisLogSums {
    fn drop(&mut self) {
        let now = self.clock.now();
        for summary in self.all().into_iter().filter_map(|sum| sum.finish(now)) {
            tracing::warn!("{summary}");
        }
    }
}
