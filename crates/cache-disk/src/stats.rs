//! Counters of a disk tier, and sums of what it logs.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use cache_core::{LogSum, LogSummary, Timestamp};

/// Counters of a disk tier. Counts of events begin with [`open`](crate::DiskTier::open).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DiskStats {
    /// Entries stored, dead ones that are not yet swept included.
    pub entries: u64,
    /// Tombstones stored, dead ones that are not yet swept included.
    pub tombstones: u64,
    /// Bytes of keys and records, as stored.
    pub live_bytes: u64,
    /// Bytes that the directory takes up on disk.
    pub bytes_on_disk: u64,
    /// Live entries removed because space ran out.
    pub evicted: u64,
    /// Entries and tombstones removed because they were dead.
    pub swept: u64,
    /// Puts that lost to a later born entry, or to a removal.
    pub outdated: u64,
    /// Corrupt records that were read, each of them a miss.
    pub corrupt: u64,
    /// Puts and removals that failed.
    pub failed_writes: u64,
    /// How often the database was opened again after a failed write.
    pub reopened: u64,
    /// How often the tier started over, empty, because the database was damaged.
    pub started_over: u64,
}

/// What a disk tier holds, as it is counted while it is written: see [`DiskTier::usage`](crate::DiskTier::usage).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DiskUsage {
    /// Entries stored, dead ones that are not yet swept included.
    pub entries: u64,
    /// Bytes of keys and records, as stored.
    pub live_bytes: u64,
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
    /// Sets what is stored, as an opened database has it.
    pub(crate) fn restart(&self, usage: Usage) {
        self.entries.store(usage.entries.cast_unsigned(), Relaxed);
        self.tombstones.store(usage.tombstones.cast_unsigned(), Relaxed);
        self.log_bytes.store(usage.log_bytes.cast_unsigned(), Relaxed);
        self.index_bytes.store(usage.index_bytes.cast_unsigned(), Relaxed);
        self.tombstone_bytes.store(usage.tombstone_bytes.cast_unsigned(), Relaxed);
    }

    /// Adds a change. In two's complement, adding a negative number wraps to a subtraction.
    pub(crate) fn apply(&self, change: Usage) {
        self.entries.fetch_add(change.entries.cast_unsigned(), Relaxed);
        self.tombstones.fetch_add(change.tombstones.cast_unsigned(), Relaxed);
        self.log_bytes.fetch_add(change.log_bytes.cast_unsigned(), Relaxed);
        self.index_bytes.fetch_add(change.index_bytes.cast_unsigned(), Relaxed);
        self.tombstone_bytes.fetch_add(change.tombstone_bytes.cast_unsigned(), Relaxed);
    }

    pub(crate) fn usage(&self) -> DiskUsage {
        DiskUsage {
            entries: self.entries.load(Relaxed),
            live_bytes: self.log_bytes.load(Relaxed) + self.index_bytes.load(Relaxed),
        }
    }

    pub(crate) fn read(&self, bytes_on_disk: u64) -> DiskStats {
        let DiskUsage { entries, live_bytes } = self.usage();
        DiskStats {
            entries,
            tombstones: self.tombstones.load(Relaxed),
            live_bytes,
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

/// What is stored, or by how much that changes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Usage {
    pub(crate) entries: i64,
    pub(crate) tombstones: i64,
    pub(crate) log_bytes: i64,
    pub(crate) index_bytes: i64,
    pub(crate) tombstone_bytes: i64,
}

impl Usage {
    /// Adds what the index says of a key (`sign` 1), or takes it off (-1).
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

/// The sums of what a disk tier logs: what fails for each of many keys is a line now and then, with a count.
#[derive(Debug)]
pub(crate) struct DiskLogSums {
    pub(crate) corrupt: LogSum,
    pub(crate) damaged_parts: LogSum,
    pub(crate) failed_writes: LogSum,
    pub(crate) reopened: LogSum,
    pub(crate) started_over: LogSum,
    pub(crate) failed_sweeps: LogSum,
}

impl Default for DiskLogSums {
    fn default() -> Self {
        Self {
            corrupt: LogSum::new("corrupt records of the disk tier that were read"),
            damaged_parts: LogSum::new("damaged parts of the disk tier's log that were dropped"),
            failed_writes: LogSum::new("writes to the disk tier that failed"),
            reopened: LogSum::new("times that the disk tier's database was reopened"),
            started_over: LogSum::new("times that the disk tier started over empty"),
            failed_sweeps: LogSum::new("sweeps or evictions of the disk tier that failed"),
        }
    }
}

impl DiskLogSums {
    /// Logs what was counted and has had no line since.
    pub(crate) fn settle(&self, now: Timestamp) {
        self.all().into_iter().filter_map(|sum| sum.settle(now)).for_each(log);
    }

    /// Logs the rest at the end of the tier.
    pub(crate) fn finish(&self, now: Timestamp) {
        self.all().into_iter().filter_map(|sum| sum.finish(now)).for_each(log);
    }

    fn all(&self) -> [&LogSum; 6] {
        [
            &self.corrupt,
            &self.damaged_parts,
            &self.failed_writes,
            &self.reopened,
            &self.started_over,
            &self.failed_sweeps,
        ]
    }
}

fn log(summary: LogSummary) {
    if summary.is_over() {
        tracing::info!("{summary}");
    } else {
        tracing::warn!("{summary}");
    }
}
