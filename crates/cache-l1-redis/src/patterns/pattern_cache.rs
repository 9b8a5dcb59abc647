//! What was removed by pattern: noted in each bucket, and known here as far as a put was told.

use std::sync::{Arc, Mutex, PoisonError};

use cache_core::{Error, ErrorKind, Pattern, Result, Tombstone};
use redis::Value;

use crate::{
    cluster::command::Call,
    context::Reach,
    keyspace::expiry::span,
    patterns::pattern_log::{self, LONG, Removed},
    scripts::{NOTE, REPLACE},
};

/// How often to try again what others got in the way of.
const TRIES: usize = 16;

/// The lists of removed patterns, by bucket, as they were last heard of. The server compares: a put that
/// goes by an old one is sent back with the new one.
#[derive(Debug)]
pub(crate) struct Patterns(Vec<Mutex<Arc<Removed>>>);

impl Patterns {
    pub(crate) fn new(buckets: u16) -> Self {
        Self((0..buckets).map(|_| Mutex::default()).collect())
    }

    pub(crate) fn of(&self, bucket: u16) -> Arc<Removed> {
        self.0[usize::from(bucket)].lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes note of what a put was answered: the list from some point on. One that can't be read is
    /// replaced by one that refuses everything born before now.
    pub(crate) async fn learn(
        &self,
        reach: &Reach,
        bucket: u16,
        known: &Removed,
        answer: Value,
    ) -> Result<()> {
        let (from, list) = part(answer).ok_or_else(|| odd("put"))?;
        let removed = Removed::read(known, from, &list);
        if removed.damaged {
            tracing::warn!(bucket, "the list of removed patterns can't be read, and refuses all for a while");
            self.replace(reach, "put", bucket, &removed).await?;
        }
        *self.0[usize::from(bucket)].lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(removed);
        Ok(())
    }

    /// Adds a pattern to the list of every bucket.
    pub(crate) async fn note(&self, reach: &Reach, pattern: &Pattern, tombstone: Tombstone) -> Result<()> {
        let item = pattern_log::sealed(pattern, tombstone)?;
        let span = span(tombstone.dead_at, reach.now());
        let mut buckets: Vec<u16> = (0..reach.names.buckets()).collect();
        let mut failed = None;
        for _ in 0..TRIES {
            let calls = buckets.iter().map(|bucket| {
                let mut call = Call::script(*bucket, &NOTE, 1);
                call.command.arg(reach.names.patterns(*bucket)).arg(&item).arg(span).arg(LONG);
                call
            });
            let answers = reach.router.ask("remove", calls.collect()).await;
            let mut long = Vec::new();
            for (bucket, answer) in buckets.into_iter().zip(answers) {
                match answer {
                    Ok(Value::Nil) => {}
                    Ok(Value::BulkString(list)) => {
                        let removed = Removed::read(&Removed::default(), 0, &list);
                        match self.replace(reach, "remove", bucket, &removed).await {
                            Ok(()) => long.push(bucket),
                            Err(error) => failed = Some(error),
                        }
                    }
                    Ok(_) => failed = Some(odd("remove")),
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
        reach: &Reach,
        operation: &'static str,
        bucket: u16,
        removed: &Removed,
    ) -> Result<()> {
        let now = reach.now();
        let load = Tombstone { born: now, dead_at: now.after(reach.shared.config.longest_load) };
        let (list, dead_at) = removed.shortened(now, load)?;
        let mut call = Call::script(bucket, &REPLACE, 1);
        call.command
            .arg(reach.names.patterns(bucket))
            .arg(removed.length)
            .arg(&removed.mark)
            .arg(list)
            .arg(span(dead_at, now));
        reach.router.ask_one(operation, call).await.map(|_| ())
    }
}

/// From where on a list is, and that part of it.
fn part(answer: Value) -> Option<(usize, Vec<u8>)> {
    let Value::Array(parts) = answer else { return None };
    match <[Value; 2]>::try_from(parts).ok()? {
        [Value::Int(from), Value::BulkString(list)] => Some((usize::try_from(from).ok()?, list)),
        _ => None,
    }
}

fn odd(operation: &'static str) -> Error {
    Error::new(ErrorKind::Corrupt, operation, "Redis answered a script of ours with something else")
}
