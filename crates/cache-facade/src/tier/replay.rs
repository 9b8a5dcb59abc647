//! Carries out what a tier could not take, once it works again.

use std::{
    slice,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use cache_core::{Entry, Error, Key, PutOutcome, Target, Timestamp, Tombstone, message::Change};
use futures_util::{StreamExt, stream};

use super::handle::TierHandle;
use crate::write::in_progress::TICK;

/// How many pending writes a tier is sent between two probes, and how many at the same time.
const REPLAY_BATCH: usize = 256;
const REPLAYS_AT_ONCE: usize = 16;

/// One write to be carried out.
#[derive(Debug)]
pub(crate) enum PendingWrite {
    Put(Key, Entry),
    Remove(Key, Tombstone),
    /// Removes what came before a write that was given up.
    RemoveOlder(Key, Timestamp),
}

/// What became of a pending write that was sent again.
pub(crate) enum Replayed {
    /// The tier has it; other nodes should know.
    Done(Change),
    /// The tier holds something newer of this key than the pending write, which was born then.
    Outdated(Key, Timestamp),
    /// The tier refused it for good, or has done what nobody else need know.
    Settled,
}

/// The turn of the one replay at a time, also if that ends half way with its runtime.
struct ReplayTurn<'a>(&'a AtomicBool);

impl<'a> ReplayTurn<'a> {
    fn take(replaying: &'a AtomicBool) -> Option<Self> {
        (!replaying.swap(true, Ordering::AcqRel)).then_some(Self(replaying))
    }
}

impl Drop for ReplayTurn<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

impl TierHandle {
    /// Carries out what the tier could not take of single keys, the oldest first. Tombstones last `life` from
    /// now. A write that fails though a probe of `probe_key` succeeds holds up no other. Returns what was carried
    /// out.
    pub(crate) async fn replay(&self, life: Duration, probe_key: &Key) -> Vec<Replayed> {
        let mut done = Vec::new();
        let Some(_turn) = ReplayTurn::take(&self.replaying) else { return done };
        let mut after = 0;
        loop {
            let (writes, next) = self.retries.batch(after, REPLAY_BATCH, self.clock.now());
            if writes.is_empty() {
                break;
            }
            let replays = stream::iter(writes).map(|write| self.replay_one(write, life));
            let outcomes: Vec<Result<Replayed, PendingWrite>> =
                replays.buffer_unordered(REPLAYS_AT_ONCE).collect().await;
            let mut failed = Vec::new();
            for outcome in outcomes {
                match outcome {
                    Ok(replayed) => done.push(replayed),
                    Err(write) => failed.push(write),
                }
            }
            if !failed.is_empty() && !self.probe(probe_key).await {
                break;
            }
            for write in failed {
                let (PendingWrite::Put(key, _)
                | PendingWrite::Remove(key, _)
                | PendingWrite::RemoveOlder(key, _)) = write;
                self.report_lost(self.retries.failed(&key, self.clock.now()).as_slice());
            }
            after = next.max(1);
        }
        done
    }

    /// Carries out one write. Returns the write if it failed.
    async fn replay_one(&self, write: PendingWrite, life: Duration) -> Result<Replayed, PendingWrite> {
        let lasting = |tombstone: Tombstone| Tombstone {
            born: tombstone.born,
            dead_at: tombstone.dead_at.max(self.clock.now().after(life)),
        };
        let done = match &write {
            PendingWrite::Put(key, entry) => self.replay_put(key, entry, life).await,
            PendingWrite::Remove(key, tombstone) => {
                let tombstone = lasting(*tombstone);
                self.try_remove(Target::Keys(slice::from_ref(key)), tombstone).await.map(|_| {
                    self.retries.done(key, tombstone.born);
                    Replayed::Done(Change::Removed { key: key.into(), tombstone })
                })
            }
            PendingWrite::RemoveOlder(key, born) => {
                let older = lasting(Tombstone { born: born.before(TICK), dead_at: *born });
                self.try_remove(Target::Keys(slice::from_ref(key)), older).await.map(|_| {
                    self.retries.done_older(key, *born);
                    Replayed::Done(Change::Replaced { key: key.into(), tombstone: older })
                })
            }
        };
        done.map_err(|_| write)
    }

    async fn replay_put(&self, key: &Key, entry: &Entry, life: Duration) -> Result<Replayed, Error> {
        let born = entry.meta.born;
        let refusal = match self.try_put(&[(key.clone(), entry.clone())]).await {
            Ok(outcomes) => match outcomes.into_iter().next() {
                Some(PutOutcome::Refused(error)) => error,
                Some(PutOutcome::Outdated) => {
                    self.retries.done(key, born);
                    return Ok(Replayed::Outdated(key.clone(), born));
                }
                _ => {
                    self.retries.done(key, born);
                    return Ok(Replayed::Done(Change::Put { key: key.into(), born }));
                }
            },
            Err(error) if error.is_retryable() => return Err(error),
            Err(error) => error,
        };
        if key.is_reserved() {
            // A stamp may be born later, which only ends more; but it must not be lost.
            let mut renewed = entry.clone();
            renewed.meta.born = self.clock.tick();
            self.report_lost(&self.retries.add_entries(&[(key.clone(), renewed)]));
            return Err(refusal);
        }
        self.report_refused(key, &refusal);
        let ended = self.end_older(key, born, life).await;
        self.report_lost(self.retries.refused(key, born, ended).as_slice());
        Ok(Replayed::Settled)
    }
}
