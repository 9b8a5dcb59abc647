//! What the handles of a tier share: the database behind two locks, and how it is brought back.

use std::{
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use cache_core::{Error, ErrorKind, Result};

use crate::{
    DiskConfig,
    error::{Fault, Outcome},
    janitor::Bell,
    stats::Counters,
    storage::{Store, Writer, directory::Home},
};

/// A tier's inside. Blocking: everything here runs on threads made for that.
///
/// Locks are taken in this order: `writer`, then `slot`. Readers take the latter alone, and for no
/// longer than a look-up.
pub(crate) struct Engine {
    pub(crate) config: DiskConfig,
    pub(crate) home: Home,
    pub(crate) counters: Counters,
    pub(crate) bell: Arc<Bell>,
    slot: RwLock<Slot>,
    writer: Mutex<Writer>,
    /// The database must be opened again before it can be written to.
    sick: AtomicBool,
}

enum Slot {
    Open(Store),
    /// Why there is none.
    Shut(Error),
    Closed,
}

impl Engine {
    pub(crate) fn open(config: DiskConfig) -> Result<Self> {
        config.check()?;
        let home = Home::claim(&config.path)?;
        let engine = Self {
            config,
            home,
            counters: Counters::default(),
            bell: Arc::default(),
            slot: RwLock::new(Slot::Closed),
            writer: Mutex::new(Writer::new()),
            sick: AtomicBool::new(false),
        };
        let mut writer = lock(&engine.writer);
        let opened = if engine.home.is_known() {
            engine.open_store(&mut writer)
        } else {
            Err(Fault::Corrupt("the format marker can't be read".into()))
        };
        match opened {
            Ok(()) => {}
            Err(Fault::Corrupt(why)) => engine.start_over(&mut writer, &why)?,
            Err(fault @ Fault::Unusable(_)) => {
                let message = format!("can't open the database in {}", engine.home.root().display());
                return Err(Error::caused(ErrorKind::Storage, "open", message, fault.into_error("database")));
            }
        }
        drop(writer);
        Ok(engine)
    }

    /// Looks, without holding up others who look.
    pub(crate) fn look<T>(&self, look: impl FnOnce(&Store) -> Outcome<T>) -> Result<Outcome<T>> {
        let slot = self.slot.read().unwrap_or_else(PoisonError::into_inner);
        let outcome = look(slot.store()?);
        if let Err(Fault::Unusable(_)) = outcome {
            self.sick.store(true, Relaxed);
            self.bell.ring();
        }
        Ok(outcome)
    }

    /// Writes, alone. If the database can't be used it is opened again, or started over if it is
    /// damaged, and `work` is tried once more: it must not mind having been done already.
    pub(crate) fn write<T>(
        &self,
        operation: &'static str,
        work: impl Fn(&mut Writer, &Store) -> Outcome<T>,
    ) -> Result<T> {
        let mut writer = lock(&self.writer);
        let mut again = true;
        loop {
            self.heal(&mut writer)?;
            let fault = {
                let slot = self.slot.read().unwrap_or_else(PoisonError::into_inner);
                match work(&mut writer, slot.store()?) {
                    Ok(done) => return Ok(done),
                    Err(fault) => fault,
                }
            };
            match &fault {
                Fault::Corrupt(why) => self.start_over(&mut writer, why)?,
                Fault::Unusable(why) => {
                    tracing::warn!(why, operation, "a write to the disk tier failed");
                    self.sick.store(true, Relaxed);
                }
            }
            if !again {
                self.counters.failed_writes.fetch_add(1, Relaxed);
                return Err(fault.into_error(operation));
            }
            again = false;
        }
    }

    /// Opens the database again after a failed write, once there is space. Until then it is left as
    /// it is, for reads go on.
    fn heal(&self, writer: &mut Writer) -> Result<()> {
        if !self.sick.load(Relaxed) {
            return Ok(());
        }
        self.home.probe(self.config.journal_bytes()).map_err(|error| {
            self.counters.failed_writes.fetch_add(1, Relaxed);
            let message = format!("the disk under {} takes no writes", self.home.root().display());
            Error::caused(ErrorKind::Storage, "write", message, error)
        })?;
        if self.shut(Error::new(ErrorKind::Unavailable, "open", "the database is being opened again")) {
            match self.open_store(writer) {
                Ok(()) => {
                    self.counters.reopened.fetch_add(1, Relaxed);
                    tracing::info!("the disk tier was opened again after a failed write");
                }
                Err(Fault::Corrupt(why)) => self.start_over(writer, &why)?,
                Err(fault @ Fault::Unusable(_)) => {
                    let error = fault.into_error("open");
                    self.shut(error.clone());
                    return Err(error);
                }
            }
        }
        self.sick.store(false, Relaxed);
        Ok(())
    }

    /// Moves a damaged database aside and begins with an empty one.
    fn start_over(&self, writer: &mut Writer, why: &str) -> Result<()> {
        let path = self.home.root().display();
        tracing::error!(why, %path, "the disk tier is damaged and starts over, empty");
        let failed = |error: Error| {
            self.shut(error.clone());
            self.sick.store(true, Relaxed);
            error
        };
        self.shut(Error::new(ErrorKind::Unavailable, "open", "the database is being replaced"));
        self.home.set_aside(self.config.max_bytes / 8).map_err(|error| {
            let message = format!("can't move the damaged database in {path} aside");
            failed(Error::caused(ErrorKind::Storage, "open", message, error))
        })?;
        self.counters.started_over.fetch_add(1, Relaxed);
        self.open_store(writer).map_err(|fault| failed(fault.into_error("open")))?;
        self.sick.store(false, Relaxed);
        Ok(())
    }

    /// Closes the database; `false` if the tier itself is closed.
    fn shut(&self, why: Error) -> bool {
        let mut slot = self.slot.write().unwrap_or_else(PoisonError::into_inner);
        match std::mem::replace(&mut *slot, Slot::Shut(why)) {
            Slot::Open(store) => store.close(),
            Slot::Shut(_) => {}
            Slot::Closed => {
                *slot = Slot::Closed;
                return false;
            }
        }
        true
    }

    /// Makes everything durable and closes for good.
    pub(crate) fn close(&self) -> Result<()> {
        let _writer = lock(&self.writer);
        let mut slot = self.slot.write().unwrap_or_else(PoisonError::into_inner);
        let Slot::Open(store) = std::mem::replace(&mut *slot, Slot::Closed) else {
            self.home.leave();
            return Ok(());
        };
        self.bell.stop();
        let outcome = self.persist(&store);
        store.close();
        self.home.leave();
        outcome.map_err(|fault| fault.into_error("close"))
    }

    /// Makes everything durable.
    pub(crate) fn persist(&self, store: &Store) -> Outcome<()> {
        // The count last: it must not get ahead of what it counts.
        store.persist()?;
        self.home.sync().map_err(|error| Fault::Unusable(error.to_string()))
    }

    /// Opens the database and takes stock.
    fn open_store(&self, writer: &mut Writer) -> Outcome<()> {
        let path = self.home.database();
        if !path.exists() {
            self.home.acknowledge(0).map_err(|error| Fault::Unusable(error.to_string()))?;
        }
        let store = Store::open(&path)?;
        match Writer::take_stock(&store, self) {
            Ok(fresh) => *writer = fresh,
            Err(fault) => {
                store.close();
                return Err(fault);
            }
        }
        *self.slot.write().unwrap_or_else(PoisonError::into_inner) = Slot::Open(store);
        Ok(())
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        if let Err(error) = self.close() {
            tracing::warn!(%error, "the disk tier was not closed cleanly");
        }
    }
}

impl Slot {
    fn store(&self) -> Result<&Store> {
        match self {
            Self::Open(store) => Ok(store),
            Self::Shut(why) => Err(why.clone()),
            Self::Closed => Err(Error::new(ErrorKind::Closed, "open", "the disk tier is closed")),
        }
    }
}

/// A panic while the lock was held was caught below it, so what it guards is in order.
fn lock(writer: &Mutex<Writer>) -> MutexGuard<'_, Writer> {
    writer.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine")
            .field("config", &self.config)
            .field("sick", &self.sick)
            .finish_non_exhaustive()
    }
}
