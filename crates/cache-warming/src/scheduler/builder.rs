//! The settings of a scheduler.

use std::{fmt, ops::RangeInclusive, sync::Arc, time::Duration};

use cache_core::{Clock, Timestamp};

use super::{
    BatchScheduler,
    group::{Rules, millis},
};
use crate::quota::CallsLeft;

pub(super) type LowLoad = Arc<dyn Fn(Timestamp) -> bool + Send + Sync>;

/// Settings of a [`BatchScheduler`].
///
/// ```
/// use std::time::Duration;
/// use cache_core::Clock;
/// use cache_warming::BatchScheduler;
///
/// let scheduler = BatchScheduler::builder()
///     .clock(Clock::manual())
///     .batch_size(100)
///     .interval(Duration::from_secs(30))
///     .max_pending(5_000)
///     .build();
/// assert_eq!(scheduler.stats().pending, 0);
/// ```
#[derive(Clone)]
pub struct BatchSchedulerBuilder {
    pub(super) clock: Clock,
    pub(super) low_load: Option<LowLoad>,
    pub(super) calls_left: Option<CallsLeft>,
    pub(super) batch_size: usize,
    pub(super) max_pending: usize,
    pub(super) retries: u8,
    pub(super) retry_pauses: RangeInclusive<Duration>,
    pub(super) concurrency: usize,
    pub(super) call_timeout: Duration,
    pub(super) fresh_margin: Duration,
    interval: Duration,
    longest_wait: Duration,
    busy_batches: usize,
}

impl Default for BatchSchedulerBuilder {
    fn default() -> Self {
        Self {
            clock: Clock::system(),
            low_load: None,
            calls_left: None,
            batch_size: 50,
            max_pending: 10_000,
            retries: 3,
            retry_pauses: Duration::from_secs(1)..=Duration::from_secs(60),
            concurrency: 4,
            call_timeout: Duration::from_secs(60),
            fresh_margin: Duration::from_secs(1),
            interval: Duration::from_secs(60),
            longest_wait: Duration::from_secs(24 * 3600),
            busy_batches: 1,
        }
    }
}

impl BatchSchedulerBuilder {
    /// Sets the clock, which is to be the cache's own. Default: a system clock.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Sets how many updates make a batch full, at least 1. A kind that can't ask for as many at once has smaller
    /// batches. Default: 50.
    #[must_use]
    pub fn batch_size(mut self, size: usize) -> Self {
        self.batch_size = size.max(1);
        self
    }

    /// Sets how long an update that may go waits for its batch to be full. Default: 60 s.
    #[must_use]
    pub fn interval(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }

    /// Sets which moments are of low load. The caller knows the market's hours; this crate has no calendar. It is
    /// looked at every 30 s, so a low-load hour may be noticed that much late. If it panics, the moment is taken
    /// for one of low load, so that nothing is held up. Default: every moment is.
    #[must_use]
    pub fn low_load(mut self, is_low_load: impl Fn(Timestamp) -> bool + Send + Sync + 'static) -> Self {
        self.low_load = Some(Arc::new(is_low_load));
        self
    }

    /// Sets how many calls to the source of a kind its quota has left; `None` if it has no quota. Updates leave
    /// half of it to callers: what has no call waits, whatever its priority, and is looked at each second. A flush
    /// and a shutdown send it all the same. Default: no kind has a quota.
    #[must_use]
    pub fn calls_left(mut self, calls_left: impl Fn(&str) -> Option<usize> + Send + Sync + 'static) -> Self {
        self.calls_left = Some(CallsLeft::new(calls_left));
        self
    }

    /// Sets how many full batches of [`Normal`](crate::Priority::Normal) and [`High`](crate::Priority::High)
    /// updates have to be queued in a group for its normal ones to go outside low-load hours, at least 1. Then one
    /// batch goes. More saves calls where the same updates are asked for again and again. Default: 1.
    #[must_use]
    pub fn busy_batches(mut self, batches: usize) -> Self {
        self.busy_batches = batches.max(1);
        self
    }

    /// Sets how long an update waits at most for the hour and the company it needs. Then it becomes
    /// [`Critical`](crate::Priority::Critical), so nothing waits for ever. Default: 24 h.
    #[must_use]
    pub fn longest_wait(mut self, wait: Duration) -> Self {
        self.longest_wait = wait;
        self
    }

    /// Sets how many updates may be pending in all groups together, at least 1: queued, on their way, and between
    /// attempts. Default: 10,000, which is half a megabyte.
    #[must_use]
    pub fn max_pending(mut self, updates: usize) -> Self {
        self.max_pending = updates.clamp(1, u32::MAX as usize);
        self
    }

    /// Sets how often an update that failed is sent again, at most 250 times. One whose error no retry mends is
    /// given up at once. After its pause an update goes without company if its [`Priority`](crate::Priority) may
    /// go at that hour. Otherwise it waits as before, or goes along with others. Default: 3.
    #[must_use]
    pub fn retries(mut self, retries: u8) -> Self {
        self.retries = retries.min(250);
        self
    }

    /// Sets the pauses between the attempts of an update: the limit of the first, and the limit to which they
    /// double. A pause takes at least half its limit, and as long as the source asks for if that is longer, up to
    /// an hour. A group one of whose calls brought nothing at all is left alone for such a pause, too.
    /// Default: 1 s to 60 s.
    #[must_use]
    pub fn retry_pauses(mut self, pauses: RangeInclusive<Duration>) -> Self {
        self.retry_pauses = pauses;
        self
    }

    /// Sets how many batches may be on their way at once, at least 1. Of a group it is one, so a call that hangs
    /// holds up its own group, and others only if as many hang as are allowed, until the
    /// [timeout](Self::call_timeout). Default: 4.
    #[must_use]
    pub fn concurrency(mut self, batches: usize) -> Self {
        self.concurrency = batches.clamp(1, 1 << 16);
        self
    }

    /// Sets how long a call to a provider, or to the tiers, may take before it counts as failed. Default: 60 s.
    #[must_use]
    pub fn call_timeout(mut self, timeout: Duration) -> Self {
        self.call_timeout = timeout;
        self
    }

    /// Sets for how much longer a value has to be fresh for its update to be skipped. Default: 1 s.
    #[must_use]
    pub fn fresh_margin(mut self, margin: Duration) -> Self {
        self.fresh_margin = margin;
        self
    }

    /// Returns a scheduler with these settings. It sends nothing by itself before it is
    /// [started](BatchScheduler::start).
    #[must_use]
    pub fn build(self) -> BatchScheduler {
        BatchScheduler::of(self)
    }

    pub(super) fn rules(&self) -> Rules {
        Rules {
            interval: millis(self.interval),
            longest_wait: millis(self.longest_wait),
            busy_batches: self.busy_batches,
        }
    }

    /// How long an update waits at most before its batch goes, if it may go.
    pub(super) fn interval_of(&self, is_critical: bool) -> Duration {
        if is_critical { Duration::ZERO } else { self.interval.min(self.longest_wait) }
    }
}

impl fmt::Debug for BatchSchedulerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BatchSchedulerBuilder")
            .field("batch_size", &self.batch_size)
            .field("interval", &self.interval)
            .field("max_pending", &self.max_pending)
            .field("retries", &self.retries)
            .field("concurrency", &self.concurrency)
            .finish_non_exhaustive()
    }
}
