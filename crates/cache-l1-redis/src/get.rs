//! Looking up: one GET, or one MGET a bucket, and what can't be read makes way.

use std::sync::atomic::Ordering::Relaxed;

use cache_core::{
    Entry, Error, ErrorKind, Key, Result,
    envelope::{self, Record},
};
use redis::{Value, cmd};

use crate::{
    RedisTier,
    cluster::command::Call,
    keyspace::key_names::by_bucket,
    scripts::DROP,
    tier::{odd, partly},
};

/// How many keys one MGET asks for at most: a server does nothing else meanwhile.
const PAGE: usize = 1024;

/// How many keys are asked for at once, within one limit for the answer.
const BATCH: usize = 8192;

/// Of a value that can't be read, how much of either end tells it apart from others.
const END: usize = 16;

/// What a script sets in a record that may be kept for longer than it lives, and where. It is none of the
/// record's own flags.
const KEPT: u8 = 128;
const FLAGS: usize = 3;

impl RedisTier {
    pub(crate) async fn read(&self, keys: &[Key]) -> Result<Vec<Option<Entry>>> {
        match keys {
            [key] => Ok(vec![self.read_one(key).await?]),
            // In a box, and so is what is rare below, so that reading one carries no more than it takes.
            _ if keys.len() <= BATCH => Box::pin(self.read_many(keys)).await,
            _ => {
                let mut entries = Vec::with_capacity(keys.len());
                for keys in keys.chunks(BATCH) {
                    entries.extend(Box::pin(self.read_many(keys)).await?);
                }
                Ok(entries)
            }
        }
    }

    async fn read_one(&self, key: &Key) -> Result<Option<Entry>> {
        let names = &self.reach.names;
        let mut command = cmd("GET");
        command.arg(names.key(key.as_str()));
        let call = Call::plain(names.bucket(key.as_str()), command);
        let value = match self.reach.router.ask_one("get", call).await {
            Ok(value) => value,
            // A hash of someone else's, or a list. MGET says nothing of those.
            Err(error) if error.kind() == ErrorKind::Corrupt => Value::Nil,
            Err(error) => return Err(error),
        };
        match self.entry(key, value) {
            Found::Entry(entry) => Ok(Some(entry)),
            Found::Nothing => Ok(None),
            Found::Broken(bytes) => {
                Box::pin(self.drop_values(vec![(key, bytes)])).await;
                Ok(None)
            }
        }
    }

    async fn read_many(&self, keys: &[Key]) -> Result<Vec<Option<Entry>>> {
        let names = &self.reach.names;
        let places = keys.iter().enumerate().map(|(place, key)| (names.bucket(key.as_str()), place));
        let groups = by_bucket(names, places);
        let pages: Vec<(u16, &[usize])> = groups
            .iter()
            .flat_map(|(bucket, group)| group.chunks(PAGE).map(|page| (*bucket, page)))
            .collect();
        let calls = pages.iter().map(|(bucket, page)| {
            let mut command = cmd("MGET");
            page.iter().for_each(|place| {
                command.arg(names.key(keys[*place].as_str()));
            });
            Call::plain(*bucket, command)
        });
        let answers = self.reach.router.ask("get", calls.collect()).await;

        let mut entries = vec![None; keys.len()];
        let mut broken = Vec::new();
        let mut failed: Option<(usize, Error)> = None;
        for ((_, page), answer) in pages.iter().zip(answers) {
            match answer {
                Ok(Value::Array(values)) if values.len() == page.len() => {
                    for (place, value) in page.iter().zip(values) {
                        match self.entry(&keys[*place], value) {
                            Found::Entry(entry) => entries[*place] = Some(entry),
                            Found::Nothing => {}
                            Found::Broken(bytes) => broken.push((&keys[*place], bytes)),
                        }
                    }
                }
                answer => {
                    let error = answer.err().unwrap_or_else(|| odd("get"));
                    failed = Some((failed.map_or(0, |(count, _)| count) + page.len(), error));
                }
            }
        }
        if !broken.is_empty() {
            self.drop_values(broken).await;
        }
        match failed {
            Some((count, error)) => Err(partly("get", count, keys.len(), error)),
            None => Ok(entries),
        }
    }

    fn entry(&self, key: &Key, value: Value) -> Found {
        // What is no string, such as a hash of someone else's, is answered as nil.
        let Value::BulkString(mut bytes) = value else { return Found::Nothing };
        let kept = bytes.get_mut(FLAGS).map_or(0, |flags| {
            let kept = *flags & KEPT;
            *flags &= !KEPT;
            kept
        });
        match envelope::open(key, &bytes) {
            Ok(Record::Entry(entry)) => Found::Entry(entry),
            Ok(Record::Tombstone(_)) => Found::Nothing,
            Err(error) => {
                tracing::warn!(tier = self.reach.shared.config.name, %error, "a stored value can't be read");
                if let Some(flags) = bytes.get_mut(FLAGS) {
                    *flags |= kept;
                }
                Found::Broken(bytes)
            }
        }
    }

    /// Unlinks values that can't be read: what looks newer than all that comes would stay for ever.
    async fn drop_values(&self, broken: Vec<(&Key, Vec<u8>)>) {
        self.counters.corrupt.fetch_add(broken.len() as u64, Relaxed);
        let names = &self.reach.names;
        let calls = broken.iter().map(|(key, bytes)| {
            let mut call = Call::script(names.bucket(key.as_str()), &DROP, 1);
            let (head, tail) = (&bytes[..bytes.len().min(END)], &bytes[bytes.len().saturating_sub(END)..]);
            call.command.arg(names.key(key.as_str())).arg(bytes.len()).arg(head).arg(tail);
            call
        });
        for answer in self.reach.router.ask("get", calls.collect()).await {
            if let Err(error) = answer {
                tracing::warn!(tier = self.reach.shared.config.name, %error, "can't drop a value that can't be read");
            }
        }
    }
}

/// What a value comes to.
enum Found {
    Entry(Entry),
    /// No value, or a tombstone.
    Nothing,
    /// These bytes are no record.
    Broken(Vec<u8>),
}
