//! The crate `redis` alone: the code for values in Redis and nothing else.
//!
//! A multiplexed connection with Nagle's algorithm off, RESP3 and the driver's own limit on answers, which
//! is what the tier has under it. One GET; one MGET; one pipeline of SET PX, whose replies are ignored.
//! Births are not compared: the last write wins.

use anyhow::Result;
use cache_core::{
    Entry, Key, Timestamp,
    envelope::{self, Record},
};
use redis::{
    AsyncCommands, Client, IntoConnectionInfo, Pipeline, ProtocolVersion, aio::MultiplexedConnection, cmd,
    io::tcp::TcpSettings,
};

use crate::workload::COMPRESS_ABOVE;

/// A connection. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct RawRedis(MultiplexedConnection);

impl RawRedis {
    pub(crate) async fn connect(url: &str) -> Result<Self> {
        let info = url.into_connection_info()?;
        let settings = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
        let info =
            info.set_tcp_settings(TcpSettings::default().set_nodelay(true)).set_redis_settings(settings);
        Ok(Self(Client::open(info)?.get_multiplexed_async_connection().await?))
    }

    pub(crate) async fn get(&mut self, key: &Key) -> Result<Option<Entry>> {
        let record: Option<Vec<u8>> = self.0.get(key.as_str()).await?;
        opened(key, record.as_deref())
    }

    pub(crate) async fn get_many(&mut self, keys: &[Key]) -> Result<Vec<Option<Entry>>> {
        let mut command = cmd("MGET");
        keys.iter().for_each(|key| {
            command.arg(key.as_str());
        });
        let records: Vec<Option<Vec<u8>>> = command.query_async(&mut self.0).await?;
        keys.iter().zip(records).map(|(key, record)| opened(key, record.as_deref())).collect()
    }

    pub(crate) async fn put_many(&mut self, entries: &[(Key, Entry)], now: Timestamp) -> Result<()> {
        let mut calls = Pipeline::with_capacity(entries.len());
        for (key, entry) in entries {
            let record = envelope::seal(key, entry, COMPRESS_ABOVE)?;
            let left = entry.meta.dead_at.since(now).as_millis() as u64;
            calls.cmd("SET").arg(key.as_str()).arg(record).arg("PX").arg(left).ignore();
        }
        Ok(calls.query_async(&mut self.0).await?)
    }
}

fn opened(key: &Key, record: Option<&[u8]>) -> Result<Option<Entry>> {
    Ok(match record.map(|record| envelope::open(key, record)).transpose()? {
        Some(Record::Entry(entry)) => Some(entry),
        Some(Record::Tombstone(_)) | None => None,
    })
}
