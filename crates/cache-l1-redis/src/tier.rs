//! The tier: what may be asked of it, and where that is done.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use cache_core::{
    Clock, Entry, Key, ListCursor, ListPage, Pattern, PutOutcome, RemovalStep, Result, Target, Tier,
    Tombstone,
};
use futures_util::future::join_all;
use redis::pipe;

use crate::{
    Redis, RedisConfig, RedisHealth, RedisStats,
    context::Context,
    patterns::{pattern_cache::PatternCache, scan_jobs::ScanJobs},
    stats::Counters,
};

/// A tier on Redis. Clones share its connections; the [crate]'s page says what it promises.
///
/// A call whose future is dropped may still take effect, for each key wholly or not at all. A removal by
/// pattern always does.
#[derive(Clone)]
pub struct RedisTier {
    pub(crate) context: Arc<Context>,
    pub(crate) patterns: Arc<PatternCache>,
    pub(crate) scan_jobs: Arc<ScanJobs>,
    pub(crate) counters: Arc<Counters>,
}

impl RedisTier {
    /// Creates a tier with connections of its own, which open in the background: see [`Redis::new`].
    ///
    /// # Errors
    ///
    /// `Config` for settings out of range, for certificates that can't be read, and outside a tokio runtime.
    pub fn new(config: RedisConfig, clock: Clock) -> Result<Self> {
        Ok(Redis::new(config, clock)?.tier())
    }

    /// Creates a tier with connections of its own, and waits until they are open: see [`Redis::connect`].
    ///
    /// # Errors
    ///
    /// As [`RedisTier::new`], and the reason if connecting failed.
    pub async fn connect(config: RedisConfig, clock: Clock) -> Result<Self> {
        Ok(Redis::connect(config, clock).await?.tier())
    }

    pub(crate) fn from_context(context: Arc<Context>) -> Self {
        let patterns = Arc::new(PatternCache::new(context.names.bucket_count()));
        Self { context, patterns, scan_jobs: Arc::default(), counters: Arc::default() }
    }

    /// Returns what the tier has counted since it was created.
    #[must_use]
    pub fn stats(&self) -> RedisStats {
        self.counters.stats()
    }

    /// Returns what is known of the servers: see [`Redis::health`].
    #[must_use]
    pub fn health(&self) -> RedisHealth {
        RedisHealth::of(&self.context.router)
    }

    /// Returns whether the server should never evict `key`.
    pub(crate) fn protects(&self, key: &Key) -> bool {
        key.is_reserved() || self.context.config().protected.iter().any(|pattern| pattern.matches(key))
    }
}

impl fmt::Debug for RedisTier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisTier").field("config", self.context.config()).finish_non_exhaustive()
    }
}

#[async_trait]
impl Tier for RedisTier {
    fn name(&self) -> &'static str {
        self.context.config().name
    }

    /// Returns `None` for a value that can't be read. If some of the keys could not be looked up, as with
    /// one node of a Cluster down, the whole call fails: `None` would claim that the key is absent.
    async fn get(&self, keys: &[Key]) -> Result<Vec<Option<Entry>>> {
        self.get_keys(keys).await
    }

    async fn put(&self, entries: &[(Key, Entry)]) -> Result<Vec<PutOutcome>> {
        self.put_entries(entries).await
    }

    async fn remove(&self, target: Target<'_>, tombstone: Tombstone) -> Result<u64> {
        match target {
            Target::Keys(keys) => self.remove_keys(keys, tombstone).await,
            Target::Matching(pattern) => self.remove_matching(pattern, tombstone).await,
        }
    }

    /// Checks that every server answers. The tier holds nothing back that could be flushed, and how durable
    /// a server's writes are is set in its own configuration.
    async fn flush(&self) -> Result<()> {
        let mut ping = pipe();
        ping.cmd("PING");
        let nodes = self.context.router.nodes("flush").await?;
        for reply in join_all(nodes.iter().map(|node| node.send("flush", &ping))).await {
            reply?;
        }
        Ok(())
    }

    /// Goes through all servers one after another. A key that a reshard moves meanwhile may be missed, and once a
    /// server is no master any more a listing that had come to it must begin anew.
    async fn list(
        &self,
        pattern: &Pattern,
        after: Option<&ListCursor>,
        limit: usize,
    ) -> Result<Option<ListPage>> {
        self.list_page(pattern, after, limit).await.map(Some)
    }

    /// Goes through all servers at once. If one is another than before, or was restarted, all are gone through
    /// anew.
    async fn remove_step(
        &self,
        pattern: &Pattern,
        tombstone: Tombstone,
        after: Option<&ListCursor>,
        limit: usize,
    ) -> Result<Option<RemovalStep>> {
        self.remove_step_matching(pattern, tombstone, after, limit).await.map(Some)
    }

    fn corrupt(&self) -> u64 {
        self.counters.stats().corrupt
    }

    fn needs_guard(&self) -> bool {
        true
    }

    fn clock(&self) -> Option<&Clock> {
        Some(&self.context.servers.clock)
    }
}
