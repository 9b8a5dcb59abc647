//! Keeps the directory within its bound: empties the journal, and reclaims the log from its tail.
//!
//! With `j` the journal's limit, this much may come on top of the log's tables: a journal of 2j (since a
//! record may have 2j), the tables to which it is flushed, 2j, and dropped tables that fjall deletes with
//! the next flush, j. The index is compacted before it takes twice the size of its live entries, which is
//! estimated high, and fjall compresses it: so twice their size covers the compaction as well.

use std::sync::atomic::Ordering::Relaxed;

use crate::{
    error::{StorageError, StorageResult, run_read},
    storage::{Batch, IndexRecord, LogPointer, LogTimes, StorageEngine, Store, Writer, split_log_value},
};

/// How many times the journal's limit is kept free.
const RESERVED_JOURNALS: u64 = 5;
/// Below this reserve the janitor reclaims space, so that writers need not wait for it.
const EARLY_RESERVED_JOURNALS: u64 = 6;

impl StorageEngine {
    /// Makes room for `bytes` more: if they don't fit into the journal, empties it, and then reclaims until
    /// the tables leave enough space for the next one.
    pub(crate) fn make_room_for(&self, writer: &mut Writer, store: &Store, bytes: u64) -> StorageResult<()> {
        let limit = self.config.journal_bytes();
        if writer.unflushed + bytes <= limit {
            if writer.unflushed > limit / 2 && !writer.log_flushed {
                store.flush_log()?;
                writer.log_flushed = true;
            }
            return Ok(());
        }
        self.checkpoint(writer, store)?;
        self.reclaim_to_bound(writer, store)?;
        if self.is_over(store, EARLY_RESERVED_JOURNALS) {
            self.signal.wake();
        }
        Ok(())
    }

    fn checkpoint(&self, writer: &mut Writer, store: &Store) -> StorageResult<()> {
        store.checkpoint()?;
        (writer.unflushed, writer.log_flushed) = (0, false);
        Ok(())
    }

    fn reclaim_to_bound(&self, writer: &mut Writer, store: &Store) -> StorageResult<()> {
        if self.counters.tombstone_bytes.load(Relaxed) > self.config.max_bytes / 8 {
            self.raise_floor(writer, store)?;
        }
        let round = writer.next_number;
        while self.is_over(store, RESERVED_JOURNALS) && writer.tail < writer.next_number {
            // Going once around the log is enough to drop everything dead.
            let keep = writer.tail < round && self.is_worth_keeping(store);
            self.reclaim(writer, store, keep)?;
        }
        let needed = self.counters.index_bytes.load(Relaxed);
        if store.index.disk_space() > 2 * needed + self.config.journal_bytes() {
            store.compact_index()?;
        }
        Ok(())
    }

    /// Reclaims a piece of the log ahead of need, and returns whether it did.
    pub(crate) fn reclaim_early(&self) -> cache_core::Result<bool> {
        self.write("evict", |writer, store| {
            if !self.is_over(store, EARLY_RESERVED_JOURNALS) || writer.tail >= writer.next_number {
                return Ok(false);
            }
            self.reclaim(writer, store, self.is_worth_keeping(store))?;
            Ok(true)
        })
    }

    fn is_over(&self, store: &Store, reserve: u64) -> bool {
        let index = self.counters.index_bytes.load(Relaxed);
        store.log.disk_space() + 2 * index + reserve * self.config.journal_bytes() > self.config.max_bytes
    }

    /// Returns whether so much of the log is dead or replaced that copying the rest is worth it.
    fn is_worth_keeping(&self, store: &Store) -> bool {
        self.counters.log_bytes.load(Relaxed) < store.log.disk_space() / 4 * 3
    }

    /// Drops a piece of the log's tail, half a journal long. Its live records are written again at the head
    /// if `keep` is set, and evicted otherwise.
    fn reclaim(&self, writer: &mut Writer, store: &Store, keep: bool) -> StorageResult<()> {
        let piece = self.config.journal_bytes() / 2;
        if writer.unflushed > piece {
            self.checkpoint(writer, store)?;
        }
        let (tail, head, now) = (writer.tail, writer.next_number, self.config.clock.now());
        let mut batch = Batch::new(store, writer);
        let (mut bytes, mut last, mut evicted, mut swept) = (0, None, 0, 0);
        let mut records = run_read(|| Ok(store.log.range(tail.to_be_bytes()..head.to_be_bytes())))?;
        while bytes < piece {
            let (number, value) = match run_read(|| records.next().map(fjall::Guard::into_inner).transpose())
            {
                Ok(Some((number, value))) => (to_number(&number), value),
                Ok(None) => {
                    last = Some(head - 1);
                    break;
                }
                Err(StorageError::Corrupt(why)) => {
                    if let Some(times) = self.log_sums.damaged_parts.count(now) {
                        tracing::warn!(
                            why,
                            times,
                            "a part of the disk tier's log is damaged and dropped; its entries count as misses"
                        );
                    }
                    self.counters.corrupt.fetch_add(1, Relaxed);
                    last = Some(past_damage(store, last.map_or(tail, |last| last + 1), head)?);
                    writer.dangling = true;
                    break;
                }
                Err(error) => return Err(error),
            };
            last = Some(number);
            bytes += value.len() as u64;
            let Some((text, record)) = split_log_value(&value) else { continue };
            let Some(IndexRecord::InLog(pointer)) = batch.index_record(text)? else { continue };
            let old = Some(IndexRecord::InLog(pointer));
            if pointer.number != number {
                continue;
            } else if now >= pointer.dead_at {
                swept += 1;
                batch.drop_entry(text, IndexRecord::InLog(pointer), now);
            } else if keep {
                let LogPointer { born, dead_at, refused_until, .. } = pointer;
                batch.log(text, LogTimes { born, dead_at, refused_until }, record, old);
            } else {
                evicted += 1;
                batch.drop_entry(text, IndexRecord::InLog(pointer), now);
            }
        }
        drop(records);
        batch.commit(writer, &self.directory, &self.counters)?;
        self.counters.evicted.fetch_add(evicted, Relaxed);
        self.counters.swept.fetch_add(swept, Relaxed);
        if let Some(last) = last {
            store.drop_log(last)?;
            writer.tail = last + 1;
        }
        Ok(())
    }
}

/// Returns the last number of a damaged stretch that begins at `from`, found in ever longer strides, which
/// may include some readable records.
fn past_damage(store: &Store, from: u64, head: u64) -> StorageResult<u64> {
    let mut stride = 1;
    let mut from = from;
    loop {
        from = (from + stride).min(head);
        stride *= 2;
        if from == head {
            return Ok(head - 1);
        }
        let mut records = run_read(|| Ok(store.log.range(from.to_be_bytes()..head.to_be_bytes())))?;
        match run_read(|| records.next().map(fjall::Guard::key).transpose()) {
            Ok(Some(number)) => return Ok(to_number(&number) - 1),
            Ok(None) => return Ok(head - 1),
            Err(StorageError::Corrupt(_)) => {}
            Err(error) => return Err(error),
        }
    }
}

fn to_number(key: &[u8]) -> u64 {
    key.first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes))
}
