//! What all handles of a scheduler share.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

use cache_core::{Clock, Error, ErrorKind, Key, LogSum, LogSummary, Result, Timestamp, Warm, sync::Mutex};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tracing::warn;

use super::{
    batch::Batch,
    builder::BatchSchedulerBuilder,
    group::{Due, Group, millis},
    priority::{Priority, Scheduled},
    queue::{Millis, Standing, least_first},
    stats::{GroupPending, SchedulerStats},
};

/// How often the hour is looked at while updates wait for one of low load.
const LOW_LOAD_CHECK: Millis = 30_000;

/// How often a quota that has no call for updates is looked at.
const QUOTA_CHECK: Millis = 1_000;

/// What all handles of a scheduler share.
pub(super) struct Shared {
    pub(super) settings: BatchSchedulerBuilder,
    /// What the clock that nobody sets showed at first.
    origin: i64,
    pub(super) state: Mutex<State>,
    /// One for each batch that is on its way.
    pub(super) permits: Arc<Semaphore>,
    /// Wakes the loop: something was queued, or a batch has ended.
    pub(super) wake: Notify,
    /// Wakes those who wait for a batch to end.
    pub(super) ended: Notify,
    pub(super) drops: LogSum,
    pub(super) displacements: LogSum,
}

/// What changes.
pub(super) struct State {
    pub(super) groups: Vec<Group>,
    pub(super) stats: SchedulerStats,
    /// Whether nothing more is queued.
    pub(super) closed: bool,
    /// Whether the shutdown is over, so that nothing is to be tried again.
    pub(super) over: bool,
    /// Until when lines about what was dropped may be owed.
    log_until: Millis,
}

/// What the loop is to do.
pub(super) struct Pass {
    pub(super) batches: Vec<Batch>,
    /// When to look again if nothing happens before.
    pub(super) next: Option<Millis>,
    pub(super) closed: bool,
}

impl Shared {
    pub(super) fn new(settings: BatchSchedulerBuilder) -> Self {
        let stats = SchedulerStats::default();
        Self {
            origin: settings.clock.steady(),
            permits: Arc::new(Semaphore::new(settings.concurrency)),
            settings,
            state: Mutex::new(State { groups: Vec::new(), stats, closed: false, over: false, log_until: 0 }),
            wake: Notify::new(),
            ended: Notify::new(),
            drops: LogSum::new("batch updates dropped"),
            displacements: LogSum::new("batch updates displaced"),
        }
    }

    pub(super) fn clock(&self) -> &Clock {
        &self.settings.clock
    }

    /// Returns the present moment, by a clock that nobody sets: what waits waits no longer because the time was
    /// set.
    pub(super) fn now(&self) -> Millis {
        Millis::try_from(self.clock().elapsed(self.origin).as_millis()).unwrap_or(Millis::MAX)
    }

    /// Returns for how long memory's value of a key is still fresh. Of a cache that panics, nothing is known.
    pub(super) fn fresh_for(&self, warm: &dyn Warm, key: &Key) -> Option<Duration> {
        catch_unwind(AssertUnwindSafe(|| warm.fresh_for(key))).unwrap_or_default()
    }

    /// Whether memory has a value of a key that stays fresh for longer than `span` and the margin.
    pub(super) fn is_fresh(&self, warm: &dyn Warm, key: &Key, span: Duration) -> bool {
        let least = span.saturating_add(self.settings.fresh_margin);
        self.fresh_for(warm, key).is_some_and(|left| left > least)
    }

    fn is_low_load(&self) -> bool {
        let Some(low_load) = &self.settings.low_load else { return true };
        let now = self.clock().now();
        catch_unwind(AssertUnwindSafe(|| low_load(now))).unwrap_or(true)
    }

    pub(super) fn schedule(&self, key: &Key, provider: &str, priority: Priority) -> Result<Scheduled> {
        let (index, warm) = {
            let mut state = self.state.lock();
            state.check_open()?;
            let index = state.find(key, provider)?;
            if state.groups[index].raise(key, priority) {
                return Ok(self.deduplicated(&mut state));
            }
            (index, Arc::clone(&state.groups[index].warm))
        };
        // Without the lock, since it is the cache's code.
        let wait = self.settings.interval_of(priority == Priority::Critical);
        let is_fresh = self.is_fresh(&*warm, key, wait);
        let mut state = self.state.lock();
        state.check_open()?;
        if is_fresh {
            state.stats.skipped_fresh += 1;
            return Ok(Scheduled::Fresh);
        }
        if state.groups[index].raise(key, priority) {
            return Ok(self.deduplicated(&mut state));
        }
        state.groups[index].queue.check_fit(key)?;
        let displaced = self.make_room(&mut state, priority)?;
        let standing = Standing { queued: self.now(), priority, tries: 0 };
        state.groups[index].queue.insert(key, standing)?;
        state.stats.queued += 1;
        drop(state);
        self.wake.notify_one();
        if let Some((from, times)) = displaced {
            warn!(%from, times, "batch update queue full: dropped an update of lower priority");
        }
        Ok(Scheduled::Queued)
    }

    fn deduplicated(&self, state: &mut State) -> Scheduled {
        state.stats.deduplicated += 1;
        // A higher priority may make its batch go now.
        self.wake.notify_one();
        Scheduled::AlreadyQueued
    }

    /// Makes room for one more update, if it matters more than another. Returns what to log of that: the group,
    /// and how often it happened.
    ///
    /// # Errors
    ///
    /// `Limit` if there is none that matters less.
    fn make_room(&self, state: &mut State, priority: Priority) -> Result<Option<(String, u64)>> {
        let most = self.settings.max_pending;
        if state.pending() < most {
            return Ok(None);
        }
        let least = state.groups.iter_mut().filter_map(|group| {
            let (slot, has, queued) = group.queue.least(priority)?;
            Some(((group, slot), has, queued))
        });
        let Some(((group, slot), _, _)) = least.min_by_key(least_first) else {
            state.stats.refused += 1;
            let message = format!(
                "{most} updates are pending, none of lower priority than {priority:?}: ask again later, with a \
                 higher priority, or raise max_pending"
            );
            return Err(Error::new(ErrorKind::Limit, "schedule_update", message));
        };
        group.queue.displace(slot);
        let times = self.displacements.count(self.clock().now());
        let line = times.map(|times| (format!("{} of {}", group.kind, group.provider), times));
        state.stats.displaced += 1;
        state.owe_lines(self.now());
        Ok(line)
    }

    /// Returns how many calls the source of each group has left. Without the lock, since whoever tells may ask for
    /// the stats.
    fn calls_left(&self) -> Vec<Option<usize>> {
        let kinds: Vec<Box<str>> = self.state.lock().groups.iter().map(|group| group.kind.clone()).collect();
        kinds.iter().map(|kind| self.settings.calls_left.as_ref()?.of(kind)).collect()
    }

    /// Begins the batches that are due, as many as may be on their way.
    pub(super) fn pass(self: &Arc<Self>) -> Pass {
        self.log_summaries(LogSum::settle);
        let low_load = self.is_low_load();
        let (now, rules) = (self.now(), self.settings.rules());
        let left = self.calls_left();
        let mut state = self.state.lock();
        let mut pass = Pass { batches: Vec::new(), next: None, closed: state.closed };
        if pass.closed {
            return pass;
        }
        for group in &mut state.groups {
            group.refresh_lanes(now, rules);
        }
        // Of a group that was registered meanwhile nothing is due.
        let groups = state.groups.iter_mut().zip(left);
        let has_call: Vec<bool> = groups.map(|(group, left)| group.quota.allows(left)).collect();
        loop {
            let due = |index: &usize, group: &Group| {
                has_call.get(*index) == Some(&true) && group.due(now, low_load, rules) == Due::Now
            };
            let due = state.groups.iter().enumerate().filter(|(index, group)| due(index, group));
            // Of all groups, too, priority goes first, and then age.
            let first =
                due.max_by_key(|(_, group)| group.queue.first().map(|(one, at)| (one, u64::MAX - at)));
            let Some((index, _)) = first else { break };
            let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() else { break };
            pass.batches.push(self.begin(&mut state, index, permit));
        }
        pass.next = state.groups.iter().filter_map(|group| group.due(now, low_load, rules).at()).min();
        if !low_load && state.groups.iter().any(|group| group.queue.ready() > 0) {
            pass.look_at(now.saturating_add(LOW_LOAD_CHECK));
        }
        if has_call.contains(&false) {
            pass.look_at(now.saturating_add(QUOTA_CHECK));
        }
        if now < state.log_until {
            pass.look_at(now.saturating_add(millis(LogSum::INTERVAL)));
        }
        pass
    }

    /// Begins a batch of a group that has none on its way.
    pub(super) fn begin(
        self: &Arc<Self>,
        state: &mut State,
        index: usize,
        permit: OwnedSemaphorePermit,
    ) -> Batch {
        state.stats.batches += 1;
        let group = &mut state.groups[index];
        group.begun += 1;
        Batch::new(Arc::clone(self), index, group, permit)
    }

    /// Logs what happened to updates since the last line.
    pub(super) fn log_summaries(&self, summary: impl Fn(&LogSum, Timestamp) -> Option<LogSummary>) {
        for sum in [&self.drops, &self.displacements] {
            if let Some(summary) = summary(sum, self.clock().now()) {
                warn!("{summary}");
            }
        }
    }
}

impl Pass {
    fn look_at(&mut self, at: Millis) {
        self.next = Some(self.next.map_or(at, |next| next.min(at)));
    }
}

impl Due {
    fn at(self) -> Option<Millis> {
        if let Self::At(at) = self { Some(at) } else { None }
    }
}

impl State {
    fn check_open(&self) -> Result<()> {
        if self.closed {
            let message = "the scheduler is shut down";
            return Err(Error::new(ErrorKind::Closed, "schedule_update", message));
        }
        Ok(())
    }

    /// Notes that something was dropped, of which lines may come later.
    pub(super) fn owe_lines(&mut self, now: Millis) {
        self.log_until = now.saturating_add(2 * millis(LogSum::INTERVAL));
    }

    /// Returns how many updates are pending in all groups.
    pub(super) fn pending(&self) -> usize {
        self.groups.iter().map(Group::pending).sum()
    }

    pub(super) fn position(&self, kind: &str, provider: &str) -> Option<usize> {
        self.groups.iter().position(|group| &*group.kind == kind && &*group.provider == provider)
    }

    /// Returns the group of a key.
    ///
    /// # Errors
    ///
    /// `Config` if it has none.
    fn find(&self, key: &Key, provider: &str) -> Result<usize> {
        let refuse = |message| Err(Error::new(ErrorKind::Config, "schedule_update", message));
        let Some(index) = self.position(key.kind(), provider) else {
            let known = self.groups.iter().map(|group| format!("{} of {}", group.kind, group.provider));
            let known: Vec<String> = known.take(10).collect();
            let known = if known.is_empty() {
                "as nothing is yet: call `register` first".into()
            } else {
                format!("but {}", known.join(", "))
            };
            let kind = key.kind();
            return refuse(format!("{kind:?} of provider {provider:?} is not registered, {known}"));
        };
        if key.is_reserved() {
            return refuse(format!("{key} is an entry of the cache itself"));
        }
        Ok(index)
    }

    pub(super) fn stats(&self) -> SchedulerStats {
        let groups = self.groups.iter().map(|group| GroupPending {
            provider: group.provider.to_string(),
            kind: group.kind.to_string(),
            queued: group.queue.ready(),
            resting: group.queue.resting(),
            in_flight: group.in_flight.len(),
        });
        let stats = &self.stats;
        let answered = stats.updated + stats.skipped_fresh + stats.lifted + stats.deduplicated;
        SchedulerStats {
            calls_saved: answered.saturating_sub(stats.calls),
            pending: self.pending(),
            groups: groups.collect(),
            ..stats.clone()
        }
    }

    /// Drops what waits, in all groups. Returns how many updates that were.
    pub(super) fn clear(&mut self) -> usize {
        self.groups.iter_mut().map(|group| group.queue.clear()).sum()
    }
}
