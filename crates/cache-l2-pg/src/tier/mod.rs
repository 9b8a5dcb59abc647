//! The handle: a table as a tier.

mod pattern_cache;
mod store;

use std::sync::Arc;

use async_trait::async_trait;
use cache_core::{Entry, Key, Result, Target, Tier, Timestamp, Tombstone};

use crate::{PgStats, Writes, client::Context, janitor::Janitor, write_behind::WriteBehind};
pub(crate) use pattern_cache::{KnownPatterns, PatternCache};
pub(crate) use store::Store;

/// A tier in a table of PostgreSQL; made by [`Postgres::tier`](crate::Postgres::tier). Clones share it.
///
/// Every call is one statement, but for batches past 1,000 keys or 8 MiB and removals by pattern, which
/// take one for each page. A call that is dropped before it is answered happens whole or not at all.
#[derive(Clone, Debug)]
pub struct PgTier(Arc<Handle>);

#[derive(Debug)]
struct Handle {
    /// Stopped first.
    _janitor: Janitor,
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
        Self(Arc::new(Handle { _janitor: Janitor::start(store.clone()), behind, store }))
    }

    /// How the tier is doing, as far as this process saw. Asks nobody.
    #[must_use]
    pub fn stats(&self) -> PgStats {
        let queued = self.0.behind.as_ref().map_or((0, 0), WriteBehind::size);
        self.0.store.counters.read(queued)
    }

    /// Deletes what is dead at `now`, as happens in the background anyway. Answers how many rows went.
    ///
    /// # Errors
    ///
    /// If the server can't be reached, or not all could be deleted.
    pub async fn sweep(&self, now: Timestamp) -> Result<u64> {
        self.0.store.sweep(now).await
    }

    /// Evicts what is past the bounds, if there are any, as happens in the background anyway. Answers how
    /// many entries went.
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
        match &self.0.behind {
            None => self.0.store.get(keys).await,
            Some(behind) => behind.get(keys).await,
        }
    }

    async fn put(&self, entries: &[(Key, Entry)]) -> Result<()> {
        let (sealed, refused) = self.0.store.seal(entries);
        match &self.0.behind {
            None => self.0.store.put(&sealed).await?,
            Some(behind) => behind.put(sealed).await?,
        }
        refused
    }

    async fn remove(&self, target: Target<'_>, tombstone: Tombstone) -> Result<u64> {
        let store = &self.0.store;
        match (&self.0.behind, target) {
            (Some(behind), target) => behind.remove(target, tombstone).await,
            (None, Target::Keys(keys)) => store.remove_keys(keys, tombstone).await,
            (None, Target::Matching(pattern)) => store.remove_matching(pattern, tombstone).await,
        }
    }

    async fn flush(&self) -> Result<()> {
        match &self.0.behind {
            None => Ok(()),
            Some(behind) => behind.flush().await,
        }
    }
}
