//! Stores entries: of two for one key the later born stays.

use std::{
    cmp::Reverse,
    sync::{Arc, atomic::Ordering::Relaxed},
};

use cache_core::{Entry, Error, ErrorKind, Key, PutOutcome, Result, Timestamp, envelope};

use crate::{
    sql::{Bind, KeyBytes, decode},
    tier::{KnownPatterns, Store},
};

/// How many rows, and bytes of records, one statement stores at most.
const MAX_STATEMENT_ROWS: usize = 1000;
const MAX_STATEMENT_BYTES: usize = 8 << 20;

/// How often a put is tried if removals by pattern come in between each time.
const MAX_ATTEMPTS: usize = 8;

/// An entry in its stored form.
#[derive(Debug)]
pub(crate) struct SealedEntry {
    pub(crate) key: Key,
    pub(crate) born: Timestamp,
    pub(crate) dead_at: Timestamp,
    /// Whether it is the knowledge that there is no value.
    pub(crate) is_absent: bool,
    pub(crate) record: Vec<u8>,
}

/// A row to be stored.
struct PutRow<'a> {
    /// Its place among the entries that are put.
    at: usize,
    key_bytes: KeyBytes<'a>,
    sealed: &'a SealedEntry,
}

impl Store {
    /// Returns the entries in their stored form, and an error if some could not be brought into it.
    pub(crate) fn seal(&self, entries: &[(Key, Entry)]) -> (Vec<Arc<SealedEntry>>, Result<()>) {
        let (mut sealed, mut refused) = (Vec::with_capacity(entries.len()), Ok(()));
        for (key, entry) in entries {
            match envelope::seal(key, entry, self.context.config.compress_above) {
                Ok(record) => {
                    let (key, born, dead_at) = (key.clone(), entry.meta.born, entry.meta.dead_at);
                    let is_absent = entry.value.is_none();
                    sealed.push(Arc::new(SealedEntry { key, born, dead_at, is_absent, record }));
                }
                Err(error) => refused = Err(error),
            }
        }
        (sealed, refused)
    }

    /// Stores entries, in statements of a bounded size. Returns what became of each.
    pub(crate) async fn put(&self, sealed: &[Arc<SealedEntry>]) -> Result<Vec<PutOutcome>> {
        let mut outcomes = vec![PutOutcome::Outdated; sealed.len()];
        let mut rest = in_order(sealed);
        while !rest.is_empty() {
            let mut bytes = 0;
            let fitting = rest.iter().take(MAX_STATEMENT_ROWS).take_while(|row| {
                bytes += row.sealed.record.len();
                bytes <= MAX_STATEMENT_BYTES
            });
            let later = rest.split_off(fitting.count().max(1));
            self.put_chunk(rest, &mut outcomes).await?;
            rest = later;
        }
        Ok(outcomes)
    }

    async fn put_chunk(&self, mut chunk: Vec<PutRow<'_>>, outcomes: &mut [PutOutcome]) -> Result<()> {
        let mut known = self.context.known_patterns();
        for _ in 0..MAX_ATTEMPTS {
            let before = chunk.len();
            self.drop_removed(&mut chunk, &known);
            self.counters.outdated.fetch_add((before - chunk.len()) as u64, Relaxed);
            if chunk.is_empty() || self.try_put(&chunk, &known, outcomes).await? {
                return Ok(());
            }
            known = self.context.reload_patterns("put").await?;
        }
        let message = "the put gave up: removals by pattern came in between each of its attempts";
        Err(Error::new(ErrorKind::Unavailable, "put", message))
    }

    fn drop_removed(&self, chunk: &mut Vec<PutRow<'_>>, known: &KnownPatterns) {
        let now = self.context.clock.now();
        chunk.retain(|row| !known.refuses(&row.sealed.key, row.sealed.born, now));
    }

    /// Stores a chunk and returns whether it did: it does not if a removal by pattern came that is not
    /// `known`.
    async fn try_put(
        &self,
        chunk: &[PutRow<'_>],
        known: &KnownPatterns,
        outcomes: &mut [PutOutcome],
    ) -> Result<bool> {
        let keys: Vec<&[u8]> = chunk.iter().map(|row| &*row.key_bytes.key).collect();
        // Few keys have a rest, and elements missing from the end of an array are null.
        let last_rest = chunk.iter().rposition(|row| row.key_bytes.rest.is_some()).map_or(0, |at| at + 1);
        let rests: Vec<_> = chunk[..last_rest].iter().map(|row| row.key_bytes.rest).collect();
        let births: Vec<i64> = chunk.iter().map(|row| row.sealed.born.as_micros()).collect();
        let deaths: Vec<i64> = chunk.iter().map(|row| row.sealed.dead_at.as_micros()).collect();
        let records: Vec<&[u8]> = chunk.iter().map(|row| row.sealed.record.as_slice()).collect();
        let binds = [
            Bind::BytesArray(&keys),
            Bind::NullableBytesArray(&rests),
            Bind::Integers(&births),
            Bind::Integers(&deaths),
            Bind::BytesArray(&records),
            Bind::Integer(known.latest()),
            Bind::BytesArray(&keys),
        ];
        let refused = self.context.run("put", self.context.statements.put.with(&binds)).await?;
        // A row that was not stored lost to a later birth, or the gate refused all of them. Numbers only
        // rise, so the gate was open if ours is the last one even now.
        if !refused.is_empty() && !self.is_latest(known).await? {
            return Ok(false);
        }
        chunk.iter().for_each(|row| outcomes[row.at] = PutOutcome::Stored);
        for row in &refused {
            let at = decode::with_bytes(row, 0, |key| keys.binary_search(&key).ok()).flatten();
            if let Some(at) = at {
                outcomes[chunk[at].at] = PutOutcome::Outdated;
            }
        }
        let stored = (chunk.len() - refused.len()) as u64;
        self.counters.outdated.fetch_add(refused.len() as u64, Relaxed);
        self.count_added(stored, records.iter().map(|record| record.len() as u64).sum());
        Ok(true)
    }

    async fn is_latest(&self, known: &KnownPatterns) -> Result<bool> {
        let binds = [Bind::Integer(known.latest())];
        let answer = self.context.run("put", self.context.statements.is_latest.with(&binds)).await?;
        decode::boolean(decode::single_row(&answer)?, 0)
    }
}

/// Returns rows in the order of their keys, in which they are locked. Of entries for one key it keeps the
/// latest born, and the first of several.
fn in_order(sealed: &[Arc<SealedEntry>]) -> Vec<PutRow<'_>> {
    let rows = sealed.iter().enumerate();
    let mut rows: Vec<PutRow<'_>> =
        rows.map(|(at, sealed)| PutRow { at, key_bytes: KeyBytes::from(&sealed.key), sealed }).collect();
    rows.sort_by(|a, b| {
        a.key_bytes.key.cmp(&b.key_bytes.key).then(Reverse(a.sealed.born).cmp(&Reverse(b.sealed.born)))
    });
    rows.dedup_by(|later, first| later.key_bytes.key == first.key_bytes.key);
    rows
}
