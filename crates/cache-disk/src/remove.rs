//! Removing keys, or what matches a pattern: a tombstone stays in each one's place.

use cache_core::{Key, Pattern, Result, Tombstone};

use crate::{
    error::Outcome,
    storage::{
        Batch, Engine, PATTERN, Place, Store, Writer, encode_pattern, index_key, key_of, merged, unreadable,
    },
};

/// How many keys one batch removes, or a walk passes before it lets others write.
const PAGE: usize = 1024;

impl Engine {
    /// Answers how many entries went that were not dead.
    pub(crate) fn remove_keys(&self, keys: &[Key], tombstone: Tombstone) -> Result<u64> {
        let mut removed = 0;
        for page in keys.chunks(PAGE) {
            removed += self.write("remove", |writer, store| {
                self.make_way(writer, store, 0)?;
                let mut batch = Batch::new(store, writer);
                let mut removed = 0;
                for key in page {
                    removed += u64::from(self.bury(&mut batch, key, tombstone)?);
                }
                batch.commit(writer, &self.home, &self.counters)?;
                Ok(removed)
            })?;
        }
        Ok(removed)
    }

    /// Answers how many entries went that were not dead.
    pub(crate) fn remove_matching(&self, pattern: &Pattern, tombstone: Tombstone) -> Result<u64> {
        // First, so that nothing born before can be put where the walk has been already.
        self.write("remove", |writer, store| self.note_pattern(writer, store, pattern, tombstone))?;
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

    fn note_pattern(
        &self,
        writer: &mut Writer,
        store: &Store,
        pattern: &Pattern,
        tombstone: Tombstone,
    ) -> Outcome<()> {
        let now = self.config.clock.now();
        if tombstone.dead_at <= now {
            return Ok(());
        }
        self.make_way(writer, store, 0)?;
        let value = encode_pattern(pattern, tombstone);
        let mut batch = Batch::new(store, writer);
        batch.note(&[&[PATTERN], value.as_slice()].concat(), &value);
        batch.commit(writer, &self.home, &self.counters)?;
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
    ) -> Outcome<(u64, Option<Vec<u8>>)> {
        self.make_way(writer, store, 0)?;
        let mut batch = Batch::new(store, writer);
        let (mut removed, mut passed) = (0, 0);
        let next = store.walk(from, &index_key(pattern.literal_prefix().as_bytes()), |text, _| {
            if passed == PAGE {
                return Ok(false);
            }
            passed += 1;
            if str::from_utf8(text).is_ok_and(|text| pattern.matches_text(text)) {
                let key = key_of(text).ok_or_else(|| unreadable(text))?;
                removed += u64::from(self.bury(&mut batch, &key, tombstone)?);
            }
            Ok(true)
        })?;
        batch.commit(writer, &self.home, &self.counters)?;
        Ok((removed, next))
    }

    /// Puts a tombstone in place of what was born no later; says whether that was an entry alive.
    fn bury(&self, batch: &mut Batch<'_>, key: &Key, tombstone: Tombstone) -> Outcome<bool> {
        let (text, now) = (key.as_str().as_bytes(), self.config.clock.now());
        let old = batch.place(text)?;
        let Some(place) = &old else {
            batch.set(text, None, Some(Place::tombstone(key, tombstone)));
            return Ok(false);
        };
        if let Some(earlier) = place.as_tombstone().filter(|_| !place.is_dead(now)) {
            let both = merged(earlier, tombstone);
            if both != earlier {
                batch.set(text, old, Some(Place::tombstone(key, both)));
            }
            return Ok(false);
        }
        let is_entry = place.as_tombstone().is_none();
        if is_entry && place.born() > tombstone.born {
            return Ok(false);
        }
        let alive = is_entry && !place.is_dead(now);
        batch.set(text, old, Some(Place::tombstone(key, tombstone)));
        Ok(alive)
    }
}
