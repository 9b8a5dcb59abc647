//! The tier: what is asked of it, and counted.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use async_trait::async_trait;
use cache_core::{Clock, Entry, Error, ErrorKind, Key, Result, Target, Tier, Tombstone};
use futures_util::future::join_all;
use redis::pipe;

use crate::{
    Redis, RedisConfig, RedisHealth, context::Context, patterns::pattern_cache::PatternCache,
    patterns::scan_jobs::ScanJobs,
};

/// A tier on Redis; see the [crate]'s page for what it promises. Clones share it.
///
/// A call that is dropped before it is answered may still happen, whole for each key. A removal by pattern
/// does so in any case.
#[derive(Clone)]
pub struct RedisTier {
    pub(crate) context: Arc<Context>,
    pub(crate) patterns: Arc<PatternCache>,
    pub(crate) scan_jobs: Arc<ScanJobs>,
    pub(crate) counters: Arc<Counters>,
}

/// What a tier counts.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) corrupt: AtomicU64,
    pub(crate) refused: AtomicU64,
}

/// A tier in numbers, since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RedisStats {
    /// Values found that are no records of ours, or damaged. Each was answered as absent and unlinked.
    pub corrupt: u64,
    /// Entries that were not stored because a removal by pattern, or a restart of the server, came after
    /// their birth. Those that lost against a single key's record are not known here.
    pub refused: u64,
}

impl RedisTier {
    /// A tier over a connection of its own, which is made in the background: see [`Redis::new`].
    ///
    /// # Errors
    ///
    /// `Config` for settings out of range, and outside of a tokio runtime.
    pub fn new(config: RedisConfig, clock: Clock) -> Result<Self> {
        Ok(Redis::new(config, clock)?.tier())
    }

    /// The same, and waits until it is connected.
    ///
    /// # Errors
    ///
    /// As [`RedisTier::new`], and why connecting failed.
    pub async fn connect(config: RedisConfig, clock: Clock) -> Result<Self> {
        Ok(Redis::connect(config, clock).await?.tier())
    }

    pub(crate) fn from_context(context: Arc<Context>) -> Self {
        let patterns = Arc::new(PatternCache::new(context.names.bucket_count()));
        Self { context, patterns, scan_jobs: Arc::default(), counters: Arc::default() }
    }

    /// How the tier is doing.
    #[must_use]
    pub fn stats(&self) -> RedisStats {
        let Counters { corrupt, refused } = &*self.counters;
        RedisStats { corrupt: corrupt.load(Relaxed), refused: refused.load(Relaxed) }
    }

    /// How the servers are doing, as far as they are known: see [`Redis::health`].
    #[must_use]
    pub fn health(&self) -> RedisHealth {
        RedisHealth::of(&self.context.router)
    }

    /// Whether a key should never be evicted.
    pub(crate) fn protects(&self, key: &Key) -> bool {
        key.is_reserved()
            || self.context.server_context.config.protected.iter().any(|pattern| pattern.matches(key))
    }
}

impl fmt::Debug for RedisTier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisTier")
            .field("config", &self.context.server_context.config)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Tier for RedisTier {
    fn name(&self) -> &'static str {
        self.context.server_context.config.name
    }

    /// A value that can't be read is absent. If part of the keys could not be looked up, as with one node of
    /// a Cluster down, the whole call fails: an absence would say more than is known.
    async fn get(&self, keys: &[Key]) -> Result<Vec<Option<Entry>>> {
        self.get_keys(keys).await
    }

    async fn put(&self, entries: &[(Key, Entry)]) -> Result<()> {
        self.put_entries(entries).await
    }

    async fn remove(&self, target: Target<'_>, tombstone: Tombstone) -> Result<u64> {
        match target {
            Target::Keys(keys) => self.remove_keys(keys, tombstone).await,
            Target::Matching(pattern) => self.remove_matching(pattern, tombstone).await,
        }
    }

    /// Nothing is held back here, and how lasting the server is, it was told by its own settings. So this
    /// only asks whether every server is there.
    async fn flush(&self) -> Result<()> {
        let mut ping = pipe();
        ping.cmd("PING");
        let nodes = self.context.router.nodes("flush").await?;
        for answer in join_all(nodes.iter().map(|node| node.send("flush", &ping))).await {
            answer?;
        }
        Ok(())
    }
}

/// The error for a batch of which some failed.
pub(crate) fn partial_failure(operation: &'static str, failed: usize, all: usize, error: Error) -> Error {
    if failed == all {
        return error;
    }
    let message = format!("{failed} of {all} keys could not be asked for, the others were");
    Error::caused(error.kind(), operation, message, error)
}

/// The error for an answer that no server gives.
pub(crate) fn unexpected_reply(operation: &'static str) -> Error {
    Error::new(ErrorKind::Unavailable, operation, "Redis answered with something else than it was asked for")
}
