//! Keeps the directory within its bound: empties the journal, and reclaims the log from its tail. The janitor does
//! that ahead of need, in small parts.
//!
//! With `j` the journal's limit, this much may come on top of the log's tables: a journal of 2j (since a
//! record may have 2j), the tables to which it is flushed, 2j, and dropped tables that fjall deletes with
//! the next flush, j. The index is compacted before it takes twice the size of its live entries, which is
//! estimated high, and fjall compresses it: so twice their size covers the compaction as well.

use std::{sync::atomic::Ordering::Relaxed, thread, time::Duration};

use crate::{
    error::{StorageError, StorageResult, run_read},
    storage::{Batch, IndexRecord, LogPointer, LogTimes, StorageEngine, Store, Writer, split_log_value},
};

/// How many halves of the journal's limit are kept free.
const RESERVED_HALVES: u64 = 10;
/// Below this reserve each writer reclaims a little, so that none has to reclaim much.
const SHARED_HALVES: u64 = 11;
/// Below this reserve the janitor reclaims space, so that writers need not.
const EARLY_HALVES: u64 = 12;

/// After how many bytes of the journal a writer looks whether there is work ahead of need.
const LOOK_EVERY_BYTES: u64 = 64 << 10;

/// How many bytes, and how many records, of the log are reclaimed at once, before others may write.
const PIECE_BYTES: u64 = 256 << 10;
const PIECE_RECORDS: usize = 512;

/// After how many reclaimed bytes of the log its tables are dropped.
const DROP_EVERY_BYTES: u64 = 1 << 20;

/// How long a writer pauses at most while the journal is nearly full, so that it is emptied before it is full.
const LONGEST_PAUSE: Duration = Duration::from_millis(8);

impl StorageEngine {
    /// Makes room for `bytes` more: if they don't fit into the journal, empties it, and then reclaims until
    /// the tables leave enough space for the next one. Most of that is done ahead of need, a little at a time.
    pub(crate) fn make_room_for(&self, writer: &mut Writer, store: &Store, bytes: u64) -> StorageResult<()> {
        if writer.unflushed + bytes <= self.config.journal_bytes() {
            return self.look_ahead(writer, store);
        }
        self.checkpoint(writer, store)?;
        self.reclaim_to_bound(writer, store)?;
        self.signal.wake();
        Ok(())
    }

    /// Wakes the janitor where there is work ahead of need, and does a little of it where that has fallen behind.
    fn look_ahead(&self, writer: &mut Writer, store: &Store) -> StorageResult<()> {
        if writer.unflushed < writer.looked_at + LOOK_EVERY_BYTES {
            return Ok(());
        }
        writer.looked_at = writer.unflushed;
        self.raise_floor_if_needed(writer, store)?;
        if self.is_over(store, SHARED_HALVES) && writer.tail < writer.next_number {
            self.reclaim(writer, store, self.is_worth_keeping(store))?;
        }
        if self.has_work_ahead(writer, store) {
            self.signal.wake();
        }
        Ok(())
    }

    fn has_work_ahead(&self, writer: &Writer, store: &Store) -> bool {
        writer.unflushed > self.config.journal_bytes() / 2
            || writer.covered.is_some()
            || self.is_over(store, EARLY_HALVES)
            || self.is_index_loose(store, 1)
    }

    /// Pauses a while if the journal is nearly full. Others may write meanwhile.
    pub(crate) fn pace(&self) {
        let (limit, full) = (self.config.journal_bytes(), self.unflushed.load(Relaxed));
        let beyond = full.min(limit).saturating_sub(limit / 4 * 3);
        if beyond > 0 {
            thread::sleep(LONGEST_PAUSE.mul_f64(beyond as f64 / (limit / 4) as f64));
        }
    }

    fn checkpoint(&self, writer: &mut Writer, store: &Store) -> StorageResult<()> {
        store.checkpoint()?;
        (writer.unflushed, writer.looked_at) = (0, 0);
        Ok(())
    }

    /// Reclaims until there is room, whatever that takes: what was done ahead of need was too little.
    fn reclaim_to_bound(&self, writer: &mut Writer, store: &Store) -> StorageResult<()> {
        self.raise_floor_if_needed(writer, store)?;
        let round = writer.next_number;
        while self.is_over(store, RESERVED_HALVES) && writer.tail < writer.next_number {
            // Going once around the log is enough to drop everything dead.
            let keep = writer.tail < round && self.is_worth_keeping(store);
            self.reclaim(writer, store, keep)?;
            if let Some(last) = self.take_due_drop(writer) {
                store.drop_log(last)?;
            }
        }
        if self.is_index_loose(store, 2) {
            store.compact_index()?;
        }
        Ok(())
    }

    /// Raises the floor when there are too many tombstones: not again before those that it covers are removed,
    /// unless there are twice too many.
    fn raise_floor_if_needed(&self, writer: &mut Writer, store: &Store) -> StorageResult<()> {
        let (bytes, most) = (self.counters.tombstone_bytes.load(Relaxed), self.config.max_bytes / 8);
        if bytes > most
            && (writer.covered.is_none() || bytes > 2 * most)
            && writer.newest_tombstone > writer.floor
        {
            self.raise_floor(writer, store)?;
        }
        if bytes > most {
            self.sweep_covered(writer, store)?;
        }
        Ok(())
    }

    /// Whether the index takes more than twice what is needed, and `journals` times the journal's limit on top.
    fn is_index_loose(&self, store: &Store, journals: u64) -> bool {
        let needed = self.counters.index_bytes.load(Relaxed);
        store.index.disk_space() > 2 * needed + journals * self.config.journal_bytes() / 2
    }

    /// Does ahead of need what writers would wait for otherwise: empties the journal, compacts the index, reclaims
    /// the log, and removes tombstones that the floor covers. Others may write between any two parts of it.
    pub(crate) fn work_ahead(&self) -> cache_core::Result<()> {
        while !self.signal.is_stopped() {
            self.checkpoint_early()?;
            if self.read(|store| Ok(self.is_index_loose(store, 1)))?.unwrap_or(false) {
                self.read(|store| store.compact_index())?.map_err(|error| error.into_error("evict"))?;
            }
            let worked = self.write_ahead(|writer, store| {
                self.sweep_covered(writer, store)?;
                let is_over = self.is_over(store, EARLY_HALVES) && writer.tail < writer.next_number;
                if is_over {
                    self.reclaim(writer, store, self.is_worth_keeping(store))?;
                }
                Ok((is_over || writer.covered.is_some(), self.take_due_drop(writer)))
            })?;
            let Some((goes_on, drops)) = worked else { return Ok(()) };
            if let Some(last) = drops {
                self.read(|store| store.drop_log(last))?.map_err(|error| error.into_error("evict"))?;
            }
            if !goes_on {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Returns up to which number the log's tables are to be dropped now, since much was reclaimed or all.
    fn take_due_drop(&self, writer: &mut Writer) -> Option<u64> {
        let most = DROP_EVERY_BYTES.min(self.config.journal_bytes() / 2);
        let is_due = writer.undropped >= most || writer.undropped > 0 && writer.tail == writer.next_number;
        if is_due {
            writer.undropped = 0;
        }
        if is_due { writer.tail.checked_sub(1) } else { None }
    }

    /// Empties the journal if it is half full. Most of it is flushed while others write; only what they write
    /// meanwhile is flushed while they wait.
    fn checkpoint_early(&self) -> cache_core::Result<()> {
        let begun = self.write_ahead(|writer, store| {
            let is_due = writer.unflushed > self.config.journal_bytes() / 2;
            if is_due {
                store.begin_flush()?;
            }
            Ok(is_due)
        })?;
        if begun != Some(true) {
            return Ok(());
        }
        self.read(Store::wait_for_flush)?.map_err(|error| error.into_error("evict"))?;
        self.write_ahead(|writer, store| self.checkpoint(writer, store)).map(drop)
    }

    /// Whether less is free than this many halves of the journal's limit.
    fn is_over(&self, store: &Store, halves: u64) -> bool {
        let index = self.counters.index_bytes.load(Relaxed);
        let reserve = halves * self.config.journal_bytes() / 2;
        store.log.disk_space() + 2 * index + reserve > self.config.max_bytes
    }

    /// Returns whether so much of the log is dead or replaced that copying the rest is worth it.
    fn is_worth_keeping(&self, store: &Store) -> bool {
        self.counters.log_bytes.load(Relaxed) < store.log.disk_space() / 4 * 3
    }

    /// Reclaims a piece of the log's tail. Its live records are written again at the head if `keep` is set, and
    /// evicted otherwise.
    fn reclaim(&self, writer: &mut Writer, store: &Store, keep: bool) -> StorageResult<()> {
        if writer.unflushed + PIECE_BYTES > self.config.journal_bytes() {
            self.checkpoint(writer, store)?;
        }
        let (tail, head, now) = (writer.tail, writer.next_number, self.config.clock.now());
        let mut batch = Batch::new(store, writer);
        let (mut bytes, mut records_read, mut last, mut evicted, mut swept) = (0, 0, None, 0, 0);
        let mut records = run_read(|| Ok(store.log.range(tail.to_be_bytes()..head.to_be_bytes())))?;
        while bytes < PIECE_BYTES && records_read < PIECE_RECORDS {
            records_read += 1;
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
            (writer.tail, writer.undropped) = (last + 1, writer.undropped + bytes.max(1));
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
