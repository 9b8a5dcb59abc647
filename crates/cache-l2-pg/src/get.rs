//! Looking keys up.

use std::{collections::HashMap, sync::atomic::Ordering::Relaxed};

use cache_core::{
    Entry, Error, ErrorKind, Key, Result, Timestamp,
    envelope::{self, Record},
};

use crate::{
    connection::Row,
    sql::{Bind, KeyBytes, Prepared, decode},
    tier::Store,
};

/// What a row says.
#[derive(Clone, Debug)]
pub(crate) struct FoundRow {
    pub(crate) born: Timestamp,
    /// `None` for a tombstone, and for a record that can't be read.
    pub(crate) entry: Option<Entry>,
}

impl Store {
    /// The entries under `keys`: answer `i` belongs to `keys[i]`.
    pub(crate) async fn get(&self, keys: &[Key]) -> Result<Vec<Option<Entry>>> {
        let found = self.look_up(keys, &self.context.statements.get).await?;
        Ok(found.into_iter().map(|found| found?.entry).collect())
    }

    /// Whatever is under `keys`, tombstones included.
    pub(crate) async fn get_with_tombstones(&self, keys: &[Key]) -> Result<Vec<Option<FoundRow>>> {
        self.look_up(keys, &self.context.statements.get_with_tombstones).await
    }

    async fn look_up<S: 'static>(&self, keys: &[Key], text: &Prepared<S>) -> Result<Vec<Option<FoundRow>>> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let stored: Vec<KeyBytes<'_>> = keys.iter().map(KeyBytes::from).collect();
        // Of keys that are asked for twice the first is looked up, and answers for the others.
        let mut first: HashMap<&[u8], usize> = HashMap::with_capacity(keys.len());
        let homes: Vec<usize> =
            stored.iter().enumerate().map(|(at, stored)| *first.entry(&*stored.key).or_insert(at)).collect();
        let wanted: Vec<&[u8]> = first.keys().copied().collect();
        let answer = self.context.run("get", text.with(&[Bind::BytesArray(&wanted)])).await?;

        let mut found: Vec<Option<FoundRow>> = vec![None; keys.len()];
        for row in &answer {
            if let Some(at) = decode::with_bytes(row, 0, |key| first.get(key).copied()).flatten() {
                found[at] = Some(self.read(&keys[at], row)?);
            }
        }
        for (at, &home) in homes.iter().enumerate() {
            if home != at {
                found[at] = found[home].clone();
            }
        }
        Ok(found)
    }

    fn read(&self, key: &Key, row: &Row) -> Result<FoundRow> {
        let born = Timestamp::from_micros(decode::integer(row, 1)?);
        let Some(record) = decode::with_bytes(row, 2, |bytes| envelope::open(key, bytes)) else {
            return Ok(FoundRow { born, entry: None });
        };
        match record {
            // A whole record of another birth was put there by somebody else.
            Ok(Record::Entry(entry)) if entry.meta.born == born => Ok(FoundRow { born, entry: Some(entry) }),
            _ => {
                self.counters.corrupt.fetch_add(1, Relaxed);
                let message = format!("the record under {key} can't be read");
                tracing::warn!(%key, "a record in PostgreSQL can't be read");
                // The engine must not take an unreadable stamp for none.
                if key.is_reserved() {
                    return Err(Error::new(ErrorKind::Corrupt, "get", message));
                }
                Ok(FoundRow { born, entry: None })
            }
        }
    }
}
