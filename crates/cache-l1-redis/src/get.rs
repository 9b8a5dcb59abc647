//! Looking up: one MGET a bucket, and what can't be read makes way.

use std::sync::atomic::Ordering::Relaxed;

use cache_core::{
    Entry, Error, Key, Result,
    envelope::{self, Record},
};
use redis::{Value, cmd};

use crate::{
    RedisTier,
    call::Call,
    common::by_bucket,
    script::DROP,
    tier::{odd, partly},
};

/// How many keys one MGET asks for at most: a server does nothing else meanwhile.
const PAGE: usize = 1024;

/// Of a value that can't be read, how much of either end tells it apart from others.
const END: usize = 16;

impl RedisTier {
    pub(crate) async fn read(&self, keys: &[Key]) -> Result<Vec<Option<Entry>>> {
        let names = &self.common.names;
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
        let answers = self.common.router.ask("get", calls.collect()).await;

        let mut entries = vec![None; keys.len()];
        let mut broken = Vec::new();
        let mut failed: Option<(usize, Error)> = None;
        for ((_, page), answer) in pages.iter().zip(answers) {
            match answer {
                Ok(Value::Array(values)) if values.len() == page.len() => {
                    for (place, value) in page.iter().zip(values) {
                        // What is no string, such as a hash of someone else's, is answered as nil.
                        let Value::BulkString(bytes) = value else { continue };
                        match envelope::open(&keys[*place], &bytes) {
                            Ok(Record::Entry(entry)) => entries[*place] = Some(entry),
                            Ok(Record::Tombstone(_)) => {}
                            Err(error) => {
                                tracing::warn!(tier = self.common.shared.config.name, %error, "dropped a value");
                                broken.push((*place, bytes));
                            }
                        }
                    }
                }
                answer => {
                    let error = answer.err().unwrap_or_else(|| odd("get"));
                    let count = failed.map_or(0, |(count, _)| count) + page.len();
                    failed = Some((count, error));
                }
            }
        }
        if !broken.is_empty() {
            self.drop_values(keys, broken).await;
        }
        match failed {
            Some((count, error)) => Err(partly("get", count, keys.len(), error)),
            None => Ok(entries),
        }
    }

    /// Unlinks values that can't be read: what looks newer than all that comes would stay for ever.
    async fn drop_values(&self, keys: &[Key], broken: Vec<(usize, Vec<u8>)>) {
        self.counters.corrupt.fetch_add(broken.len() as u64, Relaxed);
        let names = &self.common.names;
        let calls = broken.iter().map(|(place, bytes)| {
            let key = keys[*place].as_str();
            let mut call = Call::script(names.bucket(key), &DROP, 1);
            let (head, tail) = (&bytes[..bytes.len().min(END)], &bytes[bytes.len().saturating_sub(END)..]);
            call.command.arg(names.key(key)).arg(bytes.len()).arg(head).arg(tail);
            call
        });
        for answer in self.common.router.ask("get", calls.collect()).await {
            if let Err(error) = answer {
                tracing::warn!(tier = self.common.shared.config.name, %error, "can't drop a value that can't be read");
            }
        }
    }
}
