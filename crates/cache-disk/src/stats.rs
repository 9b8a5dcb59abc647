//! What a disk tier counts.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// How a disk tier is doing. Counts of events run from [`open`](crate::DiskTier::open).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DiskStats {
    /// Entries held, dead ones not yet swept included.
    pub entries: u64,
    /// Tombstones held, dead ones not yet swept included.
    pub tombstones: u64,
    /// Bytes of keys and records held, as stored.
    pub live_bytes: u64,
    /// Bytes that the directory takes up on disk.
    pub bytes_on_disk: u64,
    /// Entries dropped alive because space ran out.
    pub evicted: u64,
    /// Entries and tombstones dropped because they were dead.
    pub swept: u64,
    /// Puts that lost to what was held already.
    pub outdated: u64,
    /// Records found to be corrupt, each of them a miss.
    pub corrupt: u64,
    /// Puts and removals that failed.
    pub failed_writes: u64,
    /// Times the database was opened again after a failed write.
    pub reopened: u64,
    /// Times the tier had to start over, empty, because the database was damaged.
    pub started_over: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) entries: AtomicU64,
    pub(crate) tombstones: AtomicU64,
    pub(crate) log_bytes: AtomicU64,
    pub(crate) index_bytes: AtomicU64,
    pub(crate) tombstone_bytes: AtomicU64,
    pub(crate) evicted: AtomicU64,
    pub(crate) swept: AtomicU64,
    pub(crate) outdated: AtomicU64,
    pub(crate) corrupt: AtomicU64,
    pub(crate) failed_writes: AtomicU64,
    pub(crate) reopened: AtomicU64,
    pub(crate) started_over: AtomicU64,
}

impl Counters {
    /// Takes over what was found held.
    pub(crate) fn restart(&self, held: Usage) {
        self.entries.store(held.entries.cast_unsigned(), Relaxed);
        self.tombstones.store(held.tombstones.cast_unsigned(), Relaxed);
        self.log_bytes.store(held.log_bytes.cast_unsigned(), Relaxed);
        self.index_bytes.store(held.index_bytes.cast_unsigned(), Relaxed);
        self.tombstone_bytes.store(held.tombstone_bytes.cast_unsigned(), Relaxed);
    }

    /// Adds what changed. Two's complement: adding a negative number wraps to a subtraction.
    pub(crate) fn apply(&self, change: Usage) {
        self.entries.fetch_add(change.entries.cast_unsigned(), Relaxed);
        self.tombstones.fetch_add(change.tombstones.cast_unsigned(), Relaxed);
        self.log_bytes.fetch_add(change.log_bytes.cast_unsigned(), Relaxed);
        self.index_bytes.fetch_add(change.index_bytes.cast_unsigned(), Relaxed);
        self.tombstone_bytes.fetch_add(change.tombstone_bytes.cast_unsigned(), Relaxed);
    }

    pub(crate) fn read(&self, bytes_on_disk: u64) -> DiskStats {
        DiskStats {
            entries: self.entries.load(Relaxed),
            tombstones: self.tombstones.load(Relaxed),
            live_bytes: self.log_bytes.load(Relaxed) + self.index_bytes.load(Relaxed),
            bytes_on_disk,
            evicted: self.evicted.load(Relaxed),
            swept: self.swept.load(Relaxed),
            outdated: self.outdated.load(Relaxed),
            corrupt: self.corrupt.load(Relaxed),
            failed_writes: self.failed_writes.load(Relaxed),
            reopened: self.reopened.load(Relaxed),
            started_over: self.started_over.load(Relaxed),
        }
    }
}

/// What is held, or by how much that changes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Usage {
    pub(crate) entries: i64,
    pub(crate) tombstones: i64,
    pub(crate) log_bytes: i64,
    pub(crate) index_bytes: i64,
    pub(crate) tombstone_bytes: i64,
}

impl Usage {
    /// Counts a place in (`sign` 1) or out (-1).
    pub(crate) fn count(&mut self, text: &[u8], found: &crate::storage::IndexRecord, sign: i64) {
        let index_bytes = sign * found.index_bytes(text).cast_signed();
        self.index_bytes += index_bytes;
        self.log_bytes += sign * found.log_bytes(text).cast_signed();
        if found.as_tombstone().is_some() {
            self.tombstones += sign;
            self.tombstone_bytes += index_bytes;
        } else {
            self.entries += sign;
        }
    }
}
