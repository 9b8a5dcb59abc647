//! `PgTier`: a table as a tier.

mod list;
mod pattern_cache;
mod store;

use std::sync::Arc;

use async_trait::async_trait;
use cache_core::{
    Clock, Entry, Key, ListCursor, ListPage, Pattern, PutOutcome, RemovalStep, Result, Target, Tier,
    Timestamp, Tombstone,
};
use cache_task::BackgroundTask;

use crate::{
    PgStats, Writes, client::Context, connection::start_role_watch, janitor, write_behind::WriteBehind,
};
pub(crate) use list::ListedRows;
pub(crate) use pattern_cache::{KnownPatterns, PatternCache};
pub(crate) use store::Store;

/// A tier in a table of PostgreSQL, which [`Postgres::tier`](crate::Postgres::tier) returns. Clones share
/// it.
///
/// Every call is one statement, except that batches past 1,000 keys or 8 MiB and removals by pattern take
/// one for each page. If a call is dropped before it returns, each of its statements takes effect whole or
/// not at all.
#[derive(Clone, Debug)]
pub struct PgTier(Arc<Handle>);

#[derive(Debug)]
struct Handle {
    /// Dropped first, which stops their tasks.
    janitor: BackgroundTask,
    role: BackgroundTask,
    behind: Option<WriteBehind>,
    store: Arc<Store>,
}

impl PgTier {
    pub(crate) fn new(context: Arc<Context>) -> Self {
        let writes = context.config.writes;
        let store = Arc::new(Store::new(context));
        let behind = match writes {
            Writes::Through => None,
            Writes::Behind { rows, bytes } => Some(WriteBehind::start(store.clone(), rows, bytes)),
        };
        let (janitor, role) = (janitor::start(store.clone()), start_role_watch(&store.context));
        Self(Arc::new(Handle { janitor, role, behind, store }))
    }

    /// Begins anew what has ended with its runtime, and returns the parts.
    fn running(&self) -> &Handle {
        self.0.janitor.ensure_running();
        self.0.role.ensure_running();
        self.0.behind.iter().for_each(WriteBehind::ensure_running);
        &self.0
    }

    /// Returns the tier's counters, as far as this process saw. Sends nothing to the server.
    #[must_use]
    pub fn stats(&self) -> PgStats {
        let queued = self.0.behind.as_ref().map_or((0, 0), WriteBehind::size);
        self.0.store.counters.read(queued)
    }

    /// Deletes the rows that are dead at `now`, as the janitor does in the background, and returns how many
    /// it deleted.
    ///
    /// # Errors
    ///
    /// `Unavailable` or `Timeout` if the server fails before all are deleted.
    pub async fn sweep(&self, now: Timestamp) -> Result<u64> {
        self.0.store.sweep(now).await
    }

    /// Evicts entries if the table is past its bounds, as the janitor does in the background, and returns
    /// how many it evicted.
    ///
    /// # Errors
    ///
    /// As [`PgTier::sweep`].
    pub async fn evict(&self) -> Result<u64> {
        self.0.store.evict_to_bounds().await
    }
}

#[async_trait]
impl Tier for PgTier {
    fn name(&self) -> &'static str {
        self.0.store.context.config.name
    }

    async fn get(&self, keys: &[Key]) -> Result<Vec<Option<Entry>>> {
        let handle = self.running();
        match &handle.behind {
            None => handle.store.get(keys).await,
            Some(behind) => behind.get(keys).await,
        }
    }

    async fn put(&self, entries: &[(Key, Entry)]) -> Result<Vec<PutOutcome>> {
        let handle = self.running();
        let (sealed, refused) = handle.store.seal(entries);
        match &handle.behind {
            None => {
                let outcomes = handle.store.put(&sealed).await?;
                refused.map(|()| outcomes)
            }
            Some(behind) => {
                behind.put(sealed).await?;
                refused.map(|()| vec![PutOutcome::Queued; entries.len()])
            }
        }
    }

    async fn remove(&self, target: Target<'_>, tombstone: Tombstone) -> Result<u64> {
        let Handle { behind, store, .. } = self.running();
        match (behind, target) {
            (Some(behind), target) => behind.remove(target, tombstone).await,
            (None, Target::Keys(keys)) => store.remove_keys(keys, tombstone).await,
            (None, Target::Matching(pattern)) => store.remove_matching(pattern, tombstone).await,
        }
    }

    async fn flush(&self) -> Result<()> {
        match &self.running().behind {
            None => Ok(()),
            Some(behind) => behind.flush().await,
        }
    }

    async fn list(
        &self,
        pattern: &Pattern,
        after: Option<&ListCursor>,
        limit: usize,
    ) -> Result<Option<ListPage>> {
        let Handle { behind, store, .. } = self.running();
        let page = match behind {
            None => store.list(pattern, after, limit).await?,
            Some(behind) => behind.list(pattern, after, limit).await?,
        };
        Ok(Some(page))
    }

    async fn remove_step(
        &self,
        pattern: &Pattern,
        tombstone: Tombstone,
        after: Option<&ListCursor>,
        limit: usize,
    ) -> Result<Option<RemovalStep>> {
        let Handle { behind, store, .. } = self.running();
        let step = match behind {
            None => store.remove_step(pattern, tombstone, after, limit).await?,
            Some(behind) => behind.remove_step(pattern, tombstone, after, limit).await?,
        };
        Ok(Some(step))
    }

    fn corrupt(&self) -> u64 {
        self.0.store.counters.corrupt.load(std::sync::atomic::Ordering::Relaxed)
    }

    fn needs_guard(&self) -> bool {
        true
    }

    fn clock(&self) -> Option<&Clock> {
        Some(&self.0.store.context.clock)
    }
}
