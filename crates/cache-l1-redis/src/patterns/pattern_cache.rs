//! What was removed by pattern: noted in each bucket, and known here as far as a put was told.

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

/// How often to try again what others got in the way of.
const MAX_ATTEMPTS: usize = 16;

/// The lists of removed patterns, by bucket, as they were last heard of. The server compares: a put that
/// goes by an old one is sent back with the new one.
#[derive(Debug)]
pub(crate) struct PatternCache(Vec<Mutex<Arc<PatternLog>>>);

impl PatternCache {
    pub(crate) fn new(buckets: u16) -> Self {
        Self((0..buckets).map(|_| Mutex::default()).collect())
    }

    pub(crate) fn get(&self, bucket: u16) -> Arc<PatternLog> {
        self.0[usize::from(bucket)].lock().clone()
    }

    /// Takes note of what a put was answered: the list from some point on. One that can't be read is
    /// replaced by one that refuses everything born before now.
    pub(crate) async fn update(
        &self,
        context: &Context,
        bucket: u16,
        known: &PatternLog,
        answer: Value,
    ) -> Result<()> {
        let (from, list) = parse_log(answer).ok_or_else(|| unexpected_reply("put"))?;
        let removed = PatternLog::read(known, from, &list);
        if removed.damaged {
            tracing::warn!(bucket, "the list of removed patterns can't be read, and refuses all for a while");
            self.replace(context, "put", bucket, &removed).await?;
        }
        *self.0[usize::from(bucket)].lock() = Arc::new(removed);
        Ok(())
    }

    /// Adds a pattern to the list of every bucket.
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
            let mut long = Vec::new();
            for (bucket, answer) in buckets.into_iter().zip(results) {
                match answer {
                    Ok(Value::Nil) => {}
                    Ok(Value::BulkString(list)) => {
                        let removed = PatternLog::read(&PatternLog::default(), 0, &list);
                        match self.replace(context, "remove", bucket, &removed).await {
                            Ok(()) => long.push(bucket),
                            Err(error) => failed = Some(error),
                        }
                    }
                    Ok(_) => failed = Some(unexpected_reply("remove")),
                    Err(error) => failed = Some(error),
                }
            }
            buckets = long;
            if buckets.is_empty() {
                return failed.map_or(Ok(()), Err);
            }
        }
        let message = "too many remove by pattern at once: the list of patterns was never short enough";
        Err(Error::new(ErrorKind::Unavailable, "remove", message))
    }

    /// Puts a shorter list in the place of `removed`, unless it has changed meanwhile.
    async fn replace(
        &self,
        context: &Context,
        operation: &'static str,
        bucket: u16,
        removed: &PatternLog,
    ) -> Result<()> {
        let now = context.now();
        let load = Tombstone { born: now, dead_at: now.after(context.config().longest_load) };
        let (list, dead_at) = removed.compacted(now, load)?;
        let mut command = Command::script(bucket, &REPLACE_PATTERNS, 1);
        command
            .cmd
            .arg(context.names.patterns(bucket))
            .arg(removed.length)
            .arg(&removed.end_mark)
            .arg(list)
            .arg(expiry_millis(dead_at, now));
        context.router.send_one(operation, command).await.map(|_| ())
    }
}

/// From where on a list is, and that part of it.
fn parse_log(answer: Value) -> Option<(usize, Vec<u8>)> {
    let Value::Array(parts) = answer else { return None };
    match <[Value; 2]>::try_from(parts).ok()? {
        [Value::Int(from), Value::BulkString(list)] => Some((usize::try_from(from).ok()?, list)),
        _ => None,
    }
}

fn unexpected_reply(operation: &'static str) -> Error {
    Error::new(ErrorKind::Corrupt, operation, "Redis answered a script of ours with something else")
}
