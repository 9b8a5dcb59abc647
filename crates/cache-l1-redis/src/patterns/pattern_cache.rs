//! The pattern logs of all buckets, as this process last read them, and the commands that change them.

use std::sync::Arc;

use cache_core::{Error, ErrorKind, Pattern, Result, Tombstone, sync::Mutex};
use redis::Value;

use crate::{
    cluster::command::Command,
    context::Context,
    keyspace::expiry::expiry_millis,
    patterns::pattern_log::{self, COMPACT_ABOVE_BYTES, PatternLog},
    scripts::{ADD_PATTERN, REPLACE_PATTERNS},
};

/// How often a pattern is added at most, since other nodes may make the log too long again.
const MAX_ATTEMPTS: usize = 16;

/// The pattern log of each bucket, as a put last read it. It may be out of date: `put.lua` compares it with
/// the server's, and returns what is missing instead of storing anything.
#[derive(Debug)]
pub(crate) struct PatternCache(Vec<Mutex<Arc<PatternLog>>>);

impl PatternCache {
    pub(crate) fn new(buckets: u16) -> Self {
        Self((0..buckets).map(|_| Mutex::default()).collect())
    }

    pub(crate) fn get(&self, bucket: u16) -> Arc<PatternLog> {
        self.0[usize::from(bucket)].lock().clone()
    }

    /// Reads a reply of `put.lua`: the log from some offset on. A log that can't be read is replaced, on the
    /// server too, by one that refuses everything born before now.
    pub(crate) async fn update(
        &self,
        context: &Context,
        bucket: u16,
        known: &PatternLog,
        reply: Value,
    ) -> Result<()> {
        let (from, bytes) = parse_log(reply).ok_or_else(|| unexpected_reply("put"))?;
        let log = PatternLog::read(known, from, &bytes);
        if log.damaged {
            if let Some(times) = context.log_sums.corrupt_logs.count(context.now()) {
                tracing::warn!(
                    bucket,
                    times,
                    "the log of removed patterns is corrupt: replaced by one that refuses all older entries for a while"
                );
            }
            self.replace(context, "put", bucket, &log).await?;
        }
        *self.0[usize::from(bucket)].lock() = Arc::new(log);
        Ok(())
    }

    /// Adds a pattern to the log of every bucket. A log that is too long is compacted first.
    pub(crate) async fn add(&self, context: &Context, pattern: &Pattern, tombstone: Tombstone) -> Result<()> {
        let item = pattern_log::seal_item(pattern, tombstone)?;
        let expiry = expiry_millis(tombstone.dead_at, context.now());
        let mut buckets: Vec<u16> = (0..context.names.bucket_count()).collect();
        let mut failed = None;
        for _ in 0..MAX_ATTEMPTS {
            let commands = buckets.iter().map(|bucket| {
                let mut command = Command::script(*bucket, &ADD_PATTERN, 1);
                command
                    .cmd
                    .arg(context.names.patterns(*bucket))
                    .arg(&item)
                    .arg(expiry)
                    .arg(COMPACT_ABOVE_BYTES);
                command
            });
            let results = context.router.send("remove", commands.collect()).await;
            let mut too_long = Vec::new();
            for (bucket, result) in buckets.into_iter().zip(results) {
                match result {
                    Ok(Value::Nil) => {}
                    Ok(Value::BulkString(bytes)) => {
                        let log = PatternLog::read(&PatternLog::default(), 0, &bytes);
                        match self.replace(context, "remove", bucket, &log).await {
                            Ok(()) => too_long.push(bucket),
                            Err(error) => failed = Some(error),
                        }
                    }
                    Ok(_) => failed = Some(unexpected_reply("remove")),
                    Err(error) => failed = Some(error),
                }
            }
            buckets = too_long;
            if buckets.is_empty() {
                return failed.map_or(Ok(()), Err);
            }
        }
        let message = "too many removals by pattern at once: the log of patterns grew too long again each time it was compacted";
        Err(Error::new(ErrorKind::Unavailable, "remove", message))
    }

    /// Replaces `log` on the server by a compacted one, unless it has changed meanwhile.
    async fn replace(
        &self,
        context: &Context,
        operation: &'static str,
        bucket: u16,
        log: &PatternLog,
    ) -> Result<()> {
        let now = context.now();
        let load = Tombstone { born: now, dead_at: now.after(context.config().longest_load) };
        let (bytes, dead_at) = log.compacted(now, load)?;
        let mut command = Command::script(bucket, &REPLACE_PATTERNS, 1);
        command
            .cmd
            .arg(context.names.patterns(bucket))
            .arg(log.length)
            .arg(&log.end_mark)
            .arg(bytes)
            .arg(expiry_millis(dead_at, now));
        context.router.send_one(operation, command).await.map(|_| ())
    }
}

/// Reads a reply of `put.lua`: an offset, and the log from there on.
fn parse_log(reply: Value) -> Option<(usize, Vec<u8>)> {
    let Value::Array(parts) = reply else { return None };
    match <[Value; 2]>::try_from(parts).ok()? {
        [Value::Int(from), Value::BulkString(bytes)] => Some((usize::try_from(from).ok()?, bytes)),
        _ => None,
    }
}

fn unexpected_reply(operation: &'static str) -> Error {
    Error::new(ErrorKind::Corrupt, operation, "Redis returned an unexpected reply to a script of the cache")
}
