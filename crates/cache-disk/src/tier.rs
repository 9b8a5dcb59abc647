//! `DiskTier`: takes calls of asynchronous code to threads that may block.

use std::sync::Arc;

use async_trait::async_trait;
use cache_core::{
    Clock, Entry, Error, ErrorKind, Key, ListCursor, ListPage, Pattern, PutOutcome, RemovalStep, Result,
    Target, Tier, Tombstone,
};
use tokio::task;

use crate::{DiskConfig, DiskStats, DiskUsage, janitor::Janitor, storage::StorageEngine};

/// An embedded persistent tier; the page of the [crate] says what it promises. Clones share it.
///
/// Needs a tokio runtime. A call that is dropped before it returns still takes effect, whole.
///
/// Every call runs once on a blocking thread, whatever the number of keys. So do look-ups: one takes
/// 5 us where all is in memory, but the database holds its locks while it syncs a file.
#[derive(Clone, Debug)]
pub struct DiskTier(Arc<Handle>);

#[derive(Debug)]
struct Handle {
    /// Dropped first, which stops its thread.
    _janitor: Janitor,
    engine: Arc<StorageEngine>,
}

impl DiskTier {
    /// Opens the tier in its directory, which is created if it is missing. Reads the whole index, which
    /// takes about a second for a million entries, and blocks meanwhile.
    ///
    /// A damaged database is moved aside, logged as an error, and replaced by an empty one.
    ///
    /// # Errors
    ///
    /// `Config` for settings out of range, and for a directory of a later format; `Unavailable` if
    /// another tier or process has it open; `Storage` if the medium fails or is full.
    pub fn open(config: DiskConfig) -> Result<Self> {
        let engine = Arc::new(StorageEngine::open(config)?);
        let janitor = Janitor::start(engine.clone()).map_err(|error| {
            Error::caused(ErrorKind::Storage, "open", "can't start the janitor's thread", error)
        })?;
        Ok(Self(Arc::new(Handle { _janitor: janitor, engine })))
    }

    /// Returns the tier's counters. Asks the file system for the size of each file.
    #[must_use]
    pub fn stats(&self) -> DiskStats {
        let engine = &self.0.engine;
        engine.counters.read(engine.directory.size())
    }

    /// Returns what the tier holds, of its counters alone: nobody is waited for, and the file system not asked.
    #[must_use]
    pub fn usage(&self) -> DiskUsage {
        self.0.engine.counters.usage()
    }

    /// Removes what is dead now, as the janitor does in the background, and returns how many entries and
    /// tombstones it removed.
    ///
    /// # Errors
    ///
    /// `Storage` if the medium fails or is full; `Closed` after [`DiskTier::close`].
    pub async fn sweep(&self) -> Result<u64> {
        self.run_blocking("sweep", StorageEngine::sweep).await
    }

    /// Checks that the tier's directory is still there, and its database open. If the directory is gone, the
    /// janitor makes it anew at once, as the next write would.
    ///
    /// # Errors
    ///
    /// `Storage` if the directory is gone, or why its database can't be used.
    pub async fn check_directory(&self) -> Result<()> {
        self.run_blocking("check", |engine| {
            if !engine.directory.is_gone() {
                return engine.check_open();
            }
            engine.signal.wake();
            let root = engine.directory.root().display();
            let message = format!("the directory {root} is gone: create it, or restart with another");
            Err(Error::new(ErrorKind::Storage, "check", message))
        })
        .await
    }

    /// Makes everything durable and closes the tier; later calls fail with `Closed`.
    ///
    /// Dropping the last clone does the same, and logs it if it fails.
    ///
    /// # Errors
    ///
    /// `Storage` if something could not be made durable. The tier is closed nevertheless.
    pub async fn close(&self) -> Result<()> {
        self.run_blocking("close", StorageEngine::close).await
    }

    async fn run_blocking<T: Send + 'static>(
        &self,
        operation: &'static str,
        work: impl FnOnce(&StorageEngine) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let engine = self.0.engine.clone();
        let done = task::spawn_blocking(move || work(&engine)).await;
        done.unwrap_or_else(|error| {
            let kind = if error.is_cancelled() { ErrorKind::Closed } else { ErrorKind::Storage };
            Err(Error::caused(kind, operation, "the blocking task of the call did not finish", error))
        })
    }
}

#[async_trait]
impl Tier for DiskTier {
    fn name(&self) -> &'static str {
        "disk"
    }

    async fn get(&self, keys: &[Key]) -> Result<Vec<Option<Entry>>> {
        let keys = keys.to_vec();
        self.run_blocking("get", move |engine| engine.get(&keys)).await
    }

    async fn put(&self, entries: &[(Key, Entry)]) -> Result<Vec<PutOutcome>> {
        let entries = entries.to_vec();
        self.run_blocking("put", move |engine| engine.put(&entries)).await
    }

    async fn remove(&self, target: Target<'_>, tombstone: Tombstone) -> Result<u64> {
        match target {
            Target::Keys(keys) => {
                let keys = keys.to_vec();
                self.run_blocking("remove", move |engine| engine.remove_keys(&keys, tombstone)).await
            }
            Target::Matching(pattern) => {
                let pattern = pattern.clone();
                self.run_blocking("remove", move |engine| engine.remove_matching(&pattern, tombstone)).await
            }
        }
    }

    async fn flush(&self) -> Result<()> {
        self.run_blocking("flush", |engine| engine.write("flush", |_, store| engine.persist(store))).await
    }

    async fn list(
        &self,
        pattern: &Pattern,
        after: Option<&ListCursor>,
        limit: usize,
    ) -> Result<Option<ListPage>> {
        let (pattern, after) = (pattern.clone(), after.cloned());
        let list = move |engine: &StorageEngine| {
            engine.list(&pattern, after.as_ref().map(ListCursor::as_bytes), limit)
        };
        self.run_blocking("list", list).await.map(Some)
    }

    async fn remove_step(
        &self,
        pattern: &Pattern,
        tombstone: Tombstone,
        after: Option<&ListCursor>,
        limit: usize,
    ) -> Result<Option<RemovalStep>> {
        let (pattern, after) = (pattern.clone(), after.cloned());
        let step = move |engine: &StorageEngine| {
            engine.remove_step(&pattern, tombstone, after.as_ref().map(ListCursor::as_bytes), limit)
        };
        self.run_blocking("remove", step).await.map(Some)
    }

    fn corrupt(&self) -> u64 {
        self.0.engine.counters.corrupt.load(std::sync::atomic::Ordering::Relaxed)
    }

    fn clock(&self) -> Option<&Clock> {
        Some(self.0.engine.clock())
    }
}
