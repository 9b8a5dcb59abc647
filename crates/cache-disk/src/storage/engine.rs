//! The database behind two locks: reads, writes, reopening after a failure, starting over after damage.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
};

use cache_core::{Clock, Error, ErrorKind, Result, sync::RwLock};
use parking_lot::{FairMutex, FairMutexGuard};

use crate::{
    DiskConfig,
    error::{StorageError, StorageResult},
    janitor::JanitorSignal,
    stats::{Counters, DiskLogSums},
    storage::{Store, Writer, directory::Directory},
};

/// What the clones of a tier share. Its methods block, and run on threads made for that.
///
/// Locks are taken in this order: `writer`, then `state`. Readers take `state` alone, and for no longer
/// than a look-up.
pub(crate) struct StorageEngine {
    pub(crate) config: DiskConfig,
    pub(crate) directory: Directory,
    pub(crate) counters: Counters,
    pub(crate) log_sums: DiskLogSums,
    pub(crate) signal: Arc<JanitorSignal>,
    state: RwLock<DatabaseState>,
    /// Whoever has waited longest gets it next: removals, sweeps and evictions take it again and again.
    writer: FairMutex<Writer>,
    /// How much of the journal was full when the last writer was done, in bytes.
    pub(crate) unflushed: AtomicU64,
    /// Whether the database must be opened again before it can be written to.
    needs_reopen: AtomicBool,
}

/// Whether there is a database to use.
enum DatabaseState {
    Open(Store),
    /// Being opened or replaced, or it could not be: why there is none.
    Shut(Error),
    Closed,
}

impl StorageEngine {
    pub(crate) fn open(config: DiskConfig) -> Result<Self> {
        config.check()?;
        let directory = Directory::lock(&config.path)?;
        let engine = Self {
            config,
            directory,
            counters: Counters::default(),
            log_sums: DiskLogSums::default(),
            signal: Arc::default(),
            state: RwLock::new(DatabaseState::Closed),
            writer: FairMutex::new(Writer::new()),
            unflushed: AtomicU64::new(0),
            needs_reopen: AtomicBool::new(false),
        };
        let mut writer = engine.writer.lock();
        let opened = if engine.directory.is_known_format() {
            engine.open_store(&mut writer)
        } else {
            Err(StorageError::Corrupt("the file 'format' can't be read".into()))
        };
        match opened {
            Ok(()) => {}
            Err(StorageError::Corrupt(why)) => engine.start_over(&mut writer, &why)?,
            Err(error @ StorageError::Unusable(_)) => {
                let message = format!("can't open the database in {}", engine.directory.root().display());
                return Err(Error::caused(ErrorKind::Storage, "open", message, error.into_error("database")));
            }
        }
        drop(writer);
        Ok(engine)
    }

    /// The clock that decides what is dead.
    pub(crate) fn clock(&self) -> &Clock {
        &self.config.clock
    }

    /// Reads, at the same time as other readers.
    pub(crate) fn read<T>(&self, work: impl FnOnce(&Store) -> StorageResult<T>) -> Result<StorageResult<T>> {
        let state = self.state.read();
        let outcome = work(state.store()?);
        if let Err(StorageError::Unusable(_)) = outcome {
            self.needs_reopen.store(true, Relaxed);
            self.signal.wake_to_reopen();
        }
        Ok(outcome)
    }

    /// Writes, one writer at a time. If the database can't be used it is opened again, or replaced by an
    /// empty one if it is damaged, and `work` runs once more: running twice must be the same as running
    /// once.
    pub(crate) fn write<T>(
        &self,
        operation: &'static str,
        work: impl Fn(&mut Writer, &Store) -> StorageResult<T>,
    ) -> Result<T> {
        self.write_with(self.writer.lock(), operation, true, work)
    }

    /// Writes ahead of need, unless a write has failed: it is made again by whoever needs it, since there may be
    /// no space yet, and reads go on. Returns `None` then.
    pub(crate) fn write_ahead<T>(
        &self,
        work: impl Fn(&mut Writer, &Store) -> StorageResult<T>,
    ) -> Result<Option<T>> {
        let writer = self.writer.lock();
        if self.needs_reopen.load(Relaxed) {
            return Ok(None);
        }
        self.write_with(writer, "evict", false, work).map(Some)
    }

    fn write_with<T>(
        &self,
        mut writer: FairMutexGuard<'_, Writer>,
        operation: &'static str,
        mut may_retry: bool,
        work: impl Fn(&mut Writer, &Store) -> StorageResult<T>,
    ) -> Result<T> {
        self.check_directory(&mut writer)?;
        loop {
            self.reopen_if_needed(&mut writer)?;
            let error = {
                let state = self.state.read();
                let outcome = work(&mut writer, state.store()?);
                self.unflushed.store(writer.unflushed, Relaxed);
                match outcome {
                    Ok(done) => return Ok(done),
                    Err(error) => error,
                }
            };
            match &error {
                StorageError::Corrupt(why) => self.start_over(&mut writer, why)?,
                StorageError::Unusable(why) => {
                    if let Some(times) = self.log_sums.failed_writes.count(self.config.clock.now()) {
                        tracing::warn!(why, operation, times, "a write to the disk tier failed");
                    }
                    self.needs_reopen.store(true, Relaxed);
                }
            }
            if !may_retry {
                self.counters.failed_writes.fetch_add(1, Relaxed);
                return Err(error.into_error(operation));
            }
            may_retry = false;
        }
    }

    /// Makes the directory anew, with an empty database, if it is no longer there. What was in it is lost, and
    /// what is found in its place is another one's, or from before writes that were lost.
    fn check_directory(&self, writer: &mut Writer) -> Result<()> {
        if !self.directory.is_gone() {
            return Ok(());
        }
        let path = self.directory.root().display();
        if matches!(*self.state.read(), DatabaseState::Open(_)) {
            tracing::error!(%path, "the disk tier's directory is gone: making it anew, starting over empty");
        }
        let gone = |source: &dyn fmt::Display| {
            let message = format!(
                "the directory {path} is gone and can't be made anew: {source}; create it, or restart with another"
            );
            Error::new(ErrorKind::Storage, "write", message)
        };
        if !self.shut(Error::new(ErrorKind::Storage, "open", format!("the directory {path} is gone"))) {
            return Ok(());
        }
        let made = self.directory.make_anew().and_then(|()| {
            self.directory.quarantine(self.config.max_bytes / 8).map_err(|error| gone(&error))?;
            self.open_store(writer).map_err(|error| error.into_error("open"))
        });
        made.map_err(|error| {
            self.counters.failed_writes.fetch_add(1, Relaxed);
            let error = gone(&error);
            self.shut(error.clone());
            error
        })?;
        self.counters.started_over.fetch_add(1, Relaxed);
        self.needs_reopen.store(false, Relaxed);
        tracing::info!(%path, "made the disk tier's directory anew");
        Ok(())
    }

    /// Returns why the database can't be used, if it can't.
    pub(crate) fn check_open(&self) -> Result<()> {
        self.state.read().store().map(|_| ())
    }

    /// Opens the database again after a failed write, once there is space. Until then it stays open, so that
    /// reads go on.
    fn reopen_if_needed(&self, writer: &mut Writer) -> Result<()> {
        if !self.needs_reopen.load(Relaxed) {
            return Ok(());
        }
        self.directory.probe(self.config.journal_bytes()).map_err(|error| {
            self.counters.failed_writes.fetch_add(1, Relaxed);
            let message = format!(
                "the disk under {} has no room for writes, or refuses them",
                self.directory.root().display()
            );
            Error::caused(ErrorKind::Storage, "write", message, error)
        })?;
        if self.shut(Error::new(ErrorKind::Unavailable, "open", "the database is being opened again")) {
            match self.open_store(writer) {
                Ok(()) => {
                    self.counters.reopened.fetch_add(1, Relaxed);
                    if let Some(times) = self.log_sums.reopened.count(self.config.clock.now()) {
                        tracing::info!(times, "reopened the disk tier's database after a failed write");
                    }
                }
                Err(StorageError::Corrupt(why)) => self.start_over(writer, &why)?,
                Err(error @ StorageError::Unusable(_)) => {
                    let error = error.into_error("open");
                    self.shut(error.clone());
                    return Err(error);
                }
            }
        }
        self.needs_reopen.store(false, Relaxed);
        Ok(())
    }

    /// Moves a damaged database to quarantine and opens an empty one.
    fn start_over(&self, writer: &mut Writer, why: &str) -> Result<()> {
        let path = self.directory.root().display();
        if let Some(times) = self.log_sums.started_over.count(self.config.clock.now()) {
            tracing::error!(why, %path, times,
                "the disk tier's database is damaged: moving it to quarantine, starting over empty");
        }
        let failed = |error: Error| {
            self.shut(error.clone());
            self.needs_reopen.store(true, Relaxed);
            error
        };
        self.shut(Error::new(ErrorKind::Unavailable, "open", "the database is being replaced"));
        self.directory.quarantine(self.config.max_bytes / 8).map_err(|error| {
            let message = format!("can't move the damaged database in {path} to quarantine");
            failed(Error::caused(ErrorKind::Storage, "open", message, error))
        })?;
        self.counters.started_over.fetch_add(1, Relaxed);
        self.open_store(writer).map_err(|error| failed(error.into_error("open")))?;
        self.needs_reopen.store(false, Relaxed);
        Ok(())
    }

    /// Closes the database until it is opened again; returns `false` if the tier itself is closed.
    fn shut(&self, why: Error) -> bool {
        let mut state = self.state.write();
        match std::mem::replace(&mut *state, DatabaseState::Shut(why)) {
            DatabaseState::Open(store) => store.close(),
            DatabaseState::Shut(_) => {}
            DatabaseState::Closed => {
                *state = DatabaseState::Closed;
                return false;
            }
        }
        true
    }

    /// Makes everything durable and closes for good.
    pub(crate) fn close(&self) -> Result<()> {
        let _writer = self.writer.lock();
        let mut state = self.state.write();
        let DatabaseState::Open(store) = std::mem::replace(&mut *state, DatabaseState::Closed) else {
            self.directory.unlock();
            return Ok(());
        };
        self.signal.stop();
        let outcome = self.persist(&store);
        store.close();
        self.directory.unlock();
        outcome.map_err(|error| error.into_error("close"))
    }

    /// Makes everything durable.
    pub(crate) fn persist(&self, store: &Store) -> StorageResult<()> {
        // The count last: it must not be ahead of the writes that it counts.
        store.persist()?;
        self.directory.sync().map_err(|error| StorageError::Unusable(error.to_string()))
    }

    /// Opens the database and loads the writer's state from it.
    fn open_store(&self, writer: &mut Writer) -> StorageResult<()> {
        let path = self.directory.database();
        if !path.exists() {
            self.directory.acknowledge(0).map_err(|error| StorageError::Unusable(error.to_string()))?;
        }
        let store = Store::open(&path)?;
        match Writer::load(&store, self) {
            Ok(loaded) => *writer = loaded,
            Err(error) => {
                store.close();
                return Err(error);
            }
        }
        *self.state.write() = DatabaseState::Open(store);
        Ok(())
    }
}

impl Drop for StorageEngine {
    fn drop(&mut self) {
        self.log_sums.finish(self.config.clock.now());
        if let Err(error) = self.close() {
            tracing::warn!(%error, "the disk tier was not closed cleanly");
        }
    }
}

impl DatabaseState {
    fn store(&self) -> Result<&Store> {
        match self {
            Self::Open(store) => Ok(store),
            Self::Shut(why) => Err(why.clone()),
            Self::Closed => Err(Error::new(ErrorKind::Closed, "open", "the disk tier is closed")),
        }
    }
}

impl fmt::Debug for StorageEngine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StorageEngine")
            .field("config", &self.config)
            .field("needs_reopen", &self.needs_reopen)
            .finish_non_exhaustive()
    }
}
