//! Every call to a tier goes through its handle: bounded in time, counted, and retried later where it failed.

use std::{
    slice,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use cache_core::{
    Clock, Entry, Error, ErrorKind, Event, Key, LogSum, LogSummary, Meta, Operation, Pattern, PutOutcome,
    Result, Target, Tier, Timestamp, Tombstone, Ttl, message::Change,
};

use super::{call_health::CallHealth, retry_queue::RetryQueue, walks::Walks};
use crate::{
    engine::{log_sums, observers::Observers},
    read::servable::Servable,
    stats::{TierHealth, TierStats},
};

/// How long the entry that a probe writes lives.
const PROBE_LIFE: Duration = Duration::from_secs(30);

/// How often other nodes are reminded of what a shared tier is owed, and for how long they remember it.
const REMINDER_INTERVAL: Duration = Duration::from_secs(20);
pub(crate) const REMINDED_FOR: Duration = Duration::from_secs(60);

/// A tier, and what became of the calls to it.
#[derive(Debug)]
pub(crate) struct TierHandle {
    pub(super) tier: Arc<dyn Tier>,
    local: bool,
    observers: Observers,
    hits: AtomicU64,
    misses: AtomicU64,
    errors: AtomicU64,
    corrupt: AtomicU64,
    refused: AtomicU64,
    pub(super) clock: Clock,
    reads: CallHealth,
    writes: CallHealth,
    pub(super) retries: RetryQueue,
    pub(super) replaying: AtomicBool,
    pub(super) walks: Walks,
    lost_writes: LogSum,
    folded: LogSum,
    unreadable: LogSum,
    /// When other nodes were last reminded of what is pending, in microseconds.
    reminded: AtomicI64,
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
            refused: AtomicU64::new(0),
            clock,
            reads: CallHealth::new(["times that reads began to fail", "times that reads worked again"]),
            writes: CallHealth::new(["times that writes began to fail", "times that writes worked again"]),
            retries: RetryQueue::new(all),
            replaying: AtomicBool::new(false),
            walks: Walks::default(),
            lost_writes: LogSum::new("pending writes of a tier that were dropped"),
            folded: LogSum::new(
                "writes and removals owed to a tier for which it loses what came before in their kinds",
            ),
            unreadable: LogSum::new("stored values of a tier that can't be read"),
            reminded: AtomicI64::new(0),
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
        let count_hits = |answers: &Vec<Option<Entry>>| answers.iter().flatten().count();
        let asked = self.bounded("get", Some(keys.len()), Some(&count_hits), self.tier.get(keys));
        let answers = asked.await.and_then(|answers| {
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

    /// Returns what is pending of `keys`, or was refused and is still served, for when the tier can't look.
    pub(crate) fn pending(&self, keys: &[Key]) -> Vec<Option<Entry>> {
        let mut answers = vec![None; keys.len()];
        self.retries.overlay(keys, &mut answers);
        answers
    }

    /// Whether an entry of `key` born at `born` waits to be stored here, or was refused and is still served.
    pub(crate) fn is_pending(&self, key: &Key, born: Timestamp) -> bool {
        self.retries.has_entry(key, born)
    }

    /// Whether the entry of `key` born at `born` is pending here, while another tier took it: that one knows
    /// whether it was removed since.
    pub(crate) fn is_stored_elsewhere(&self, key: &Key, born: Timestamp) -> bool {
        self.retries.is_stored_elsewhere(key, born)
    }

    /// Notes that another tier took an entry that may be pending here.
    pub(crate) fn note_stored_elsewhere(&self, key: &Key, born: Timestamp) {
        self.retries.note_stored_elsewhere(key, born);
    }

    /// Stores entries later.
    pub(super) fn owe_entries(&self, entries: &[(Key, Entry)]) {
        self.report_lost(&self.retries.add_entries(entries));
    }

    /// Removes later what the target names.
    pub(super) fn owe_removal(&self, target: Target<'_>, tombstone: Tombstone) {
        self.report_lost(&self.retries.add_removal(target, tombstone));
    }

    /// Ends what is pending, since another node ended it.
    pub(crate) fn end_pending(&self, target: Target<'_>, tombstone: Tombstone) {
        self.retries.end(target, tombstone);
    }

    /// The same for the entries that are `concerned`.
    pub(crate) fn end_pending_where(&self, concerned: &dyn Fn(&Key, &Meta) -> bool, tombstone: Tombstone) {
        self.retries.end_where(concerned, tombstone);
    }

    pub(super) async fn try_put(&self, entries: &[(Key, Entry)]) -> Result<Vec<PutOutcome>> {
        let put = self.bounded("put", Some(entries.len()), None, self.tier.put(entries));
        let outcomes = put.await.and_then(|outcomes| {
            if outcomes.len() == entries.len() {
                return Ok(outcomes);
            }
            let message =
                format!("{} gave {} outcomes for {} entries", self.name(), outcomes.len(), entries.len());
            Err(Error::new(ErrorKind::Unavailable, "put", message))
        });
        self.note(Operation::Put, outcomes)
    }

    pub(super) async fn try_remove(&self, target: Target<'_>, tombstone: Tombstone) -> Result<u64> {
        let keys = match target {
            Target::Keys(keys) => Some(keys.len()),
            Target::Matching(_) => None,
        };
        let removed = self.bounded("remove", keys, None, self.tier.remove(target, tombstone)).await;
        self.note(Operation::Remove, removed)
    }

    /// Looks `key` up and stores something under it. Returns whether the tier answers both.
    pub(crate) async fn probe(&self, key: &Key) -> bool {
        let entry = Entry::absent(Meta::new(self.clock.tick(), Ttl::new(PROBE_LIFE)));
        if self.get(slice::from_ref(key)).await.is_err() {
            return false;
        }
        // A tier that refuses puts for good may take the removals that it is owed.
        match self.try_put(&[(key.clone(), entry)]).await {
            Ok(_) => true,
            Err(error) => !error.is_retryable(),
        }
    }

    /// Returns what other nodes should be reminded of, since they can read this shared tier though it does not
    /// take what this node owes it. `now` and then for a while, until the next reminder.
    pub(crate) fn reminders(&self, now: Timestamp, life: Duration) -> Vec<Change> {
        let last = Timestamp::from_micros(self.reminded.load(Ordering::Relaxed));
        let readable = !self.local && !self.reads.failing.load(Ordering::Relaxed);
        if !readable || !self.has_pending() || now < last.after(REMINDER_INTERVAL) {
            return Vec::new();
        }
        self.reminded.store(now.as_micros(), Ordering::Relaxed);
        self.retries.owed(now.after(life).after(REMINDED_FOR))
    }

    /// Whether there are writes that the tier could not take.
    pub(crate) fn has_pending(&self) -> bool {
        self.retries.is_due()
    }

    /// Forgets what is pending and has died. What the tier holds from before it is still to be removed.
    pub(crate) fn drop_dead(&self) {
        self.retries.drop_dead(self.clock.now());
        let folded = self.retries.take_folded();
        if folded > 0
            && let Some(times) = self.folded.count_many(folded, self.clock.now())
        {
            tracing::warn!(
                tier = self.name(),
                times,
                "too much is owed to a tier to know each key and pattern: what it holds of whole kinds from before is \
                 not served, and will be removed"
            );
        }
    }

    /// Counts a write that the tier refused, and tells the observers. A tier may refuse many: a line is logged
    /// when their number has doubled.
    pub(super) fn report_refused(&self, key: &Key, error: &Error) {
        let refused = self.refused.fetch_add(1, Ordering::Relaxed) + 1;
        if refused.is_power_of_two() {
            tracing::warn!(tier = self.name(), %key, %error, refused,
                "a tier refused a value: it is not stored there, and what came before it is removed");
        }
        self.observers.tell(&Event::Refused { tier: self.name(), key, error });
    }

    /// Reports writes that the tier will never get.
    pub(super) fn report_lost(&self, keys: &[Key]) {
        if let Some(key) = keys.first()
            && let Some(times) = self.lost_writes.count_many(keys.len() as u64, self.clock.now())
        {
            tracing::error!(tier = self.name(), %key, times,
                "dropped a pending write: the retry queue is full, or the tier refused the write repeatedly");
        }
        for key in keys {
            self.observers.tell(&Event::Lost { tier: self.name(), key });
        }
    }

    /// Reports at the end of the cache what is still pending as lost. Returns a sentence that says so.
    pub(crate) fn lose_pending(&self) -> Option<String> {
        let lost = self.retries.lose_all();
        self.walks.lose_idle();
        let (keys, patterns) = lost?;
        self.report_lost(&keys);
        let (name, keys) = (self.name(), keys.len());
        let message = format!(
            "{name} did not take {keys} pending writes and {patterns} removals of many: they are lost"
        );
        tracing::error!(
            tier = name,
            keys,
            patterns,
            "the cache ends while writes of a tier are pending: they are lost"
        );
        Some(message)
    }

    pub(crate) async fn flush(&self) -> Result<()> {
        self.note(Operation::Flush, self.bounded("flush", None, None, self.tier.flush()).await)
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
        let reason = servable.miss_reason();
        self.observers.tell(&Event::Miss { key, source: self.name(), reason });
    }

    /// Counts a value that can't be decoded.
    pub(crate) fn count_corrupt(&self, key: &Key, error: &Error) {
        self.corrupt.fetch_add(1, Ordering::Relaxed);
        if let Some(times) = self.unreadable.count(self.clock.now()) {
            tracing::warn!(tier = self.name(), %key, %error, times,
                "a stored value can't be read: it counts as a miss");
        }
        self.observers.tell(&Event::Corrupt { tier: self.name(), key, error });
    }

    /// Logs how often what has had a line occurred since.
    pub(crate) fn settle_log_sums(&self, now: Timestamp) {
        self.log_summaries(|sum| sum.settle(now));
    }

    /// Logs the rest at the end of the cache.
    pub(crate) fn finish_log_sums(&self, now: Timestamp) {
        self.log_summaries(|sum| sum.finish(now));
    }

    fn log_summaries(&self, summary: impl Fn(&LogSum) -> Option<LogSummary>) {
        let calls = [&self.reads, &self.writes].map(|calls| [&calls.failures, &calls.recoveries]);
        let sums = [&self.lost_writes, &self.folded, &self.unreadable]
            .into_iter()
            .chain(calls.into_iter().flatten());
        sums.filter_map(summary).for_each(|summary| log_sums::log(Some(self.name()), summary));
    }

    pub(crate) fn stats(&self) -> TierStats {
        TierStats {
            name: self.name(),
            hits: self.hits.load(Ordering::Relaxed),
            misses: self.misses.load(Ordering::Relaxed),
            errors: self.errors.load(Ordering::Relaxed),
            corrupt: self.corrupt.load(Ordering::Relaxed) + self.tier.corrupt(),
            refused: self.refused.load(Ordering::Relaxed),
            pending: self.retries.len(),
            lost: self.retries.lost(),
            removing: self.walks_under_way(),
        }
    }

    pub(crate) fn health(&self) -> TierHealth {
        let error = [&self.reads, &self.writes].into_iter().find_map(|calls| calls.error.lock().clone());
        TierHealth { name: self.name(), error }
    }

    /// Notes how a call ended: counts, logs and tells a failure, and a success after it.
    pub(super) fn note<T>(&self, operation: Operation, result: Result<T>) -> Result<T> {
        let calls = if operation == Operation::Get { &self.reads } else { &self.writes };
        match &result {
            // A value that is refused for its size says nothing about the tier.
            Err(error) if error.kind() == ErrorKind::Limit => {}
            Err(error) => {
                self.errors.fetch_add(1, Ordering::Relaxed);
                if calls.note_failure(error)
                    && let Some(times) = calls.failures.count(self.clock.now())
                {
                    tracing::error!(tier = self.name(), ?operation, %error, times,
                        "a tier failed: the cache goes on without it and retries");
                }
                self.observers.tell(&Event::TierFailed { tier: self.name(), operation, error });
            }
            Ok(_) if calls.note_success() => {
                if let Some(times) = calls.recoveries.count(self.clock.now()) {
                    tracing::info!(tier = self.name(), ?operation, times, "a tier works again");
                }
                if !self.is_failing() {
                    self.observers.tell(&Event::TierRecovered { tier: self.name() });
                }
            }
            Ok(_) => {}
        }
        result
    }
}
