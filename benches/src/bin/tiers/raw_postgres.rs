//! diesel-async and tokio-postgres alone: the code for values in a table and nothing else.
//!
//! The table is one like the tier's, indexes included. Reads are diesel's `eq_any`, whose statement it
//! prepares once; writes are one upsert over `unnest`, prepared once, with arrays in binary. Each has
//! a connection that is open and belongs to nobody else. Births are compared, as by the tier, and rows
//! locked in the order of their keys, without which two batches would wait for each other; removals by
//! pattern, keys too long for an index and limits on time are not thought of.

use std::collections::HashMap;

use anyhow::{Context, Result};
use cache_core::{
    Entry, Key,
    envelope::{self, Record},
};
use diesel::{ExpressionMethods, QueryDsl};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use tokio_postgres::{Client, NoTls, Statement};

use crate::workload::COMPRESS_ABOVE;

diesel::table! {
    raw_entries (key) {
        key -> Binary,
        record -> Binary,
    }
}

/// What is generated is taken over, as indexes are; how full pages are filled is not, so it is said again.
const MAKE: &str = "CREATE TABLE raw_entries (LIKE cache_entries INCLUDING ALL) WITH (fillfactor = 80)";

const UPSERT: &str = "INSERT INTO raw_entries AS held (key, born, dead_at, record)
    SELECT key, born, dead_at, record
    FROM unnest($1::bytea[], $2::bigint[], $3::bigint[], $4::bytea[]) AS put (key, born, dead_at, record)
    ON CONFLICT (key) DO UPDATE SET
        born = excluded.born, dead_at = excluded.dead_at, record = excluded.record
    WHERE held.born < excluded.born";

/// A connection to read by and one to write by.
pub(crate) struct RawPostgres {
    reader: AsyncPgConnection,
    writer: Client,
    upsert: Statement,
}

impl RawPostgres {
    /// Connects, and makes the table, once there is a tier's.
    pub(crate) async fn connect(url: &str) -> Result<Self> {
        let (writer, connection) = tokio_postgres::connect(url, NoTls).await?;
        // Ends with the client.
        tokio::spawn(connection);
        writer.batch_execute(MAKE).await.context("can't make a table like the tier's")?;
        let upsert = writer.prepare(UPSERT).await?;
        Ok(Self { reader: AsyncPgConnection::establish(url).await?, writer, upsert })
    }

    pub(crate) async fn get_many(&mut self, keys: &[Key]) -> Result<Vec<Option<Entry>>> {
        let places: HashMap<&[u8], usize> =
            keys.iter().enumerate().map(|(place, key)| (key.as_str().as_bytes(), place)).collect();
        let wanted: Vec<&[u8]> = keys.iter().map(|key| key.as_str().as_bytes()).collect();
        let rows: Vec<(Vec<u8>, Vec<u8>)> = raw_entries::table
            .select((raw_entries::key, raw_entries::record))
            .filter(raw_entries::key.eq_any(wanted))
            .load(&mut self.reader)
            .await?;
        let mut found = vec![None; keys.len()];
        for (key, record) in rows {
            let place = *places.get(key.as_slice()).context("a row that was not asked for")?;
            if let Record::Entry(entry) = envelope::open(&keys[place], &record)? {
                found[place] = Some(entry);
            }
        }
        Ok(found)
    }

    pub(crate) async fn put_many(&mut self, entries: &[(Key, Entry)]) -> Result<()> {
        let mut entries: Vec<&(Key, Entry)> = entries.iter().collect();
        entries.sort_by(|(one, _), (other, _)| one.as_str().cmp(other.as_str()));
        let keys: Vec<&[u8]> = entries.iter().map(|(key, _)| key.as_str().as_bytes()).collect();
        let births: Vec<i64> = entries.iter().map(|(_, entry)| entry.meta.born.as_micros()).collect();
        let deaths: Vec<i64> = entries.iter().map(|(_, entry)| entry.meta.dead_at.as_micros()).collect();
        let records = entries
            .iter()
            .map(|(key, entry)| Ok(envelope::seal(key, entry, COMPRESS_ABOVE)?))
            .collect::<Result<Vec<Vec<u8>>>>()?;
        // Spelled so because diesel gives everything an `execute`.
        Client::execute(&self.writer, &self.upsert, &[&keys, &births, &deaths, &records]).await?;
        Ok(())
    }

    /// Cleans both tables up behind a round, and has the planner look at them.
    pub(crate) async fn vacuum(&mut self) -> Result<()> {
        Ok(self.writer.batch_execute("VACUUM (ANALYZE) cache_entries, raw_entries").await?)
    }
}
