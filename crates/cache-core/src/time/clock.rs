//! The clock: the only place that reads the wall clock, and a manual clock for tests.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    task::{Context, Poll, Waker},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use crate::{Timestamp, sync::Mutex};

/// The clock of a cache: the system's, or a manual one for tests. Clones show the same time.
///
/// ```
/// use std::time::Duration;
/// use cache_core::Clock;
///
/// let clock = Clock::manual();
/// let before = clock.now();
/// clock.advance(Duration::from_secs(90));
/// assert_eq!(clock.now().since(before), Duration::from_secs(90));
/// ```
#[derive(Clone)]
pub struct Clock(Arc<Inner>);

struct Inner {
    manual: Option<Manual>,
    /// The latest moment that `tick` returned or `observe` was shown.
    last: AtomicI64,
}

impl Clock {
    /// Returns the system's wall clock.
    #[must_use]
    pub fn system() -> Self {
        Self(Arc::new(Inner { manual: None, last: AtomicI64::new(i64::MIN) }))
    }

    /// Returns a clock that starts at 2020-01-01T00:00:00Z and moves only by [`Clock::advance`].
    #[must_use]
    pub fn manual() -> Self {
        let manual = Manual { now: AtomicI64::new(1_577_836_800_000_000), sleepers: Mutex::default() };
        Self(Arc::new(Inner { manual: Some(manual), last: AtomicI64::new(i64::MIN) }))
    }

    /// Returns the present moment. Two calls may return the same, and a system clock may be set back.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        match &self.0.manual {
            Some(manual) => Timestamp::from_micros(manual.now.load(Ordering::SeqCst)),
            None => wall(),
        }
    }

    /// Returns the present moment or a little later, for hot paths: never earlier than [`Clock::now`] and at
    /// most two kernel ticks later (8 ms at 250 Hz), so that an entry judged by it dies early, never late.
    ///
    /// On Linux this reads the kernel's tick instead of the processor's counter, at a fifth of the cost.
    /// Elsewhere, and on a manual clock, it is [`Clock::now`].
    #[must_use]
    #[inline]
    pub fn coarse(&self) -> Timestamp {
        match &self.0.manual {
            Some(manual) => Timestamp::from_micros(manual.now.load(Ordering::SeqCst)),
            None => coarse_wall(),
        }
    }

    /// Returns the present moment made unique: later than every earlier `tick` of this clock, so that of
    /// two writes one always came first.
    #[must_use]
    pub fn tick(&self) -> Timestamp {
        let now = self.now().as_micros();
        let mut last = self.0.last.load(Ordering::SeqCst);
        loop {
            let next = now.max(last.saturating_add(1));
            match self.0.last.compare_exchange_weak(last, next, Ordering::SeqCst, Ordering::SeqCst) {
                Ok(_) => return Timestamp::from_micros(next),
                Err(seen) => last = seen,
            }
        }
    }

    /// Makes every later [`Clock::tick`] later than `seen`, so that new writes win over a birth of another
    /// process's clock, or from before this clock was set back. [`Clock::now`] is not changed.
    pub fn observe(&self, seen: Timestamp) {
        self.0.last.fetch_max(seen.as_micros(), Ordering::SeqCst);
    }

    /// Moves a manual clock forward and wakes the sleeps that are due.
    ///
    /// # Panics
    ///
    /// On a system clock.
    pub fn advance(&self, span: Duration) {
        match &self.0.manual {
            Some(manual) => manual.advance(span),
            None => panic!("only a manual clock can be advanced"),
        }
    }

    /// Returns a sleep until `deadline` on a manual clock. On a system clock it returns `None`: the caller
    /// uses the timer of its runtime, since this crate has none.
    #[must_use]
    pub fn manual_sleep(&self, deadline: Timestamp) -> Option<ManualSleep> {
        self.0.manual.is_some().then(|| ManualSleep { clock: self.clone(), deadline })
    }

    /// Returns the number of sleeps pending on a manual clock, for a test to wait for before it advances.
    #[must_use]
    pub fn sleepers(&self) -> usize {
        self.0.manual.as_ref().map_or(0, |manual| manual.sleepers.lock().len())
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::system()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = if self.0.manual.is_some() { "Clock::manual" } else { "Clock::system" };
        f.debug_tuple(name).field(&self.now()).finish()
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place where the wall clock is read")]
fn wall() -> Timestamp {
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(span) => Timestamp::from_micros(i64::try_from(span.as_micros()).unwrap_or(i64::MAX)),
        Err(before) => {
            Timestamp::from_micros(-i64::try_from(before.duration().as_micros()).unwrap_or(i64::MAX))
        }
    }
}

#[cfg(target_os = "linux")]
#[inline]
fn coarse_wall() -> Timestamp {
    use rustix::time::{ClockId, Timespec, clock_getres, clock_gettime};

    /// How far the coarse clock may be behind, in microseconds: one tick, and one until the kernel records
    /// it.
    static MAX_COARSE_LAG: std::sync::LazyLock<i64> =
        std::sync::LazyLock::new(|| 2 * micros(clock_getres(ClockId::RealtimeCoarse)));

    fn micros(Timespec { tv_sec, tv_nsec }: Timespec) -> i64 {
        tv_sec.saturating_mul(1_000_000).saturating_add(tv_nsec / 1_000)
    }

    Timestamp::from_micros(micros(clock_gettime(ClockId::RealtimeCoarse)).saturating_add(*MAX_COARSE_LAG))
}

#[cfg(not(target_os = "linux"))]
#[inline]
fn coarse_wall() -> Timestamp {
    wall()
}

struct Manual {
    now: AtomicI64,
    sleepers: Mutex<Vec<(Timestamp, Waker)>>,
}

impl Manual {
    fn advance(&self, span: Duration) {
        let mut sleepers = self.sleepers.lock();
        let now = Timestamp::from_micros(self.now.load(Ordering::SeqCst)).after(span);
        self.now.store(now.as_micros(), Ordering::SeqCst);
        let due: Vec<Waker> =
            sleepers.extract_if(.., |(deadline, _)| *deadline <= now).map(|(_, waker)| waker).collect();
        drop(sleepers);
        due.into_iter().for_each(Waker::wake);
    }
}

/// A sleep on a manual clock; see [`Clock::manual_sleep`].
#[derive(Debug)]
pub struct ManualSleep {
    clock: Clock,
    deadline: Timestamp,
}

impl Future for ManualSleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let Some(manual) = &self.clock.0.manual else { return Poll::Ready(()) };
        let mut sleepers = manual.sleepers.lock();
        if self.clock.now() >= self.deadline {
            return Poll::Ready(());
        }
        let waker = context.waker();
        if !sleepers.iter().any(|(at, known)| *at == self.deadline && known.will_wake(waker)) {
            sleepers.push((self.deadline, waker.clone()));
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_unique_and_never_behind_the_clock() {
        let clock = Clock::manual();
        let first = clock.tick();
        let second = clock.tick();
        assert!(first < second && clock.now() <= first);
        clock.advance(Duration::from_secs(1));
        assert_eq!(clock.tick(), clock.now());
    }

    #[test]
    fn a_birth_from_ahead_is_overtaken_by_the_next_one() {
        let clock = Clock::manual();
        let ahead = clock.now().after(Duration::from_secs(3600));
        clock.observe(ahead);
        assert!(clock.tick() > ahead && clock.now() < ahead);
    }

    #[test]
    fn the_coarse_clock_is_never_behind_and_little_ahead() {
        let clock = Clock::system();
        for _ in 0..10_000 {
            let before = clock.now();
            let coarse = clock.coarse();
            let after = clock.now();
            assert!(coarse >= before, "{before:?} {coarse:?}");
            assert!(coarse.since(after) <= Duration::from_millis(20), "{coarse:?} {after:?}");
        }
    }
}
