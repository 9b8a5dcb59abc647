//! Removing: by key, and by pattern through a SCAN of every server. Each removed key leaves a tombstone.

use std::sync::Arc;

use cache_core::{Error, Key, Pattern, Result, Timestamp, Tombstone, envelope};
use futures_util::future::join_all;
use redis::{Value, pipe};

use crate::{
    RedisTier,
    cluster::command::Command,
    connection::node::Node,
    error::{partial_failure, unexpected_reply},
    keyspace::{expiry::expiry_millis, key_names::group_by_bucket},
    scripts::TOMBSTONE,
};

/// The most keys for which one script writes tombstones, and the COUNT of one SCAN: a server does nothing
/// else meanwhile.
const MAX_KEYS_PER_STEP: usize = 256;

/// The most keys that are sent at once, within one response timeout.
const MAX_KEYS_AT_ONCE: usize = 8192;

/// How often all servers are scanned at most, since slots may move meanwhile.
const MAX_SCANS: usize = 3;

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

    pub(crate) async fn remove_matching(&self, pattern: &Pattern, tombstone: Tombstone) -> Result<u64> {
        let (tier, glob) = (self.clone(), pattern.clone());
        let job = async move {
            // First, so that no older entry can be put where the scan has already passed.
            let added = tier.patterns.add(&tier.context, &glob, tombstone).await;
            let scanned = tier.scan(&glob, tombstone).await;
            added.and(scanned)
        };
        self.scan_jobs.join_or_start(pattern, tombstone, job).await
    }

    /// Scans all keys of all servers, and writes tombstones over those that match. Returns how many
    /// values were removed that were alive.
    async fn scan(&self, pattern: &Pattern, tombstone: Tombstone) -> Result<u64> {
        let mut removed = 0;
        for _ in 0..MAX_SCANS {
            let before = self.context.router.slot_map();
            let nodes = self.context.router.nodes("remove").await?;
            let scans = nodes.iter().map(|node| self.scan_node(node, pattern, tombstone));
            for scan in join_all(scans).await {
                removed += scan?;
            }
            match (before, self.context.router.slot_map()) {
                // The scan may have missed keys that moved meanwhile.
                (Some(before), Some(now)) if !before.has_same_owners(&now) => {}
                _ => break,
            }
        }
        Ok(removed)
    }

    async fn scan_node(&self, node: &Arc<Node>, pattern: &Pattern, tombstone: Tombstone) -> Result<u64> {
        let glob = self.context.names.glob(&pattern.to_string());
        let mut cursor = b"0".to_vec();
        let mut removed = 0;
        loop {
            let mut step = pipe();
            step.cmd("SCAN").arg(&cursor).arg("MATCH").arg(&glob).arg("COUNT").arg(MAX_KEYS_PER_STEP);
            let reply = node.send("remove", &step).await?.pop();
            let (next, names) = parse_scan(reply).ok_or_else(|| unexpected_reply("remove"))?;
            let keys: Vec<Key> = names
                .iter()
                .filter_map(|name| self.context.names.parse_key(name))
                .filter(|text| pattern.matches_text(text))
                .filter_map(Key::from_text)
                .collect();
            removed += self.write_equal_tombstones(&keys, tombstone, Replace::RecordsOnly).await?;
            if next == b"0" {
                return Ok(removed);
            }
            cursor = next;
        }
    }

    /// Writes one and the same tombstone under each key. Returns how many live values that removed.
    async fn write_equal_tombstones(
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
