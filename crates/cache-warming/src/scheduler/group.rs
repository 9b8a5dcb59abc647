//! The updates of one kind at one provider, and when a batch of them goes.

use std::{collections::HashMap, hash::BuildHasherDefault, sync::Arc, time::Duration};

use cache_core::{Backoff, Key, KeyHasher, Warm};

use super::{
    priority::Priority,
    queue::{Millis, Queue, Standing},
    quota::SeenQuota,
};

/// When the next batch of a group goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    Now,
    /// Then, or as soon as the hour changes or more is queued.
    At(Millis),
    /// When something happens: an update is queued, or the call that is on its way ends.
    Later,
}

/// What decides when a batch goes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    pub(super) interval: Millis,
    pub(super) longest_wait: Millis,
    pub(super) busy_batches: usize,
}

/// The updates of one kind at one provider.
pub(super) struct Group {
    pub(super) provider: Box<str>,
    pub(super) kind: Box<str>,
    pub(super) warm: Arc<dyn Warm>,
    /// The most keys of a batch.
    pub(super) limit: usize,
    pub(super) queue: Queue,
    /// What the batch that is on its way has taken and not settled yet.
    pub(super) in_flight: HashMap<Key, Standing, BuildHasherDefault<KeyHasher>>,
    /// Batches that were begun, and those of them that have ended: at most one less, so that no key is asked for
    /// twice at once, and that a call that hangs holds up its own group only.
    pub(super) begun: u64,
    pub(super) ended: u64,
    /// What its source's quota was seen to allow.
    pub(super) quota: SeenQuota,
    /// Since a call brought nothing at all.
    paused_until: Millis,
    backoff: Backoff,
}

impl Group {
    pub(super) fn new(
        provider: &str,
        kind: &str,
        warm: Arc<dyn Warm>,
        limit: usize,
        backoff: Backoff,
    ) -> Self {
        Self {
            provider: provider.into(),
            kind: kind.into(),
            warm,
            limit,
            queue: Queue::default(),
            in_flight: HashMap::default(),
            begun: 0,
            ended: 0,
            quota: SeenQuota::default(),
            paused_until: 0,
            backoff,
        }
    }

    pub(super) fn is_busy(&self) -> bool {
        self.begun > self.ended
    }

    /// Returns how many updates wait or are on their way.
    pub(super) fn pending(&self) -> usize {
        self.queue.len() + self.in_flight.len()
    }

    /// Gives an update that waits or is on its way at least this priority. Returns whether there is one.
    pub(super) fn raise(&mut self, key: &Key, priority: Priority) -> bool {
        if let Some(standing) = self.in_flight.get_mut(key) {
            standing.priority = standing.priority.max(priority);
            return true;
        }
        self.queue.raise(key, priority)
    }

    /// Leaves the provider alone for a while, since a call brought nothing.
    pub(super) fn pause(&mut self, now: Millis) {
        self.paused_until = now.saturating_add(millis(self.backoff.pause_at_least_half()));
    }

    /// Ends the pauses, since a call brought something.
    pub(super) fn resume(&mut self) {
        self.paused_until = 0;
        self.backoff.reset();
    }

    /// Puts what has rested, or waited for too long, where it goes next.
    pub(super) fn refresh_lanes(&mut self, now: Millis, rules: Rules) {
        self.queue.wake(now);
        if let Some(since) = now.checked_sub(rules.longest_wait) {
            self.queue.promote(since);
        }
    }

    /// Returns when the next batch goes.
    pub(super) fn due(&self, now: Millis, low_load: bool, rules: Rules) -> Due {
        if self.is_busy() || self.queue.len() == 0 {
            return Due::Later;
        }
        if now < self.paused_until {
            return Due::At(self.paused_until);
        }
        let of = |priority| self.queue.ready_of(priority);
        let enough =
            of(Priority::High) + of(Priority::Normal) >= self.limit.saturating_mul(rules.busy_batches);
        let may_go = |priority| match priority {
            Priority::Low => low_load,
            Priority::Normal => low_load || enough,
            Priority::High | Priority::Critical => true,
        };
        // What failed has had its pause, but maybe not its hour yet: it may have gone along with others.
        let again = |priority| self.queue.ready_retries_of(priority) > 0 && may_go(priority);
        if of(Priority::Critical) > 0 || Priority::ALL.into_iter().any(again) {
            return Due::Now;
        }
        let full = Priority::ALL.into_iter().filter(|one| may_go(*one)).map(of).sum::<usize>() >= self.limit;
        let waits = Priority::ALL.into_iter().filter_map(|one| {
            let wait = if may_go(one) { rules.interval.min(rules.longest_wait) } else { rules.longest_wait };
            Some(self.queue.oldest_of(one)?.saturating_add(wait))
        });
        match waits.chain(self.queue.next_rest()).min() {
            Some(at) if !full && at > now => Due::At(at),
            Some(_) => Due::Now,
            None => Due::Later,
        }
    }
}

/// Returns a span in whole milliseconds, rounded up, so that what it bounds has passed by then.
pub(super) fn millis(span: Duration) -> Millis {
    Millis::try_from(span.as_nanos().div_ceil(1_000_000)).unwrap_or(Millis::MAX)
}
