//! Counters of a PostgreSQL tier, and sums of what it logs.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use cache_core::{LogSum, LogSummary, Timestamp};

/// Counters of a PostgreSQL tier, as far as this process saw.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PgStats {
    /// Corrupt records that were read, each of them a miss.
    pub corrupt: u64,
    /// Puts that lost to a later born entry or tombstone, or to a removal by pattern.
    pub outdated: u64,
    /// Rows deleted because they were dead.
    pub swept: u64,
    /// Live entries deleted because the table was past its bound.
    pub evicted: u64,
    /// Rows in the table when this process last checked its size, which it does only if there is a bound.
    pub rows: u64,
    /// Bytes of the rows at the same check.
    pub bytes: u64,
    /// Entries in the write-behind queue.
    pub queued: u64,
    /// Bytes of the entries in the queue.
    pub queued_bytes: u64,
    /// Puts that were written through because the queue was full.
    pub overflowed: u64,
    /// Queued entries that could not be written in time and were dropped.
    pub lost: u64,
    /// Batches of queued entries that could not be written and were queued again.
    pub failed_batches: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) corrupt: AtomicU64,
    pub(crate) outdated: AtomicU64,
    pub(crate) swept: AtomicU64,
    pub(crate) evicted: AtomicU64,
    pub(crate) rows: AtomicU64,
    pub(crate) bytes: AtomicU64,
    pub(crate) overflowed: AtomicU64,
    pub(crate) lost: AtomicU64,
    pub(crate) failed_batches: AtomicU64,
}

impl Counters {
    /// Returns the counters; `queued` are the entries and bytes in the queue.
    pub(crate) fn read(&self, (queued, queued_bytes): (u64, u64)) -> PgStats {
        PgStats {
            corrupt: self.corrupt.load(Relaxed),
            outdated: self.outdated.load(Relaxed),
            swept: self.swept.load(Relaxed),
            evicted: self.evicted.load(Relaxed),
            rows: self.rows.load(Relaxed),
            bytes: self.bytes.load(Relaxed),
            queued,
            queued_bytes,
            overflowed: self.overflowed.load(Relaxed),
            lost: self.lost.load(Relaxed),
            failed_batches: self.failed_batches.load(Relaxed),
        }
    }
}

/// The sums of what a PostgreSQL tier logs: what fails for each of many keys is a line now and then, with a count.
#[derive(Debug)]
pub(crate) struct PgLogSums {
    pub(crate) corrupt: LogSum,
    pub(crate) past_bound: LogSum,
    pub(crate) failed_sweeps: LogSum,
    pub(crate) failed_batches: LogSum,
    pub(crate) lost: LogSum,
}

impl Default for PgLogSums {
    fn default() -> Self {
        Self {
            corrupt: LogSum::new("corrupt records in PostgreSQL that were read"),
            past_bound: LogSum::new("checks that found the table past its bound with nothing to evict"),
            failed_sweeps: LogSum::new("sweeps or evictions of a PostgreSQL tier that failed"),
            failed_batches: LogSum::new("batches of queued puts that could not be written"),
            lost: LogSum::new("queued puts that were dropped"),
        }
    }
}

impl PgLogSums {
    /// Logs what was counted and has had no line since.
    pub(crate) fn settle(&self, now: Timestamp) {
        self.all().into_iter().filter_map(|sum| sum.settle(now)).for_each(log);
    }

    /// Logs the rest at the end of the tier.
    pub(crate) fn finish(&self, now: Timestamp) {
        self.all().into_iter().filter_map(|sum| sum.finish(now)).for_each(log);
    }

    fn all(&self) -> [&LogSum; 5] {
        [&self.corrupt, &self.past_bound, &self.failed_sweeps, &self.failed_batches, &self.lost]
    }
}

fn log(summary: LogSummary) {
    if summary.is_over() {
        tracing::info!("{summary}");
    } else {
        tracing::warn!("{summary}");
    }
}
