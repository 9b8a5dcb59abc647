//! Storing entries: of two for one key the later born stays.

use std::{
    cmp::Reverse,
    sync::{Arc, atomic::Ordering::Relaxed},
};

use cache_core::{Entry, Error, ErrorKind, Key, Result, Timestamp, envelope};

use crate::{
    sql::{Bind, Stored, decode},
    tier::{Known, Store},
};

/// How many rows, and bytes of records, go into one statement.
const ROWS: usize = 1000;
const BYTES: usize = 8 << 20;

/// How often a put is made again because removals by pattern came in between.
const TRIES: usize = 8;

/// An entry ready to be stored.
#[derive(Debug)]
pub(crate) struct Sealed {
    pub(crate) key: Key,
    pub(crate) born: Timestamp,
    pub(crate) dead_at: Timestamp,
    pub(crate) record: Vec<u8>,
}

/// One of a batch, in the order in which rows are locked.
struct Row<'a> {
    stored: Stored<'a>,
    sealed: &'a Sealed,
}

impl Store {
    /// Seals what can be sealed, and says why something could not be.
    pub(crate) fn seal(&self, entries: &[(Key, Entry)]) -> (Vec<Arc<Sealed>>, Result<()>) {
        let (mut sealed, mut refused) = (Vec::with_capacity(entries.len()), Ok(()));
        for (key, entry) in entries {
            match envelope::seal(key, entry, self.shared.config.compress_above) {
                Ok(record) => {
                    let (key, born, dead_at) = (key.clone(), entry.meta.born, entry.meta.dead_at);
                    sealed.push(Arc::new(Sealed { key, born, dead_at, record }));
                }
                Err(error) => refused = Err(error),
            }
        }
        (sealed, refused)
    }

    /// Stores what is sealed, in statements of a bounded size.
    pub(crate) async fn store(&self, sealed: &[Arc<Sealed>]) -> Result<()> {
        let mut rest = in_order(sealed);
        while !rest.is_empty() {
            let mut bytes = 0;
            let fitting = rest.iter().take(ROWS).take_while(|row| {
                bytes += row.sealed.record.len();
                bytes <= BYTES
            });
            let later = rest.split_off(fitting.count().max(1));
            self.store_chunk(rest).await?;
            rest = later;
        }
        Ok(())
    }

    async fn store_chunk(&self, mut chunk: Vec<Row<'_>>) -> Result<()> {
        let mut known = self.shared.patterns();
        for _ in 0..TRIES {
            let before = chunk.len();
            self.drop_removed(&mut chunk, &known);
            self.counters.outdated.fetch_add((before - chunk.len()) as u64, Relaxed);
            if chunk.is_empty() || self.offer(&chunk, &known).await? {
                return Ok(());
            }
            known = self.shared.learn_patterns("put").await?;
        }
        let message = "removals by pattern came faster than a put could follow";
        Err(Error::new(ErrorKind::Unavailable, "put", message))
    }

    fn drop_removed(&self, chunk: &mut Vec<Row<'_>>, known: &Known) {
        let now = self.shared.clock.now();
        chunk.retain(|row| !known.refuse(&row.sealed.key, row.sealed.born, now));
    }

    /// Stores a chunk, unless there is a removal by pattern that is not `known`: that is the answer.
    async fn offer(&self, chunk: &[Row<'_>], known: &Known) -> Result<bool> {
        let keys: Vec<&[u8]> = chunk.iter().map(|row| &*row.stored.key).collect();
        // Hardly any key has a rest, and what is left out of an array is null.
        let last_rest = chunk.iter().rposition(|row| row.stored.rest.is_some()).map_or(0, |at| at + 1);
        let rests: Vec<_> = chunk[..last_rest].iter().map(|row| row.stored.rest).collect();
        let births: Vec<i64> = chunk.iter().map(|row| row.sealed.born.as_micros()).collect();
        let deaths: Vec<i64> = chunk.iter().map(|row| row.sealed.dead_at.as_micros()).collect();
        let records: Vec<&[u8]> = chunk.iter().map(|row| row.sealed.record.as_slice()).collect();
        let binds = [
            Bind::Texts(&keys),
            Bind::MaybeTexts(&rests),
            Bind::Numbers(&births),
            Bind::Numbers(&deaths),
            Bind::Texts(&records),
            Bind::Number(known.latest()),
        ];
        let stored = self.shared.execute("put", self.shared.texts.put.with(&binds)).await?;
        // If some weren't stored they lost, or the gate was shut. Numbers only rise: if ours is the last one
        // even now, it was open.
        if stored < chunk.len() as u64 && !self.is_latest(known).await? {
            return Ok(false);
        }
        self.counters.outdated.fetch_add(chunk.len() as u64 - stored, Relaxed);
        self.added(stored, records.iter().map(|record| record.len() as u64).sum());
        Ok(true)
    }

    async fn is_latest(&self, known: &Known) -> Result<bool> {
        let binds = [Bind::Number(known.latest())];
        let answer = self.shared.run("put", self.shared.texts.is_latest.with(&binds)).await?;
        decode::truth(decode::one(&answer)?, 0)
    }
}

/// Sorted by key, and of those of one key the latest born, or the first of them.
fn in_order(sealed: &[Arc<Sealed>]) -> Vec<Row<'_>> {
    let mut rows: Vec<Row<'_>> =
        sealed.iter().map(|sealed| Row { stored: Stored::from(&sealed.key), sealed }).collect();
    rows.sort_by(|a, b| {
        a.stored.key.cmp(&b.stored.key).then(Reverse(a.sealed.born).cmp(&Reverse(b.sealed.born)))
    });
    rows.dedup_by(|later, first| later.stored.key == first.stored.key);
    rows
}
