//! Removing: a tombstone in the place of each key, and a note of each pattern.

use std::sync::Arc;

use cache_core::{Error, Key, Pattern, Result, Timestamp, Tombstone, envelope};
use futures_util::future::join_all;
use redis::{Value, pipe};

use crate::{
    RedisTier,
    cluster::command::Call,
    connection::node::Node,
    keyspace::expiry::span,
    keyspace::key_names::by_bucket,
    keyspace::key_text::key_of,
    scripts::BURY,
    tier::{odd, partly},
};

/// How many keys one script buries, or one step of a walk looks at: a server does nothing else meanwhile.
const PAGE: usize = 256;

/// How many keys are asked to be buried at once.
const BATCH: usize = 8192;

/// How often to walk again when slots moved meanwhile.
const WALKS: usize = 3;

/// What to bury.
#[derive(Clone, Copy)]
pub(crate) enum What {
    /// Whatever is there, also if nothing is.
    All,
    /// What is a record: other values that happen to be called alike are someone else's.
    Records,
}

impl RedisTier {
    pub(crate) async fn remove_keys(&self, keys: &[Key], tombstone: Tombstone) -> Result<u64> {
        let mut gone = 0;
        let mut failed = None;
        for keys in keys.chunks(BATCH) {
            match self.bury(keys, tombstone, What::All).await {
                Ok(count) => gone += count,
                Err(error) => failed = Some(error),
            }
        }
        failed.map_or(Ok(gone), Err)
    }

    pub(crate) async fn remove_matching(&self, pattern: &Pattern, tombstone: Tombstone) -> Result<u64> {
        let (tier, glob) = (self.clone(), pattern.clone());
        let walk = async move {
            // First, so that nothing born before can be put where the walk has been already.
            let noted = tier.patterns.note(&tier.reach, &glob, tombstone).await;
            let walked = tier.walk(&glob, tombstone).await;
            noted.and(walked)
        };
        self.walks.clone().join(pattern, tombstone, walk).await
    }

    /// Goes through all keys of all servers.
    async fn walk(&self, pattern: &Pattern, tombstone: Tombstone) -> Result<u64> {
        let mut gone = 0;
        for _ in 0..WALKS {
            let before = self.reach.router.map();
            let nodes = self.reach.router.nodes("remove").await?;
            let walks = nodes.iter().map(|node| self.walk_node(node, pattern, tombstone));
            for walk in join_all(walks).await {
                gone += walk?;
            }
            match (before, self.reach.router.map()) {
                // A key that moved meanwhile may have been passed by.
                (Some(before), Some(now)) if !before.is_like(&now) => {}
                _ => break,
            }
        }
        Ok(gone)
    }

    async fn walk_node(&self, node: &Arc<Node>, pattern: &Pattern, tombstone: Tombstone) -> Result<u64> {
        let glob = self.reach.names.glob(&pattern.to_string());
        let mut cursor = b"0".to_vec();
        let mut gone = 0;
        loop {
            let mut step = pipe();
            step.cmd("SCAN").arg(&cursor).arg("MATCH").arg(&glob).arg("COUNT").arg(PAGE);
            let answer = node.ask("remove", &step).await?.pop();
            let (next, names) = scanned(answer).ok_or_else(|| odd("remove"))?;
            let keys: Vec<Key> = names
                .iter()
                .filter_map(|name| self.reach.names.key_called(name))
                .filter(|text| pattern.matches_text(text))
                .filter_map(key_of)
                .collect();
            gone += self.bury(&keys, tombstone, What::Records).await?;
            if next == b"0" {
                return Ok(gone);
            }
            cursor = next;
        }
    }

    async fn bury(&self, keys: &[Key], tombstone: Tombstone, what: What) -> Result<u64> {
        let graves: Vec<(&Key, Timestamp)> = keys.iter().map(|key| (key, tombstone.born)).collect();
        self.bury_each(&graves, tombstone.dead_at, what).await
    }

    /// Puts a tombstone in the place of each key, born when it says beside it. Answers how many entries went.
    pub(crate) async fn bury_each(
        &self,
        graves: &[(&Key, Timestamp)],
        dead_at: Timestamp,
        what: What,
    ) -> Result<u64> {
        let names = &self.reach.names;
        let span = span(dead_at, self.reach.now());
        let groups = by_bucket(names, graves.iter().map(|grave| (names.bucket(grave.0.as_str()), *grave)));
        let pages: Vec<(u16, &[(&Key, Timestamp)])> = groups
            .iter()
            .flat_map(|(bucket, group)| group.chunks(PAGE).map(|page| (*bucket, page)))
            .collect();
        let calls = pages.iter().map(|(bucket, page)| {
            let mut call = Call::script(*bucket, &BURY, page.len());
            page.iter().for_each(|(key, _)| {
                call.command.arg(names.key(key.as_str()));
            });
            call.command.arg(span).arg(match what {
                What::All => "all",
                What::Records => "records",
            });
            page.iter().for_each(|(key, born)| {
                call.command.arg(envelope::seal_tombstone(key, &Tombstone { born: *born, dead_at }));
            });
            call
        });
        let answers = self.reach.router.ask("remove", calls.collect()).await;
        let mut gone = 0;
        let mut failed: Option<(usize, Error)> = None;
        for ((_, page), answer) in pages.iter().zip(answers) {
            match answer {
                Ok(Value::Int(count)) => gone += u64::try_from(count).unwrap_or(0),
                answer => {
                    let error = answer.err().unwrap_or_else(|| odd("remove"));
                    failed = Some((failed.map_or(0, |(count, _)| count) + page.len(), error));
                }
            }
        }
        match failed {
            Some((count, error)) => Err(partly("remove", count, graves.len(), error)),
            None => Ok(gone),
        }
    }
}

/// The next cursor and the names of a step.
fn scanned(answer: Option<Value>) -> Option<(Vec<u8>, Vec<Vec<u8>>)> {
    redis::from_redis_value(answer?).ok()
}
