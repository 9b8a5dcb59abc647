//! What a PostgreSQL tier counts.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// How a PostgreSQL tier is doing, as far as this process saw.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PgStats {
    /// Records found to be corrupt, each of them a miss.
    pub corrupt: u64,
    /// Puts that lost to what was held already, or to a removal by pattern.
    pub outdated: u64,
    /// Rows dropped because they were dead.
    pub swept: u64,
    /// Entries dropped alive because the table was past its bound.
    pub evicted: u64,
    /// Rows in the table when it was last weighed here, which is done only if it has a bound.
    pub rows: u64,
    /// Bytes of its rows, likewise.
    pub bytes: u64,
    /// Entries queued, and not yet written.
    pub queued: u64,
    /// Bytes of these.
    pub queued_bytes: u64,
    /// Puts that were written through because the queue was full.
    pub overflowed: u64,
    /// Entries that were queued and could not be written in time.
    pub lost: u64,
    /// Batches of queued entries that could not be written, and were tried again.
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
    /// What was counted; `queued` are the entries and bytes in the queue.
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
