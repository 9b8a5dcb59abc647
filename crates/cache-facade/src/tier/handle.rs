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
    Clock, Entry, Error, ErrorKind, Event, Key, Meta, Observer, Operation, Pattern, Result, Target, Tier,
    Tombstone, Ttl, message::Change,
};
use futures_util::{
    FutureExt, StreamExt,
    future::{Either, select},
    stream,
};

use crate::{
    stats::{TierHealth, TierStats},
    tier::retry_queue::{Backlog, Item},
    timer,
};

/// How long any call to a tier may take. A tier that should be given up sooner belongs in a `Guard`.
const LIMIT: Duration = Duration::from_secs(10);

/// How long what shows that a tier works is kept there.
const PROBE_LIFE: Duration = Duration::from_secs(30);

/// How many things a tier that is back is told between two looks at whether it still is, and how many
/// at the same time.
const REPLAYED_AT_ONCE: usize = 256;
const TOLD_AT_ONCE: usize = 16;

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
    /// Whether no other node sees it.
    pub(crate) local: bool,
    observers: Observers,
    hits: AtomicU64,
    misses: AtomicU64,
    errors: AtomicU64,
    corrupt: AtomicU64,
    clock: Clock,
    /// Reading, and writing.
    halves: [Half; 2],
    backlog: Backlog,
    replaying: AtomicBool,
}

impl Slot {
    /// `all` matches every key of the cache.
    pub(crate) fn new(
        tier: Arc<dyn Tier>,
        local: bool,
        observers: Observers,
        clock: Clock,
        all: Pattern,
    ) -> Self {
        Self {
            tier,
            local,
            observers,
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
            errors: AtomicU64::new(0),
            corrupt: AtomicU64::new(0),
            clock,
            halves: Default::default(),
            backlog: Backlog::new(all),
            replaying: AtomicBool::new(false),
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
        let mut answers = self.note(Operation::Get, answers)?;
        self.backlog.overlay(keys, &mut answers);
        Ok(answers)
    }

    /// Stores entries; what the tier can't take now it is told later.
    pub(crate) async fn put(&self, entries: &[(Key, Entry)]) -> Result<()> {
        let outcome = self.try_put(entries).await;
        match &outcome {
            Ok(()) => entries.iter().for_each(|(key, entry)| self.backlog.paid(key, entry.meta.born)),
            Err(error) if error.is_retryable() => self.lose(&self.backlog.owe_entries(entries)),
            Err(_) => {}
        }
        outcome
    }

    /// Removes entries; what the tier can't do now it is told later.
    pub(crate) async fn remove(&self, target: Target<'_>, tombstone: Tombstone) -> Result<u64> {
        let outcome = self.try_remove(target, tombstone).await;
        match (&outcome, target) {
            (Ok(_), Target::Keys(keys)) => keys.iter().for_each(|key| self.backlog.paid(key, tombstone.born)),
            (Ok(_), Target::Matching(pattern)) => self.backlog.paid_pattern(pattern, tombstone),
            (Err(error), _) if error.is_retryable() => {
                self.lose(&self.backlog.owe_removal(target, tombstone))
            }
            (Err(_), _) => {}
        }
        outcome
    }

    async fn try_put(&self, entries: &[(Key, Entry)]) -> Result<()> {
        self.note(Operation::Put, self.bounded("put", self.tier.put(entries)).await)
    }

    async fn try_remove(&self, target: Target<'_>, tombstone: Tombstone) -> Result<u64> {
        self.note(Operation::Remove, self.bounded("remove", self.tier.remove(target, tombstone)).await)
    }

    /// Whether the tier is well: looks `probe` up, and stores something under it.
    pub(crate) async fn is_well(&self, probe: &Key) -> bool {
        let entry = Entry::absent(Meta::new(self.clock.tick(), Ttl::new(PROBE_LIFE)));
        self.get(std::slice::from_ref(probe)).await.is_ok()
            && self.try_put(&[(probe.clone(), entry)]).await.is_ok()
    }

    /// Whether the tier is owed anything.
    pub(crate) fn behind(&self) -> bool {
        !self.backlog.is_empty()
    }

    /// Tells the tier what it could not take, the oldest first. Tombstones last `life` from now. An
    /// item that fails though the tier is well, which `probe` shows, holds up no other. Answers with what
    /// was told.
    pub(crate) async fn replay(&self, life: Duration, probe: &Key) -> Vec<Change> {
        let mut all_told = Vec::new();
        if self.replaying.swap(true, Ordering::AcqRel) {
            return all_told;
        }
        let mut after = 0;
        loop {
            let (items, next) = self.backlog.items(after, REPLAYED_AT_ONCE, self.clock.now());
            if items.is_empty() {
                break;
            }
            let told = stream::iter(items).map(|item| self.tell(item, life)).buffer_unordered(TOLD_AT_ONCE);
            let outcomes: Vec<Result<Change, Item>> = told.collect().await;
            let mut failed = Vec::new();
            for outcome in outcomes {
                match outcome {
                    Ok(change) => all_told.push(change),
                    Err(item) => failed.push(item),
                }
            }
            if !failed.is_empty() && !self.is_well(probe).await {
                break;
            }
            for item in failed {
                if let Item::Put(key, _) | Item::Remove(key, _) = item {
                    self.lose(self.backlog.failed(&key).as_slice());
                }
            }
            after = next.max(1);
        }
        self.replaying.store(false, Ordering::Release);
        all_told
    }

    /// Tells the tier one thing; answers with it if that failed, else with what others should know.
    async fn tell(&self, item: Item, life: Duration) -> Result<Change, Item> {
        let lasting = |stone: &Tombstone| Tombstone {
            born: stone.born,
            dead_at: stone.dead_at.max(self.clock.now().after(life)),
        };
        let taken = match &item {
            Item::Put(key, entry) => {
                let taken = self.try_put(&[(key.clone(), entry.clone())]).await;
                taken.map(|()| self.backlog.paid(key, entry.meta.born))
            }
            Item::Remove(key, stone) => {
                let keys = std::slice::from_ref(key);
                let taken = self.try_remove(Target::Keys(keys), lasting(stone)).await;
                taken.map(|_| self.backlog.paid(key, stone.born))
            }
            Item::RemoveMatching(pattern, stone) => {
                let taken = self.try_remove(Target::Matching(pattern), lasting(stone)).await;
                taken.map(|_| self.backlog.paid_pattern(pattern, *stone))
            }
        };
        match (taken, item) {
            (Err(_), item) => Err(item),
            (Ok(()), Item::Put(key, entry)) => Ok(Change::Put { key: (&key).into(), born: entry.meta.born }),
            (Ok(()), Item::Remove(key, stone)) => {
                Ok(Change::Removed { key: (&key).into(), tombstone: lasting(&stone) })
            }
            (Ok(()), Item::RemoveMatching(pattern, stone)) => {
                Ok(Change::RemovedMatching { pattern: pattern.to_string(), tombstone: lasting(&stone) })
            }
        }
    }

    /// Says of what is owed that it never will be told.
    fn lose(&self, keys: &[Key]) {
        for key in keys {
            tracing::error!(tier = self.name(), %key, "an entry that a tier could not take is lost to it");
            self.observers.tell(&Event::Lost { tier: self.name(), key });
        }
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
            owed: self.backlog.len(),
            lost: self.backlog.lost(),
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
