//! Looking up: by GET, or by MGET for each bucket. Values that can't be read are unlinked.

use std::sync::atomic::Ordering::Relaxed;

use cache_core::{
    Entry, Error, ErrorKind, Key, Result,
    envelope::{self, Record},
};
use redis::Value;

use crate::{
    RedisTier,
    cluster::command::Command,
    error::{partial_failure, unexpected_reply},
    keyspace::key_names::group_by_bucket,
    scripts::UNLINK_CORRUPT,
};

/// The most keys in one MGET: a server does nothing else meanwhile.
const MAX_KEYS_PER_MGET: usize = 1024;

/// The most keys that are asked for at once, within one response timeout.
const MAX_KEYS_AT_ONCE: usize = 8192;

/// How many bytes at either end of a corrupt value identify it, together with its length.
const END_BYTES: usize = 16;

/// The flag that `put.lua` sets in a record kept for longer than it lives. The envelope doesn't use it.
pub(crate) const KEPT_LONGER: u8 = 128;
/// Where in a record its flags are.
pub(crate) const FLAGS_AT: usize = 3;

impl RedisTier {
    pub(crate) async fn get_keys(&self, keys: &[Key]) -> Result<Vec<Option<Entry>>> {
        match keys {
            [key] => Ok(vec![self.get_single(key).await?]),
            // Boxed, as is what is rare below, so that the future of a single lookup stays small.
            _ if keys.len() <= MAX_KEYS_AT_ONCE => Box::pin(self.get_batch(keys)).await,
            _ => {
                let mut entries = Vec::with_capacity(keys.len());
                for keys in keys.chunks(MAX_KEYS_AT_ONCE) {
                    entries.extend(Box::pin(self.get_batch(keys)).await?);
                }
                Ok(entries)
            }
        }
    }

    async fn get_single(&self, key: &Key) -> Result<Option<Entry>> {
        let names = &self.context.names;
        let mut cmd = redis::cmd("GET");
        cmd.arg(names.key(key.as_str()));
        let command = Command::new(names.bucket(key.as_str()), cmd);
        let value = match self.context.router.send_one("get", command).await {
            Ok(value) => value,
            // A value of another type, such as a hash. MGET returns nil for those.
            Err(error) if error.kind() == ErrorKind::Corrupt => Value::Nil,
            Err(error) => return Err(error),
        };
        match self.open(key, value) {
            Stored::Entry(entry) => Ok(Some(entry)),
            Stored::Absent => Ok(None),
            Stored::Corrupt(bytes) => {
                Box::pin(self.unlink_corrupt(vec![(key, bytes)])).await;
                Ok(None)
            }
        }
    }

    async fn get_batch(&self, keys: &[Key]) -> Result<Vec<Option<Entry>>> {
        let names = &self.context.names;
        let positions = keys.iter().enumerate().map(|(position, key)| (names.bucket(key.as_str()), position));
        let groups = group_by_bucket(names, positions);
        let pages: Vec<(u16, &[usize])> = groups
            .iter()
            .flat_map(|(bucket, group)| group.chunks(MAX_KEYS_PER_MGET).map(|page| (*bucket, page)))
            .collect();
        let commands = pages.iter().map(|(bucket, page)| {
            let mut cmd = redis::cmd("MGET");
            page.iter().for_each(|position| {
                cmd.arg(names.key(keys[*position].as_str()));
            });
            Command::new(*bucket, cmd)
        });
        let results = self.context.router.send("get", commands.collect()).await;

        let mut entries = vec![None; keys.len()];
        let mut corrupt = Vec::new();
        let mut failed: Option<(usize, Error)> = None;
        for ((_, page), result) in pages.iter().zip(results) {
            match result {
                Ok(Value::Array(values)) if values.len() == page.len() => {
                    for (position, value) in page.iter().zip(values) {
                        match self.open(&keys[*position], value) {
                            Stored::Entry(entry) => entries[*position] = Some(entry),
                            Stored::Absent => {}
                            Stored::Corrupt(bytes) => corrupt.push((&keys[*position], bytes)),
                        }
                    }
                }
                result => {
                    let error = result.err().unwrap_or_else(|| unexpected_reply("get"));
                    failed = Some((failed.map_or(0, |(count, _)| count) + page.len(), error));
                }
            }
        }
        if !corrupt.is_empty() {
            self.unlink_corrupt(corrupt).await;
        }
        self.context.log_sums.settle();
        match failed {
            Some((count, error)) => Err(partial_failure("get", count, keys.len(), error)),
            None => Ok(entries),
        }
    }

    /// Opens the record in a value.
    fn open(&self, key: &Key, value: Value) -> Stored {
        // MGET returns nil for a value of another type, such as a hash.
        let Value::BulkString(mut bytes) = value else { return Stored::Absent };
        let kept = bytes.get_mut(FLAGS_AT).map_or(0, |flags| {
            let kept = *flags & KEPT_LONGER;
            *flags &= !KEPT_LONGER;
            kept
        });
        match envelope::open(key, &bytes) {
            Ok(Record::Entry(entry)) => Stored::Entry(entry),
            Ok(Record::Tombstone(_)) => Stored::Absent,
            Err(error) => {
                if let Some(times) = self.context.log_sums.corrupt.count(self.context.now()) {
                    tracing::warn!(tier = self.context.config().name, %key, %error, times,
                        "a stored value can't be read: treating it as absent, unlinking it");
                }
                if let Some(flags) = bytes.get_mut(FLAGS_AT) {
                    *flags |= kept;
                }
                Stored::Corrupt(bytes)
            }
        }
    }

    /// Unlinks values that can't be read. One whose damaged birth is far ahead would otherwise win against
    /// every put.
    async fn unlink_corrupt(&self, corrupt: Vec<(&Key, Vec<u8>)>) {
        self.counters.corrupt.fetch_add(corrupt.len() as u64, Relaxed);
        let names = &self.context.names;
        let commands = corrupt.iter().map(|(key, bytes)| {
            let mut command = Command::script(names.bucket(key.as_str()), &UNLINK_CORRUPT, 1);
            let (head, tail) =
                (&bytes[..bytes.len().min(END_BYTES)], &bytes[bytes.len().saturating_sub(END_BYTES)..]);
            command.cmd.arg(names.key(key.as_str())).arg(bytes.len()).arg(head).arg(tail);
            command
        });
        for result in self.context.router.send("get", commands.collect()).await {
            if let Err(error) = result
                && let Some(times) = self.context.log_sums.failed_unlinks.count(self.context.now())
            {
                tracing::warn!(tier = self.context.config().name, %error, times,
                    "failed to unlink a corrupt value");
            }
        }
    }
}

/// What is stored under a key.
enum Stored {
    Entry(Entry),
    /// No value, a tombstone, or a value of another type.
    Absent,
    /// Bytes that are no record of the key.
    Corrupt(Vec<u8>),
}
