//! What a scheduler counts.

use std::ops::AddAssign;

use serde::Serialize;

/// What a scheduler did since it was built, and what waits now.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SchedulerStats {
    /// Updates that were queued.
    pub queued: u64,
    /// Requests that were answered by an update that was queued or on its way already.
    pub deduplicated: u64,
    /// Requests that were refused since too much was pending.
    pub refused: u64,
    /// Requests, and queued updates, whose value memory had fresh, so that no source was asked.
    pub skipped_fresh: u64,
    /// Queued updates whose value a lower tier had fresh, so that no source was asked.
    pub lifted: u64,
    /// Batches that were taken from the queue.
    pub batches: u64,
    /// Batches that were asked for, those that failed included. The cache makes one call of each, or more where
    /// its source refuses it.
    pub calls: u64,
    /// Keys that those calls asked for; a key that is asked for again counts again.
    pub sent: u64,
    /// Updates that a provider answered, be it that there is no value.
    pub updated: u64,
    /// Attempts of updates that failed.
    pub failed: u64,
    /// Of those attempts, how many are followed by another.
    pub retried: u64,
    /// Updates given up: after their retries, for an error that no retry mends, or at the end of a shutdown.
    pub dropped: u64,
    /// Updates dropped for others of higher priority since too much was pending.
    pub displaced: u64,
    /// Updates dropped by [`clear_pending`](crate::BatchScheduler::clear_pending).
    pub cleared: u64,
    /// Calls to providers that were saved: what one call for each request that was answered would have come to,
    /// less the calls made. Answered are those [updated](Self::updated), [skipped](Self::skipped_fresh),
    /// [lifted](Self::lifted) and [deduplicated](Self::deduplicated). An attempt that failed counts as a call and
    /// answers nothing, so where providers fail this says too little rather than too much, and at least 0.
    pub calls_saved: u64,
    /// Updates pending now, in all groups.
    pub pending: usize,
    /// Each group: what is pending for one kind of values at one provider.
    pub groups: Vec<GroupPending>,
}

/// What is pending in a group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct GroupPending {
    /// The provider.
    pub provider: String,
    /// The kind of the values.
    pub kind: String,
    /// Updates that wait for their batch.
    pub queued: usize,
    /// Updates that failed and wait for their next attempt.
    pub resting: usize,
    /// Updates whose batch is on its way.
    pub in_flight: usize,
}

/// What came of batches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Flushed {
    /// Updates that a provider answered, be it that there is no value.
    pub updated: usize,
    /// Updates whose value memory had fresh.
    pub skipped_fresh: usize,
    /// Updates whose value a lower tier had fresh.
    pub lifted: usize,
    /// Updates that failed and wait for their next attempt.
    pub failed: usize,
    /// Updates that failed and were given up.
    pub dropped: usize,
    /// Batches that were asked for.
    pub calls: usize,
}

impl AddAssign for Flushed {
    fn add_assign(&mut self, more: Self) {
        self.updated += more.updated;
        self.skipped_fresh += more.skipped_fresh;
        self.lifted += more.lifted;
        self.failed += more.failed;
        self.dropped += more.dropped;
        self.calls += more.calls;
    }
}

/// What came of a shutdown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Drained {
    /// Updates that were answered while it drained, by a provider, by memory or by a lower tier.
    pub answered: u64,
    /// Updates that failed and were given up while it drained.
    pub dropped: u64,
    /// Updates that could not be sent within the limit, and are dropped.
    pub left: usize,
}
