//! Removes what is dead.

use std::sync::atomic::Ordering::Relaxed;

use cache_core::{Result, Timestamp};

use crate::{
    error::StorageResult,
    storage::{
        Batch, CoveredSweep, ENTRY_PREFIX, FLOOR_KEY, IndexRecord, PATTERN_PREFIX, StorageEngine, Store,
        Writer, decode_pattern, unreadable,
    },
};

/// How many keys one batch examines, before others may write.
const KEYS_PER_BATCH: usize = 256;

impl StorageEngine {
    /// Removes every dead entry and tombstone, and index records whose log record is gone. Returns how many
    /// were dead.
    pub(crate) fn sweep(&self) -> Result<u64> {
        let now = self.config.clock.now();
        // This write also reopens a database on which one failed.
        let due = self.write("sweep", |writer, store| {
            let due = writer.next_death <= now || writer.dangling;
            if due {
                (writer.next_death, writer.dangling) = (Timestamp::MAX, false);
                self.sweep_patterns(writer, store, now)?;
            }
            Ok(due)
        })?;
        let (mut swept, mut next) = (0, due.then(|| vec![ENTRY_PREFIX]));
        while let Some(from) = next {
            let (count, rest) = self.write("sweep", |writer, store| {
                self.make_room_for(writer, store, 0)?;
                self.sweep_page(writer, store, &from, now)
            })?;
            swept += count;
            next = rest.filter(|_| !self.signal.is_stopped());
        }
        Ok(swept)
    }

    fn sweep_page(
        &self,
        writer: &mut Writer,
        store: &Store,
        from: &[u8],
        now: Timestamp,
    ) -> StorageResult<(u64, Option<Vec<u8>>)> {
        let mut batch = Batch::new(store, writer);
        let (mut swept, mut evicted, mut examined) = (0, 0, 0);
        let (tail, floor) = (writer.tail, writer.floor);
        let mut next_death = writer.next_death;
        let next = store.walk(from, &[ENTRY_PREFIX], |text, value| {
            if examined == KEYS_PER_BATCH {
                return Ok(false);
            }
            examined += 1;
            let found = IndexRecord::decode(text, value).ok_or_else(|| unreadable(text))?;
            let covered = found.as_tombstone().is_some_and(|tombstone| tombstone.born <= floor);
            if found.is_dead(now) || covered {
                swept += 1;
                batch.drop_entry(text, found, now);
            } else if matches!(&found, IndexRecord::InLog(pointer) if pointer.number < tail) {
                evicted += 1;
                batch.drop_entry(text, found, now);
            } else {
                next_death = next_death.min(found.dead_at());
            }
            Ok(true)
        })?;
        writer.next_death = next_death;
        batch.commit(writer, &self.directory, &self.counters)?;
        self.counters.swept.fetch_add(swept, Relaxed);
        self.counters.evicted.fetch_add(evicted, Relaxed);
        Ok((swept, next))
    }

    fn sweep_patterns(&self, writer: &mut Writer, store: &Store, now: Timestamp) -> StorageResult<()> {
        let mut batch = Batch::new(store, writer);
        let mut next_death = writer.next_death;
        store.walk(&[PATTERN_PREFIX], &[PATTERN_PREFIX], |name, value| {
            let (_, tombstone) = decode_pattern(value).ok_or_else(|| unreadable(value))?;
            if tombstone.dead_at <= now {
                batch.remove_raw(&[&[PATTERN_PREFIX], name].concat());
            } else {
                next_death = next_death.min(tombstone.dead_at);
            }
            Ok(true)
        })?;
        writer.next_death = next_death;
        writer.patterns.purge(now);
        batch.commit(writer, &self.directory, &self.counters)
    }

    /// Has one moment, the floor, stand for all tombstones: no put born by then is accepted any more. That may
    /// refuse the results of loads under way, and never loses a removal. The tombstones themselves are removed
    /// afterwards, a page at a time.
    pub(crate) fn raise_floor(&self, writer: &mut Writer, store: &Store) -> StorageResult<()> {
        let newest = writer.floor.max(writer.newest_tombstone);
        let mut batch = Batch::new(store, writer);
        batch.insert_raw(FLOOR_KEY, &newest.as_micros().to_le_bytes());
        batch.commit(writer, &self.directory, &self.counters)?;
        writer.floor = newest;
        tracing::warn!(
            tombstones = self.counters.tombstones.load(Relaxed),
            "the disk tier has too many tombstones and replaces them: puts born before the newest are refused"
        );
        writer.covered.get_or_insert(CoveredSweep { from: vec![ENTRY_PREFIX], floor: newest });
        Ok(())
    }

    /// Removes a page of tombstones that the floor covers, if there may be any.
    pub(crate) fn sweep_covered(&self, writer: &mut Writer, store: &Store) -> StorageResult<()> {
        let Some(CoveredSweep { from, floor }) = writer.covered.clone() else { return Ok(()) };
        let (_, next) = self.sweep_page(writer, store, &from, self.config.clock.now())?;
        writer.covered = match next {
            Some(from) => Some(CoveredSweep { from, floor }),
            // It was raised again meanwhile.
            None if floor < writer.floor => {
                Some(CoveredSweep { from: vec![ENTRY_PREFIX], floor: writer.floor })
            }
            None => None,
        };
        Ok(())
    }
}
