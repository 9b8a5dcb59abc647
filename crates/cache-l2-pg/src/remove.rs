//! Removes keys, or what matches a pattern.

use cache_core::{Error, ErrorKind, Key, ListCursor, Pattern, RemovalStep, Result, Tombstone};

use crate::{
    sql::{Bind, KeyBytes, decode, key_range, key_text, matches_whole_range},
    tier::Store,
};

/// How many keys one statement removes at most.
const MAX_STATEMENT_KEYS: usize = 1000;

impl Store {
    /// Replaces what was born no later by a tombstone, and returns how many live values that removed.
    pub(crate) async fn remove_keys(&self, keys: &[Key], tombstone: Tombstone) -> Result<u64> {
        let mut stored: Vec<KeyBytes<'_>> = keys.iter().map(KeyBytes::from).collect();
        // In the order in which rows are locked.
        stored.sort_by(|a, b| a.key.cmp(&b.key));
        stored.dedup_by(|a, b| a.key == b.key);
        let mut removed = 0;
        for page in stored.chunks(MAX_STATEMENT_KEYS) {
            removed += self.put_tombstones(page, tombstone).await?;
        }
        Ok(removed)
    }

    async fn put_tombstones(&self, page: &[KeyBytes<'_>], tombstone: Tombstone) -> Result<u64> {
        let keys: Vec<&[u8]> = page.iter().map(|stored| &*stored.key).collect();
        let rests: Vec<Option<&[u8]>> = page.iter().map(|stored| stored.rest).collect();
        let born = Bind::Integer(tombstone.born.as_micros());
        let binds = [
            Bind::BytesArray(&keys),
            born.clone(),
            self.now(),
            born,
            Bind::Integer(tombstone.dead_at.as_micros()),
            Bind::BytesArray(&keys),
            Bind::NullableBytesArray(&rests),
        ];
        self.count("remove", self.context.statements.put_tombstones.with(&binds)).await
    }

    /// Deletes what matches and was born no later, and returns how many live values that removed. While the
    /// tombstone lasts, matching puts that were born no later are refused.
    pub(crate) async fn remove_matching(&self, pattern: &Pattern, tombstone: Tombstone) -> Result<u64> {
        RemovalStep::all(|after| async move {
            self.remove_step(pattern, tombstone, after.as_ref(), MAX_STATEMENT_KEYS).await
        })
        .await
    }

    /// Does the same for a page of about `limit` rows, from the first or from where `after` says: a cursor is the
    /// stored key at which the next page begins.
    pub(crate) async fn remove_step(
        &self,
        pattern: &Pattern,
        tombstone: Tombstone,
        after: Option<&ListCursor>,
        limit: usize,
    ) -> Result<RemovalStep> {
        if pattern.literal_prefix().starts_with('!') {
            return Ok(RemovalStep::new(0, None));
        }
        let (first, end) = key_range(pattern);
        let from = match after.map(ListCursor::as_bytes) {
            None => {
                // First, so that nothing born earlier can be put into a page that was already emptied.
                self.add_pattern(pattern, tombstone).await?;
                first
            }
            Some(after) if *first <= *after && *after <= *end => after.to_vec(),
            Some(_) => {
                let message = "the cursor is not one of this tier and pattern: begin anew";
                return Err(Error::new(ErrorKind::Config, "remove", message));
            }
        };
        let page_end = self.page_end(&from, &end, limit.clamp(1, MAX_STATEMENT_KEYS)).await?;
        let until = page_end.as_deref().unwrap_or(&end);
        let removed = if matches_whole_range(pattern) {
            self.remove_range(&from, until, tombstone).await?
        } else {
            self.remove_among(&from, until, pattern, tombstone).await?
        };
        Ok(RemovalStep::new(removed, page_end.map(ListCursor::new)))
    }

    /// Adds a removal to the table of patterns. Returns once every put has ended that doesn't know it.
    async fn add_pattern(&self, pattern: &Pattern, tombstone: Tombstone) -> Result<()> {
        if tombstone.dead_at <= self.context.clock.now() {
            return Ok(());
        }
        let glob = pattern.to_string();
        let binds = [
            Bind::Bytes(glob.as_bytes()),
            Bind::Integer(tombstone.born.as_micros()),
            Bind::Integer(tombstone.dead_at.as_micros()),
            self.now(),
        ];
        self.context.run("remove", self.context.statements.add_pattern.with(&binds)).await?;
        Ok(())
    }

    async fn page_end(&self, from: &[u8], end: &[u8], rows: usize) -> Result<Option<Vec<u8>>> {
        let binds = [Bind::Bytes(from), Bind::Bytes(end), Bind::Integer(rows as i64)];
        let answer = self.context.run("remove", self.context.statements.page_end.with(&binds)).await?;
        Ok(answer.first().map(|row| decode::bytes(row, 0)))
    }

    async fn remove_range(&self, from: &[u8], until: &[u8], tombstone: Tombstone) -> Result<u64> {
        let born = Bind::Integer(tombstone.born.as_micros());
        let binds = [self.now(), Bind::Bytes(from), Bind::Bytes(until), born, self.now()];
        self.count("remove", self.context.statements.remove_range.with(&binds)).await
    }

    async fn remove_among(
        &self,
        from: &[u8],
        until: &[u8],
        pattern: &Pattern,
        tombstone: Tombstone,
    ) -> Result<u64> {
        let born = Bind::Integer(tombstone.born.as_micros());
        let binds = [Bind::Bytes(from), Bind::Bytes(until), born.clone()];
        let listed = self.context.run("remove", self.context.statements.list_range.with(&binds)).await?;
        let matching = listed.iter().filter_map(|row| {
            let (key, rest) = (decode::bytes(row, 0), decode::with_bytes(row, 1, <[u8]>::to_vec));
            let matches = key_text(&key, rest.as_deref()).is_some_and(|text| pattern.matches_text(&text));
            matches.then_some(key)
        });
        let matching: Vec<Vec<u8>> = matching.collect();
        if matching.is_empty() {
            return Ok(0);
        }
        let keys: Vec<&[u8]> = matching.iter().map(Vec::as_slice).collect();
        let binds = [self.now(), Bind::BytesArray(&keys), born, self.now()];
        self.count("remove", self.context.statements.remove_keys.with(&binds)).await
    }

    /// Returns the moment by which an entry must be dead not to be counted as removed.
    fn now(&self) -> Bind<'static> {
        Bind::Integer(self.context.clock.now().as_micros())
    }
}
