//! Removing keys, or what matches a pattern: a tombstone stays in each one's place.

use cache_core::{Key, Pattern, Result, Tombstone};

use crate::{
    error::StorageResult,
    storage::{
        Batch, IndexRecord, PATTERN_PREFIX, StorageEngine, Store, Writer, encode_pattern, index_key,
        key_from_text, merge_tombstones, unreadable,
    },
};

/// How many keys one batch removes, or a walk passes before it lets others write.
const KEYS_PER_BATCH: usize = 1024;

impl StorageEngine {
    /// Answers how many entries went that were not dead.
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
        }
        Ok(removed)
    }

    /// Answers how many entries went that were not dead.
    pub(crate) fn remove_matching(&self, pattern: &Pattern, tombstone: Tombstone) -> Result<u64> {
        // First, so that nothing born before can be put where the walk has been already.
        self.write("remove", |writer, store| self.add_pattern(writer, store, pattern, tombstone))?;
        let mut removed = 0;
        let mut next = Some(index_key(pattern.literal_prefix().as_bytes()));
        while let Some(from) = next {
            let (count, rest) = self.write("remove", |writer, store| {
                self.remove_page(writer, store, &from, pattern, tombstone)
            })?;
            removed += count;
            next = rest;
        }
        Ok(removed)
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
    ) -> StorageResult<(u64, Option<Vec<u8>>)> {
        self.make_room_for(writer, store, 0)?;
        let mut batch = Batch::new(store, writer);
        let (mut removed, mut passed) = (0, 0);
        let next = store.walk(from, &index_key(pattern.literal_prefix().as_bytes()), |text, _| {
            if passed == KEYS_PER_BATCH {
                return Ok(false);
            }
            passed += 1;
            if str::from_utf8(text).is_ok_and(|text| pattern.matches_text(text)) {
                let key = key_from_text(text).ok_or_else(|| unreadable(text))?;
                removed += u64::from(self.put_tombstone(&mut batch, &key, tombstone)?);
            }
            Ok(true)
        })?;
        batch.commit(writer, &self.directory, &self.counters)?;
        Ok((removed, next))
    }

    /// Puts a tombstone in place of what was born no later; says whether that was an entry alive.
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
        if is_entry && found.born() > tombstone.born {
            return Ok(false);
        }
        let alive = is_entry && !found.is_dead(now);
        batch.set(text, old, Some(IndexRecord::tombstone(key, tombstone)));
        Ok(alive)
    }
}
