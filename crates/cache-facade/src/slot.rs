//! A tier's place in the cache: it is called through here, so that its failures are noted once.

use std::{
    panic::AssertUnwindSafe,
    pin::pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use cache_core::{
    Clock, Entry, Error, ErrorKind, Event, Key, Observer, Operation, Result, Target, Tier, Tombstone,
};
use futures_util::{
    FutureExt,
    future::{Either, select},
};

use crate::{
    stats::{TierHealth, TierStats},
    timer,
};

/// How long any call to a tier may take. A tier that should be given up sooner belongs in a `Guard`.
const LIMIT: Duration = Duration::from_secs(10);

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
    clock: Clock,
    /// Reading, and writing.
    halves: [Half; 2],
}

impl Slot {
    pub(crate) fn new(tier: Arc<dyn Tier>, observers: Observers, clock: Clock) -> Self {
        Self {
            tier,
            observers,
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
            errors: AtomicU64::new(0),
            corrupt: AtomicU64::new(0),
            clock,
            halves: Default::default(),
        }
    }

    pub(crate) fn name(&self) -> &'static str {
        self.tier.name()
    }

    /// Whether the last read or the last write failed.
    pub(crate) fn unwell(&self) -> bool {
        self.halves.iter().any(|half| half.unwell.load(Ordering::Relaxed))
    }

    pub(crate) async fn get(&self, keys: &[Key]) -> Result<Vec<Option<Entry>>> {
        let answers = self.bounded("get", self.tier.get(keys)).await.and_then(|answers| {
            if answers.len() == keys.len() {
                return Ok(answers);
            }
            let message = format!("{} answered {} for {} keys", self.name(), answers.len(), keys.len());
            Err(Error::new(ErrorKind::Unavailable, "get", message))
        });
        for entry in answers.iter().flatten().flatten() {
            self.clock.observe(entry.meta.born);
        }
        self.note(Operation::Get, answers)
    }

    pub(crate) async fn put(&self, entries: &[(Key, Entry)]) -> Result<()> {
        self.note(Operation::Put, self.bounded("put", self.tier.put(entries)).await)
    }

    pub(crate) async fn remove(&self, target: Target<'_>, tombstone: Tombstone) -> Result<u64> {
        self.note(Operation::Remove, self.bounded("remove", self.tier.remove(target, tombstone)).await)
    }

    pub(crate) async fn flush(&self) -> Result<()> {
        self.note(Operation::Flush, self.bounded("flush", self.tier.flush()).await)
    }

    /// A tier that panics or never answers has failed, and must not take its callers along.
    async fn bounded<T>(
        &self,
        operation: &'static str,
        call: impl Future<Output = Result<T>> + Send,
    ) -> Result<T> {
        let limit = pin!(timer::sleep(&self.clock, LIMIT));
        match select(pin!(AssertUnwindSafe(call).catch_unwind()), limit).await {
            Either::Left((Ok(outcome), _)) => outcome,
            Either::Left((Err(_), _)) => {
                Err(Error::new(ErrorKind::Unavailable, operation, format!("{} panicked", self.name())))
            }
            Either::Right(_) => {
                let message = format!("{} did not answer within {LIMIT:?}", self.name());
                Err(Error::new(ErrorKind::Timeout, operation, message))
            }
        }
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
        let error = self.halves.iter().find_map(|half| half.error().clone());
        TierHealth { name: self.name(), error }
    }

    fn note<T>(&self, operation: Operation, result: Result<T>) -> Result<T> {
        let half = &self.halves[usize::from(operation != Operation::Get)];
        match &result {
            // What is refused for its size says nothing about the tier.
            Err(error) if error.kind() == ErrorKind::Limit => {}
            Err(error) => {
                self.errors.fetch_add(1, Ordering::Relaxed);
                if half.fails(error) {
                    tracing::error!(tier = self.name(), ?operation, %error, "a tier fails");
                }
                self.observers.tell(&Event::TierFailed { tier: self.name(), operation, error });
            }
            Ok(_) if half.works() => {
                tracing::info!(tier = self.name(), ?operation, "a tier works again");
                if !self.unwell() {
                    self.observers.tell(&Event::TierRecovered { tier: self.name() });
                }
            }
            Ok(_) => {}
        }
        result
    }
}

/// Reading or writing: one may fail while the other works, as on a full disk.
#[derive(Debug, Default)]
struct Half {
    unwell: AtomicBool,
    error: Mutex<Option<Error>>,
}

impl Half {
    /// Notes a failure; answers whether it is the first after a success.
    fn fails(&self, error: &Error) -> bool {
        *self.error() = Some(error.clone());
        !self.unwell.swap(true, Ordering::Relaxed)
    }

    /// Notes a success; answers whether it is the first after a failure.
    fn works(&self) -> bool {
        if !self.unwell.load(Ordering::Relaxed) {
            return false;
        }
        *self.error() = None;
        self.unwell.swap(false, Ordering::Relaxed)
    }

    fn error(&self) -> MutexGuard<'_, Option<Error>> {
        self.error.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
