//! A batch on its way: what is fresh by now is let go, what a lower tier has is lifted, the rest is one call.

use std::{future::Future, panic::AssertUnwindSafe, pin::pin, sync::Arc, time::Duration};

use cache_core::{Backoff, Error, ErrorKind, Key, Refreshed, Result, Warm};
use futures_util::{
    FutureExt,
    future::{Either, select},
};
use tokio::sync::OwnedSemaphorePermit;
use tracing::warn;

use super::{
    group::{Group, millis},
    queue::{Millis, Standing},
    state::{Shared, State},
    stats::Flushed,
};
use crate::timer;

/// The longest pause that a source can ask for.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(3600);

/// A batch on its way. Until this is dropped, its group has no other.
pub(super) struct Batch {
    shared: Arc<Shared>,
    index: usize,
    warm: Arc<dyn Warm>,
    limit: usize,
    /// There until this is dropped.
    permit: Option<OwnedSemaphorePermit>,
}

impl Batch {
    pub(super) fn new(
        shared: Arc<Shared>,
        index: usize,
        group: &Group,
        permit: OwnedSemaphorePermit,
    ) -> Self {
        let (warm, limit) = (Arc::clone(&group.warm), group.limit);
        Self { shared, index, warm, limit, permit: Some(permit) }
    }

    /// Sends the batch. Each of its updates is settled when this returns. If this is dropped before, those that
    /// are not settled go back to where they came from.
    pub(super) async fn send(self) -> Flushed {
        let mut flushed = Flushed::default();
        let stale = self.take(&mut flushed);
        let keys = if stale.is_empty() { stale } else { self.lift(stale, &mut flushed).await };
        if !keys.is_empty() {
            self.call(&keys, &mut flushed).await;
        }
        flushed
    }

    /// Takes updates from the queue until the batch is full of those that memory has no fresh value of.
    fn take(&self, flushed: &mut Flushed) -> Vec<Key> {
        let mut stale = Vec::new();
        while stale.len() < self.limit {
            let taken = self.shared.state.lock().groups[self.index].take(self.limit - stale.len());
            if taken.is_empty() {
                break;
            }
            // Without the lock, since it is the cache's code.
            let is_fresh = |key: &Key| self.shared.is_fresh(&*self.warm, key, Duration::ZERO);
            let (fresh, still_stale): (Vec<Key>, Vec<Key>) = taken.into_iter().partition(is_fresh);
            stale.extend(still_stale);
            flushed.skipped_fresh += fresh.len();
            let mut state = self.shared.state.lock();
            state.stats.skipped_fresh += fresh.len() as u64;
            state.groups[self.index].settle(&fresh);
        }
        stale
    }

    /// Brings into memory what a lower tier has. Returns the keys that are left to fetch.
    async fn lift(&self, stale: Vec<Key>, flushed: &mut Flushed) -> Vec<Key> {
        // Tiers that fail have nothing, so the provider is asked.
        let has = self.guarded("lift", async { self.warm.lift(&stale).await }).await.unwrap_or_default();
        let margin = self.shared.settings.fresh_margin;
        let (mut lifted, mut keys) = (Vec::new(), Vec::new());
        for (index, key) in stale.into_iter().enumerate() {
            // What was lifted may be about to end.
            let stays = || self.shared.fresh_for(&*self.warm, &key).is_none_or(|left| left > margin);
            let is_lifted = has.get(index).is_some_and(|has| *has) && stays();
            if is_lifted { lifted.push(key) } else { keys.push(key) }
        }
        flushed.lifted += lifted.len();
        let mut state = self.shared.state.lock();
        state.stats.lifted += lifted.len() as u64;
        state.groups[self.index].settle(&lifted);
        keys
    }

    /// Makes the one call to the provider.
    async fn call(&self, keys: &[Key], flushed: &mut Flushed) {
        {
            let stats = &mut self.shared.state.lock().stats;
            stats.calls += 1;
            stats.sent += keys.len() as u64;
        }
        flushed.calls += 1;
        let failed = match self.guarded("refresh", async { self.warm.refresh(keys).await }).await {
            Ok(Refreshed { failed, .. }) => failed,
            Err(error) => keys.iter().map(|key| (key.clone(), error.clone())).collect(),
        };
        let is_down = failed.iter().any(|(_, error)| error.is_retryable());
        let mut state = self.shared.state.lock();
        let dropped = self.settle_failed(&mut state, failed, flushed);
        let State { groups, stats, .. } = &mut *state;
        let group = &mut groups[self.index];
        // Those that have not failed.
        let updated = group.in_flight.len();
        group.in_flight.clear();
        stats.updated += updated as u64;
        flushed.updated += updated;
        match updated {
            0 if is_down => group.pause(self.shared.now()),
            0 => {}
            _ => group.resume(),
        }
        let provider = group.provider.clone();
        drop(state);
        // Without the lock, since whoever takes log lines may ask for the stats.
        if let Some((key, error, times)) = dropped {
            warn!(%key, %provider, %error, times, "batch update dropped: its attempts failed");
        }
    }

    /// Has what failed wait for its next attempt, or drops it. Returns what to log of that: one that is dropped,
    /// with its error, and how many the line stands for.
    fn settle_failed(
        &self,
        state: &mut State,
        failed: Vec<(Key, Error)>,
        flushed: &mut Flushed,
    ) -> Option<(Key, Error, u64)> {
        let (now, retries) = (self.shared.now(), self.shared.settings.retries);
        let State { groups, stats, over, .. } = &mut *state;
        let group = &mut groups[self.index];
        let mut pauses = Pauses::default();
        let (mut dropped, mut example) = (0, None);
        for (key, error) in failed {
            // Else it was not asked for, or is named twice.
            let Some(standing) = group.in_flight.remove(&key) else { continue };
            stats.failed += 1;
            let may_retry = standing.tries < retries && error.is_retryable() && !*over;
            let standing = Standing { tries: standing.tries.saturating_add(1), ..standing };
            let asked = error.retry_after().unwrap_or_default().min(MAX_RETRY_AFTER);
            let asked_until = now.saturating_add(millis(asked));
            let until = asked_until.max(now.saturating_add(pauses.of(standing.tries, self)));
            if may_retry && group.queue.insert_resting(&key, standing, until, asked_until).is_ok() {
                stats.retried += 1;
                flushed.failed += 1;
            } else {
                dropped += 1;
                example = Some((key, error));
            }
        }
        stats.dropped += dropped;
        flushed.dropped += dropped as usize;
        let (key, error) = example?;
        state.owe_lines(now);
        let times = self.shared.drops.count_many(dropped, self.shared.clock().now())?;
        Some((key, error, times))
    }

    /// Returns what a call to the cache returns, be it that it panicked or took too long.
    async fn guarded<T>(&self, operation: &'static str, call: impl Future<Output = Result<T>>) -> Result<T> {
        let timeout = self.shared.settings.call_timeout;
        let sleep = pin!(timer::sleep(self.shared.clock(), timeout));
        match select(pin!(AssertUnwindSafe(call).catch_unwind()), sleep).await {
            Either::Left((Ok(result), _)) => result,
            Either::Left((Err(panic), _)) => {
                let text = panic.downcast_ref::<&str>().copied();
                let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
                let message = format!("the call panicked: {}", text.unwrap_or("no message"));
                Err(Error::new(ErrorKind::Load, operation, message))
            }
            Either::Right(_) => {
                let message = format!("the call did not end within {timeout:?}");
                Err(Error::new(ErrorKind::Timeout, operation, message))
            }
        }
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        let mut state = self.shared.state.lock();
        let State { groups, stats, over, .. } = &mut *state;
        let group = &mut groups[self.index];
        for (key, standing) in std::mem::take(&mut group.in_flight) {
            if *over || group.queue.insert(&key, standing).is_err() {
                stats.dropped += 1;
            }
        }
        group.ended += 1;
        drop(state);
        // Before the wake-up: the loop may look for it at once, and not again for a day.
        self.permit = None;
        self.shared.wake.notify_one();
        self.shared.ended.notify_waiters();
    }
}

impl Group {
    /// Takes at most `most` updates from the queue.
    fn take(&mut self, most: usize) -> Vec<Key> {
        let mut keys = Vec::new();
        while keys.len() < most {
            let Some((key, standing)) = self.queue.take() else { break };
            self.in_flight.insert(key.clone(), standing);
            keys.push(key);
        }
        keys
    }

    /// Forgets updates that were answered.
    fn settle(&mut self, keys: &[Key]) {
        for key in keys {
            self.in_flight.remove(key);
        }
    }
}

/// The pauses of what one call failed to bring. Those that failed equally often have the same one, so that one
/// call asks for them again.
#[derive(Default)]
struct Pauses(Vec<(u8, Millis)>);

impl Pauses {
    fn of(&mut self, tries: u8, batch: &Batch) -> Millis {
        let known = self.0.iter().find(|(of, _)| *of == tries).map(|(_, pause)| *pause);
        known.unwrap_or_else(|| {
            let mut backoff = Backoff::new(batch.shared.settings.retry_pauses.clone());
            for _ in 1..tries {
                backoff.pause();
            }
            let pause = millis(backoff.pause_at_least_half());
            self.0.push((tries, pause));
            pause
        })
    }
}
