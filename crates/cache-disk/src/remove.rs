//! Removes keys, or what matches a pattern, and leaves a tombstone for each.

use cache_core::{
    Entry, Key, ListCursor, Pattern, RemovalStep, Result, Tombstone,
    envelope::{self, Record},
};

use crate::{
    error::{StorageError, StorageResult, run_read},
    storage::{
        Batch, IndexRecord, LogPointer, PATTERN_PREFIX, StorageEngine, Store, Writer, encode_pattern,
        index_key, key_from_text, merge_tombstones, split_log_value, unreadable,
    },
};

/// How many keys one batch removes or examines, before others may write.
const KEYS_PER_BATCH: usize = 128;

/// How many bytes a record has at most that is read to see whether it is the knowledge that there is no value.
const LONGEST_ABSENCE: u32 = 256;

impl StorageEngine {
    /// Replaces what was born no later by a tombstone, and returns how many live values that removed.
    pub(crate) fn remove_keys(&self, keys: &[Key], tombstone: Tombstone) -> Result<u64> {
        let mut removed = 0;
        for page in keys.chunks(KEYS_PER_BATCH) {
            removed += self.write("remove", |writer, store| {
                self.make_room_for(writer, store, 0)?;
                let mut batch = Batch::new(store, writer);
                let mut removed = 0;
                for key in page {
                    removed += u64::from(self.put_tombstone(&mut batch, key, tombstone)?);
                }
                batch.commit(writer, &self.directory, &self.counters)?;
                Ok(removed)
            })?;
            self.pace();
        }
        Ok(removed)
    }

    /// Replaces what matches and was born no later by tombstones, and returns how many live values that
    /// removed.
    pub(crate) fn remove_matching(&self, pattern: &Pattern, tombstone: Tombstone) -> Result<u64> {
        let step = self.remove_step(pattern, tombstone, None, usize::MAX)?;
        Ok(step.removed.unwrap_or(0))
    }

    /// Does the same for about `limit` keys, from the first or from where `after` says: a cursor is the text of
    /// the first key of the next step.
    pub(crate) fn remove_step(
        &self,
        pattern: &Pattern,
        tombstone: Tombstone,
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<RemovalStep> {
        if after.is_none() {
            // First, so that nothing born earlier can be put into a page that was already emptied.
            self.write("remove", |writer, store| self.add_pattern(writer, store, pattern, tombstone))?;
        }
        let first = index_key(pattern.literal_prefix().as_bytes());
        let mut from = after.map_or_else(|| first.clone(), |after| index_key(after).max(first.clone()));
        let (mut removed, mut left) = (0, limit.max(1));
        loop {
            let keys = left.min(KEYS_PER_BATCH);
            let (count, next) = self.write("remove", |writer, store| {
                self.remove_page(writer, store, &from, pattern, tombstone, keys)
            })?;
            self.pace();
            removed += count;
            left -= keys;
            match next {
                None => return Ok(RemovalStep::new(removed, None)),
                Some(next) if left > 0 => from = next,
                // Without the index's own prefix.
                Some(next) => return Ok(RemovalStep::new(removed, Some(ListCursor::new(&next[1..])))),
            }
        }
    }

    fn add_pattern(
        &self,
        writer: &mut Writer,
        store: &Store,
        pattern: &Pattern,
        tombstone: Tombstone,
    ) -> StorageResult<()> {
        let now = self.config.clock.now();
        if tombstone.dead_at <= now {
            return Ok(());
        }
        self.make_room_for(writer, store, 0)?;
        let value = encode_pattern(pattern, tombstone);
        let mut batch = Batch::new(store, writer);
        batch.insert_raw(&[&[PATTERN_PREFIX], value.as_slice()].concat(), &value);
        batch.commit(writer, &self.directory, &self.counters)?;
        writer.next_death = writer.next_death.min(tombstone.dead_at);
        writer.patterns.add_matching(pattern.clone().into(), tombstone, now);
        Ok(())
    }

    fn remove_page(
        &self,
        writer: &mut Writer,
        store: &Store,
        from: &[u8],
        pattern: &Pattern,
        tombstone: Tombstone,
        keys: usize,
    ) -> StorageResult<(u64, Option<Vec<u8>>)> {
        self.make_room_for(writer, store, 0)?;
        let mut batch = Batch::new(store, writer);
        let (mut removed, mut examined) = (0, 0);
        let next = store.walk(from, &index_key(pattern.literal_prefix().as_bytes()), |text, _| {
            if examined == keys {
                return Ok(false);
            }
            examined += 1;
            if str::from_utf8(text).is_ok_and(|text| pattern.matches_text(text)) {
                let key = key_from_text(text).ok_or_else(|| unreadable(text))?;
                removed += u64::from(self.put_tombstone(&mut batch, &key, tombstone)?);
            }
            Ok(true)
        })?;
        batch.commit(writer, &self.directory, &self.counters)?;
        Ok((removed, next))
    }

    /// Replaces what was born no later by a tombstone, and returns whether that was a live value.
    fn put_tombstone(&self, batch: &mut Batch<'_>, key: &Key, tombstone: Tombstone) -> StorageResult<bool> {
        let (text, now) = (key.as_str().as_bytes(), self.config.clock.now());
        let old = batch.index_record(text)?;
        let Some(found) = &old else {
            batch.set(text, None, Some(IndexRecord::tombstone(key, tombstone)));
            return Ok(false);
        };
        if let Some(earlier) = found.as_tombstone().filter(|_| !found.is_dead(now)) {
            let both = merge_tombstones(earlier, tombstone);
            if both != earlier {
                batch.set(text, old, Some(IndexRecord::tombstone(key, both)));
            }
            return Ok(false);
        }
        let is_entry = found.as_tombstone().is_none();
        let refused_until = found.refused_until(now).max(Some(tombstone.dead_at));
        if is_entry && found.born() > tombstone.born {
            // Should the newer entry go before the tombstone is dead, what the tombstone refuses stays refused.
            if let IndexRecord::InLog(pointer) = *found
                && pointer.refused_until < refused_until
            {
                batch.set(text, old, Some(IndexRecord::InLog(LogPointer { refused_until, ..pointer })));
            }
            return Ok(false);
        }
        let alive = is_entry && !found.is_dead(now) && is_value(batch.store(), found)?;
        let tombstone = Tombstone { dead_at: refused_until.unwrap_or(tombstone.dead_at), ..tombstone };
        batch.set(text, old, Some(IndexRecord::tombstone(key, tombstone)));
        Ok(alive)
    }
}

/// Whether an index record is that of a value, and not of the knowledge that there is none. The log says so, but
/// a long record is taken for a value, and is not read for a count.
fn is_value(store: &Store, found: &IndexRecord) -> StorageResult<bool> {
    match found {
        IndexRecord::Inline { record, .. } => {
            Ok(matches!(record, Record::Entry(Entry { value: Some(_), .. })))
        }
        IndexRecord::InLog(pointer) if pointer.len > LONGEST_ABSENCE => Ok(true),
        IndexRecord::InLog(pointer) => {
            let logged = match run_read(|| store.log.get(pointer.number.to_be_bytes())) {
                Err(StorageError::Corrupt(_)) => None,
                logged => logged?,
            };
            let record = logged.as_ref().and_then(|logged| split_log_value(logged));
            Ok(record.is_none_or(|(_, record)| !envelope::is_absent(record)))
        }
    }
}
