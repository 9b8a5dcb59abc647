//! Looks keys up.

use std::{collections::HashMap, sync::atomic::Ordering::Relaxed};

use cache_core::{
    Entry, Error, ErrorKind, Key, Result, Timestamp,
    envelope::{self, Record},
};

use crate::{
    connection::PooledRow,
    sql::{Bind, KeyBytes, Prepared, decode},
    tier::Store,
};

/// What the row of a key holds.
#[derive(Clone, Debug)]
pub(crate) struct FoundRow {
    pub(crate) born: Timestamp,
    /// `None` for a tombstone, and for a record that can't be read.
    pub(crate) entry: Option<Entry>,
}

impl Store {
    /// Returns the entries under `keys`; result `i` belongs to `keys[i]`.
    pub(crate) async fn get(&self, keys: &[Key]) -> Result<Vec<Option<Entry>>> {
        let found = self.look_up(keys, &self.context.statements.get).await?;
        Ok(found.into_iter().map(|found| found?.entry).collect())
    }

    /// Returns what is under `keys`, tombstones included.
    pub(crate) async fn get_with_tombstones(&self, keys: &[Key]) -> Result<Vec<Option<FoundRow>>> {
        self.look_up(keys, &self.context.statements.get_with_tombstones).await
    }

    async fn look_up<S: 'static>(
        &self,
        keys: &[Key],
        statement: &Prepared<S>,
    ) -> Result<Vec<Option<FoundRow>>> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let stored: Vec<KeyBytes<'_>> = keys.iter().map(KeyBytes::from).collect();
        // A key that is given twice is looked up once; its later places copy what the first one found.
        let mut first: HashMap<&[u8], usize> = HashMap::with_capacity(keys.len());
        let first_places: Vec<usize> =
            stored.iter().enumerate().map(|(at, stored)| *first.entry(&*stored.key).or_insert(at)).collect();
        let wanted: Vec<&[u8]> = first.keys().copied().collect();
        let answer = self.context.run("get", statement.with(&[Bind::BytesArray(&wanted)])).await?;

        let mut found: Vec<Option<FoundRow>> = vec![None; keys.len()];
        for row in &answer {
            if let Some(at) = decode::with_bytes(row, 0, |key| first.get(key).copied()).flatten() {
                found[at] = Some(self.read(&keys[at], row)?);
            }
        }
        for (at, &first) in first_places.iter().enumerate() {
            if first != at {
                found[at] = found[first].clone();
            }
        }
        Ok(found)
    }

    fn read(&self, key: &Key, row: &PooledRow) -> Result<FoundRow> {
        let born = Timestamp::from_micros(decode::integer(row, 1)?);
        let Some(record) = decode::with_bytes(row, 2, |bytes| envelope::open(key, bytes)) else {
            return Ok(FoundRow { born, entry: None });
        };
        match record {
            // A whole record with another birth was not written by a tier: its row says otherwise.
            Ok(Record::Entry(entry)) if entry.meta.born == born => Ok(FoundRow { born, entry: Some(entry) }),
            _ => {
                self.counters.corrupt.fetch_add(1, Relaxed);
                let message = format!("the record of {key} in PostgreSQL is corrupt");
                if let Some(times) = self.log_sums.corrupt.count(self.context.clock.now()) {
                    tracing::warn!(%key, times, "a record in PostgreSQL is corrupt and counts as a miss");
                }
                // The cache must not take a corrupt stamp for an absent one.
                if key.is_reserved() {
                    return Err(Error::new(ErrorKind::Corrupt, "get", message));
                }
                Ok(FoundRow { born, entry: None })
            }
        }
    }
}
