//! Removing: by key, and all that matches a pattern. Each removed key leaves a tombstone.

use cache_core::{Error, Key, Pattern, Result, Timestamp, Tombstone, envelope};
use redis::Value;

use crate::{
    RedisTier,
    cluster::command::Command,
    error::{partial_failure, unexpected_reply},
    keyspace::{expiry::expiry_millis, key_names::group_by_bucket},
    patterns::scan_jobs::Lasts,
    scripts::TOMBSTONE,
};

/// The most keys for which one script writes tombstones, and the COUNT of one SCAN: a server does nothing
/// else meanwhile.
pub(crate) const MAX_KEYS_PER_STEP: usize = 256;

/// How many keys one step of a removal by pattern examines that runs in a task of its own.
const KEYS_PER_JOB_STEP: usize = 8192;

/// The most keys that are sent at once, within one response timeout.
const MAX_KEYS_AT_ONCE: usize = 8192;

/// What a tombstone may replace.
#[derive(Clone, Copy)]
pub(crate) enum Replace {
    /// Any value, or none.
    Anything,
    /// Only a record: another value whose name happens to match belongs to someone else.
    RecordsOnly,
}

impl RedisTier {
    pub(crate) async fn remove_keys(&self, keys: &[Key], tombstone: Tombstone) -> Result<u64> {
        let mut removed = 0;
        let mut failed = None;
        for keys in keys.chunks(MAX_KEYS_AT_ONCE) {
            match self.write_equal_tombstones(keys, tombstone, Replace::Anything).await {
                Ok(count) => removed += count,
                Err(error) => failed = Some(error),
            }
        }
        failed.map_or(Ok(removed), Err)
    }

    /// Removes what matches in a task of its own, which whoever asks for the same removal meanwhile joins.
    pub(crate) async fn remove_matching(&self, pattern: &Pattern, tombstone: Tombstone) -> Result<u64> {
        let (tier, glob, born) = (self.clone(), pattern.clone(), tombstone.born);
        let job = |lasts: Lasts| async move {
            let (mut removed, mut after, mut told) = (0, None, lasts.until());
            loop {
                let tombstone = Tombstone { born, dead_at: told };
                let step =
                    tier.remove_step_matching(&glob, tombstone, after.as_ref(), KEYS_PER_JOB_STEP).await?;
                removed += step.removed.unwrap_or(0);
                if lasts.until() > told {
                    // Somebody has joined whose removal lasts longer.
                    told = lasts.until();
                    tier.patterns.add(&tier.context, &glob, Tombstone { born, dead_at: told }).await?;
                }
                match step.next {
                    None => return Ok(removed),
                    next => after = next,
                }
            }
        };
        self.scan_jobs.join_or_start(pattern, tombstone, job).await
    }

    /// Writes one and the same tombstone under each key. Returns how many live values that removed.
    pub(crate) async fn write_equal_tombstones(
        &self,
        keys: &[Key],
        tombstone: Tombstone,
        replace: Replace,
    ) -> Result<u64> {
        let births: Vec<(&Key, Timestamp)> = keys.iter().map(|key| (key, tombstone.born)).collect();
        self.write_tombstones(&births, tombstone.dead_at, replace).await
    }

    /// Writes a tombstone under each key, born at the time beside it. Returns how many live values that removed.
    pub(crate) async fn write_tombstones(
        &self,
        births: &[(&Key, Timestamp)],
        dead_at: Timestamp,
        replace: Replace,
    ) -> Result<u64> {
        let names = &self.context.names;
        let now = self.context.now();
        let expiry = expiry_millis(dead_at, now);
        let groups = group_by_bucket(
            names,
            births.iter().map(|(key, born)| (names.bucket(key.as_str()), (*key, *born))),
        );
        let pages: Vec<(u16, &[(&Key, Timestamp)])> = groups
            .iter()
            .flat_map(|(bucket, group)| group.chunks(MAX_KEYS_PER_STEP).map(|page| (*bucket, page)))
            .collect();
        let commands = pages.iter().map(|(bucket, page)| {
            let mut command = Command::script(*bucket, &TOMBSTONE, page.len());
            page.iter().for_each(|(key, _)| {
                command.cmd.arg(names.key(key.as_str()));
            });
            command.cmd.arg(expiry).arg(match replace {
                Replace::Anything => "all",
                Replace::RecordsOnly => "records",
            });
            command.cmd.arg(&now.as_micros().to_le_bytes());
            page.iter().for_each(|(key, born)| {
                command.cmd.arg(envelope::seal_tombstone(key, &Tombstone { born: *born, dead_at }));
            });
            command
        });
        let results = self.context.router.send("remove", commands.collect()).await;
        let mut removed = 0;
        let mut failed: Option<(usize, Error)> = None;
        for ((_, page), result) in pages.iter().zip(results) {
            match result {
                Ok(Value::Int(count)) => removed += u64::try_from(count).unwrap_or(0),
                result => {
                    let error = result.err().unwrap_or_else(|| unexpected_reply("remove"));
                    failed = Some((failed.map_or(0, |(count, _)| count) + page.len(), error));
                }
            }
        }
        match failed {
            Some((count, error)) => Err(partial_failure("remove", count, births.len(), error)),
            None => Ok(removed),
        }
    }
}

/// Reads a reply to SCAN: the next cursor, and names.
pub(crate) fn parse_scan(reply: Option<Value>) -> Option<(Vec<u8>, Vec<Vec<u8>>)> {
    redis::from_redis_value(reply?).ok()
}
