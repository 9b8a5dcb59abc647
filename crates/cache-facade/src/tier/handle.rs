//! Every call to a tier goes through its handle: bounded in time, counted, and retried later where it failed.

use std::{
    mem,
    panic::AssertUnwindSafe,
    pin::pin,
    slice,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use cache_core::{
    Clock, Entry, Error, ErrorKind, Event, Key, Meta, Operation, Pattern, PutOutcome, Result, Target, Tier,
    Timestamp, Tombstone, Ttl, message::Change, sync::Mutex,
};
use futures_util::{
    FutureExt, StreamExt,
    future::{Either, select},
    stream,
};

use super::retry_queue::{PendingWrite, RetryQueue};
use crate::{
    engine::observers::Observers,
    read::servable::Servable,
    stats::{TierHealth, TierStats},
    timer,
};

/// How long any call to a tier may take. A tier to be given up sooner belongs in a `Guard`.
const CALL_LIMIT: Duration = Duration::from_secs(10);

/// How long the entry that a probe writes lives.
const PROBE_LIFE: Duration = Duration::from_secs(30);

/// How many pending writes a tier is sent between two probes, and how many at the same time.
const REPLAY_BATCH: usize = 256;
const REPLAYS_AT_ONCE: usize = 16;

/// A tier, and what became of the calls to it.
#[derive(Debug)]
pub(crate) struct TierHandle {
    tier: Arc<dyn Tier>,
    local: bool,
    observers: Observers,
    hits: AtomicU64,
    misses: AtomicU64,
    errors: AtomicU64,
    corrupt: AtomicU64,
    clock: Clock,
    reads: CallHealth,
    writes: CallHealth,
    retries: RetryQueue,
    replaying: AtomicBool,
    /// Pending puts that lost when they were carried out.
    outbid: Mutex<Vec<(Key, Timestamp)>>,
}

impl TierHandle {
    /// Makes the handle of `tier`, which is `local` if no other node sees it. `all` matches every key of the
    /// cache.
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
            reads: CallHealth::default(),
            writes: CallHealth::default(),
            retries: RetryQueue::new(all),
            replaying: AtomicBool::new(false),
            outbid: Mutex::default(),
        }
    }

    pub(crate) fn name(&self) -> &'static str {
        self.tier.name()
    }

    /// Whether no other node sees this tier.
    pub(crate) fn is_local(&self) -> bool {
        self.local
    }

    /// Whether the last read or the last write failed.
    pub(crate) fn is_failing(&self) -> bool {
        self.reads.failing.load(Ordering::Relaxed) || self.writes.failing.load(Ordering::Relaxed)
    }

    /// Looks keys up. What the tier could not take so far is laid over its answers.
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
        self.retries.overlay(keys, &mut answers);
        Ok(answers)
    }

    /// Stores entries, and returns what became of each. Those that the tier can't take now are stored later.
    pub(crate) async fn put(&self, entries: &[(Key, Entry)]) -> Result<Vec<PutOutcome>> {
        let outcome = self.try_put(entries).await;
        match &outcome {
            Ok(_) => entries.iter().for_each(|(key, entry)| self.retries.done(key, entry.meta.born)),
            Err(error) if error.is_retryable() => self.report_lost(&self.retries.add_entries(entries)),
            Err(_) => {}
        }
        outcome
    }

    /// Removes entries. What the tier can't remove now is removed later.
    pub(crate) async fn remove(&self, target: Target<'_>, tombstone: Tombstone) -> Result<u64> {
        let outcome = self.try_remove(target, tombstone).await;
        match (&outcome, target) {
            (Ok(_), Target::Keys(keys)) => keys.iter().for_each(|key| self.retries.done(key, tombstone.born)),
            (Ok(_), Target::Matching(pattern)) => self.retries.done_matching(pattern, tombstone),
            (Err(error), _) if error.is_retryable() => {
                self.report_lost(&self.retries.add_removal(target, tombstone))
            }
            (Err(_), _) => {}
        }
        outcome
    }

    async fn try_put(&self, entries: &[(Key, Entry)]) -> Result<Vec<PutOutcome>> {
        let outcomes = self.bounded("put", self.tier.put(entries)).await.and_then(|outcomes| {
            if outcomes.len() == entries.len() {
                return Ok(outcomes);
            }
            let message =
                format!("{} gave {} outcomes for {} entries", self.name(), outcomes.len(), entries.len());
            Err(Error::new(ErrorKind::Unavailable, "put", message))
        });
        self.note(Operation::Put, outcomes)
    }

    async fn try_remove(&self, target: Target<'_>, tombstone: Tombstone) -> Result<u64> {
        self.note(Operation::Remove, self.bounded("remove", self.tier.remove(target, tombstone)).await)
    }

    /// Looks `key` up and stores something under it. Returns whether the tier could do both.
    pub(crate) async fn probe(&self, key: &Key) -> bool {
        let entry = Entry::absent(Meta::new(self.clock.tick(), Ttl::new(PROBE_LIFE)));
        self.get(slice::from_ref(key)).await.is_ok() && self.try_put(&[(key.clone(), entry)]).await.is_ok()
    }

    /// Whether there are writes that the tier could not take.
    pub(crate) fn has_pending(&self) -> bool {
        !self.retries.is_empty()
    }

    /// Carries out what the tier could not take, the oldest first. Tombstones last `life` from now. A write
    /// that fails though a probe of `probe_key` succeeds holds up no other. Returns what was carried out.
    pub(crate) async fn replay(&self, life: Duration, probe_key: &Key) -> Vec<Change> {
        let mut done = Vec::new();
        if self.replaying.swap(true, Ordering::AcqRel) {
            return done;
        }
        let mut after = 0;
        loop {
            let (writes, next) = self.retries.batch(after, REPLAY_BATCH, self.clock.now());
            if writes.is_empty() {
                break;
            }
            let replays = stream::iter(writes).map(|write| self.replay_one(write, life));
            let outcomes: Vec<Result<Change, PendingWrite>> =
                replays.buffer_unordered(REPLAYS_AT_ONCE).collect().await;
            let mut failed = Vec::new();
            for outcome in outcomes {
                match outcome {
                    Ok(change) => done.push(change),
                    Err(write) => failed.push(write),
                }
            }
            if !failed.is_empty() && !self.probe(probe_key).await {
                break;
            }
            for write in failed {
                if let PendingWrite::Put(key, _) | PendingWrite::Remove(key, _) = write {
                    self.report_lost(self.retries.failed(&key).as_slice());
                }
            }
            after = next.max(1);
        }
        self.replaying.store(false, Ordering::Release);
        done
    }

    /// Returns the pending puts that lost when they were carried out: what won is to be held.
    pub(crate) fn take_outbid(&self) -> Vec<(Key, Timestamp)> {
        mem::take(&mut self.outbid.lock())
    }

    /// Carries out one write. Returns what other nodes should know of it, or the write if it failed.
    async fn replay_one(&self, write: PendingWrite, life: Duration) -> Result<Change, PendingWrite> {
        let lasting = |tombstone: &Tombstone| Tombstone {
            born: tombstone.born,
            dead_at: tombstone.dead_at.max(self.clock.now().after(life)),
        };
        let taken = match &write {
            PendingWrite::Put(key, entry) => {
                let taken = self.try_put(&[(key.clone(), entry.clone())]).await;
                taken.map(|outcomes| {
                    if outcomes.iter().any(PutOutcome::is_outdated) {
                        self.outbid.lock().push((key.clone(), entry.meta.born));
                    }
                    self.retries.done(key, entry.meta.born);
                })
            }
            PendingWrite::Remove(key, tombstone) => {
                let keys = slice::from_ref(key);
                let taken = self.try_remove(Target::Keys(keys), lasting(tombstone)).await;
                taken.map(|_| self.retries.done(key, tombstone.born))
            }
            PendingWrite::RemoveMatching(pattern, tombstone) => {
                let taken = self.try_remove(Target::Matching(pattern), lasting(tombstone)).await;
                taken.map(|_| self.retries.done_matching(pattern, *tombstone))
            }
        };
        match (taken, write) {
            (Err(_), write) => Err(write),
            (Ok(()), PendingWrite::Put(key, entry)) => {
                Ok(Change::Put { key: (&key).into(), born: entry.meta.born })
            }
            (Ok(()), PendingWrite::Remove(key, tombstone)) => {
                Ok(Change::Removed { key: (&key).into(), tombstone: lasting(&tombstone) })
            }
            (Ok(()), PendingWrite::RemoveMatching(pattern, tombstone)) => {
                Ok(Change::RemovedMatching { pattern: pattern.to_string(), tombstone: lasting(&tombstone) })
            }
        }
    }

    /// Reports writes that the tier will never get.
    fn report_lost(&self, keys: &[Key]) {
        for key in keys {
            tracing::error!(tier = self.name(), %key,
                "dropped a pending write: the retry queue is full, or the tier refused the write repeatedly");
            self.observers.tell(&Event::Lost { tier: self.name(), key });
        }
    }

    pub(crate) async fn flush(&self) -> Result<()> {
        self.note(Operation::Flush, self.bounded("flush", self.tier.flush()).await)
    }

    /// Makes an error of a panic, and of a call that takes too long.
    async fn bounded<T>(
        &self,
        operation: &'static str,
        call: impl Future<Output = Result<T>> + Send,
    ) -> Result<T> {
        let limit = pin!(timer::sleep(&self.clock, CALL_LIMIT));
        match select(pin!(AssertUnwindSafe(call).catch_unwind()), limit).await {
            Either::Left((Ok(outcome), _)) => outcome,
            Either::Left((Err(_), _)) => {
                Err(Error::new(ErrorKind::Unavailable, operation, format!("{} panicked", self.name())))
            }
            Either::Right(_) => {
                let message = format!("{} did not answer within {CALL_LIMIT:?}", self.name());
                Err(Error::new(ErrorKind::Timeout, operation, message))
            }
        }
    }

    /// Counts an entry that was served.
    pub(crate) fn count_hit(&self, key: &Key, stale: bool) {
        self.hits.fetch_add(1, Ordering::Relaxed);
        self.observers.tell(&Event::Hit { key, source: self.name(), stale });
    }

    /// Counts a key of which the tier holds nothing that can be served as it is.
    pub(crate) fn count_miss(&self, key: &Key, servable: Servable) {
        self.misses.fetch_add(1, Ordering::Relaxed);
        tracing::trace!(tier = self.name(), %key, ?servable, "a tier can't answer a read");
    }

    /// Counts a value that can't be decoded.
    pub(crate) fn count_corrupt(&self, key: &Key, error: &Error) {
        self.corrupt.fetch_add(1, Ordering::Relaxed);
        tracing::warn!(tier = self.name(), %key, %error, "a stored value can't be read: it counts as a miss");
        self.observers.tell(&Event::Corrupt { tier: self.name(), key, error });
    }

    pub(crate) fn stats(&self) -> TierStats {
        TierStats {
            name: self.name(),
            hits: self.hits.load(Ordering::Relaxed),
            misses: self.misses.load(Ordering::Relaxed),
            errors: self.errors.load(Ordering::Relaxed),
            corrupt: self.corrupt.load(Ordering::Relaxed),
            pending: self.retries.len(),
            lost: self.retries.lost(),
        }
    }

    pub(crate) fn health(&self) -> TierHealth {
        let error = [&self.reads, &self.writes].into_iter().find_map(|calls| calls.error.lock().clone());
        TierHealth { name: self.name(), error }
    }

    /// Notes how a call ended: counts, logs and tells a failure, and a success after it.
    fn note<T>(&self, operation: Operation, result: Result<T>) -> Result<T> {
        let calls = if operation == Operation::Get { &self.reads } else { &self.writes };
        match &result {
            // A value that is refused for its size says nothing about the tier.
            Err(error) if error.kind() == ErrorKind::Limit => {}
            Err(error) => {
                self.errors.fetch_add(1, Ordering::Relaxed);
                if calls.note_failure(error) {
                    tracing::error!(tier = self.name(), ?operation, %error,
                        "a tier failed: the cache goes on without it and retries");
                }
                self.observers.tell(&Event::TierFailed { tier: self.name(), operation, error });
            }
            Ok(_) if calls.note_success() => {
                tracing::info!(tier = self.name(), ?operation, "a tier works again");
                if !self.is_failing() {
                    self.observers.tell(&Event::TierRecovered { tier: self.name() });
                }
            }
            Ok(_) => {}
        }
        result
    }
}

/// How the last read, or the last write, ended. One may fail while the other works, as on a full disk.
#[derive(Debug, Default)]
struct CallHealth {
    failing: AtomicBool,
    error: Mutex<Option<Error>>,
}

impl CallHealth {
    /// Returns whether this is the first failure after a success.
    fn note_failure(&self, error: &Error) -> bool {
        *self.error.lock() = Some(error.clone());
        !self.failing.swap(true, Ordering::Relaxed)
    }

    /// Returns whether this is the first success after a failure.
    fn note_success(&self) -> bool {
        if !self.failing.load(Ordering::Relaxed) {
            return false;
        }
        *self.error.lock() = None;
        self.failing.swap(false, Ordering::Relaxed)
    }
}
