//! A tier's place in the cache: it is called through here, so that its failures are noted once.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use cache_core::{Entry, Error, ErrorKind, Event, Key, Observer, Operation, Result, Target, Tier, Tombstone};

use crate::stats::{TierHealth, TierStats};

/// Those who watch.
#[derive(Clone, Debug, Default)]
pub(crate) struct Observers(pub(crate) Arc<[Arc<dyn Observer>]>);

impl Observers {
    pub(crate) fn tell(&self, event: &Event<'_>) {
        self.0.iter().for_each(|observer| observer.on(event));
    }

    pub(crate) fn any(&self) -> bool {
        !self.0.is_empty()
    }
}

/// A tier and what became of the calls to it.
#[derive(Debug)]
pub(crate) struct Slot {
    tier: Arc<dyn Tier>,
    observers: Observers,
    hits: AtomicU64,
    misses: AtomicU64,
    errors: AtomicU64,
    corrupt: AtomicU64,
    unwell: AtomicBool,
    error: Mutex<Option<Error>>,
}

impl Slot {
    pub(crate) fn new(tier: Arc<dyn Tier>, observers: Observers) -> Self {
        Self {
            tier,
            observers,
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
            errors: AtomicU64::new(0),
            corrupt: AtomicU64::new(0),
            unwell: AtomicBool::new(false),
            error: Mutex::new(None),
        }
    }

    pub(crate) fn name(&self) -> &'static str {
        self.tier.name()
    }

    /// Whether the last call failed.
    pub(crate) fn unwell(&self) -> bool {
        self.unwell.load(Ordering::Relaxed)
    }

    pub(crate) async fn get(&self, keys: &[Key]) -> Result<Vec<Option<Entry>>> {
        let answers = self.tier.get(keys).await.and_then(|answers| {
            if answers.len() == keys.len() {
                return Ok(answers);
            }
            let message = format!("{} answered {} for {} keys", self.name(), answers.len(), keys.len());
            Err(Error::new(ErrorKind::Unavailable, "get", message))
        });
        self.note(Operation::Get, answers)
    }

    pub(crate) async fn put(&self, entries: &[(Key, Entry)]) -> Result<()> {
        self.note(Operation::Put, self.tier.put(entries).await)
    }

    pub(crate) async fn remove(&self, target: Target<'_>, tombstone: Tombstone) -> Result<u64> {
        self.note(Operation::Remove, self.tier.remove(target, tombstone).await)
    }

    pub(crate) async fn flush(&self) -> Result<()> {
        self.note(Operation::Flush, self.tier.flush().await)
    }

    pub(crate) fn hit(&self, key: &Key, stale: bool) {
        self.hits.fetch_add(1, Ordering::Relaxed);
        self.observers.tell(&Event::Hit { key, source: self.name(), stale });
    }

    pub(crate) fn miss(&self) {
        self.misses.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn corrupt(&self, key: &Key, error: &Error) {
        self.corrupt.fetch_add(1, Ordering::Relaxed);
        tracing::warn!(tier = self.name(), %key, %error, "a stored value can't be read");
        self.observers.tell(&Event::Corrupt { tier: self.name(), key, error });
    }

    pub(crate) fn stats(&self) -> TierStats {
        TierStats {
            name: self.name(),
            hits: self.hits.load(Ordering::Relaxed),
            misses: self.misses.load(Ordering::Relaxed),
            errors: self.errors.load(Ordering::Relaxed),
            corrupt: self.corrupt.load(Ordering::Relaxed),
        }
    }

    pub(crate) fn health(&self) -> TierHealth {
        let error = self.error.lock().unwrap_or_else(PoisonError::into_inner).clone();
        TierHealth { name: self.name(), error }
    }

    fn note<T>(&self, operation: Operation, result: Result<T>) -> Result<T> {
        match &result {
            // What is refused for its size says nothing about the tier.
            Err(error) if error.kind() == ErrorKind::Limit => {}
            Err(error) => {
                self.errors.fetch_add(1, Ordering::Relaxed);
                *self.error.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.clone());
                if !self.unwell.swap(true, Ordering::Relaxed) {
                    tracing::error!(tier = self.name(), ?operation, %error, "a tier fails");
                }
                self.observers.tell(&Event::TierFailed { tier: self.name(), operation, error });
            }
            Ok(_) if self.unwell() => {
                *self.error.lock().unwrap_or_else(PoisonError::into_inner) = None;
                if self.unwell.swap(false, Ordering::Relaxed) {
                    tracing::info!(tier = self.name(), "a tier works again");
                    self.observers.tell(&Event::TierRecovered { tier: self.name() });
                }
            }
            Ok(_) => {}
        }
        result
    }
}
