//! The clock: the time that all judge by, the system's, a server's or a manual one.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use super::{
    kernel::{coarse_steady, coarse_wall, steady, wall},
    manual::{Manual, ManualSleep},
    set_back::SetBack,
    steering::{Measurement, Steering},
};
use crate::{Timestamp, sync::Mutex};

/// The clock of a cache: the system's, or a manual one for tests. Clones show the same time.
///
/// Until a server's time is known, it shows the wall clock of this machine. From the first
/// [`Clock::synchronise`] on it shows the server's time, which all nodes share that know the same server; then
/// a wall clock that is wrong, or jumps, changes nothing.
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
pub struct Clock(pub(super) Arc<Inner>);

pub(super) struct Inner {
    manual: Option<Arc<Manual>>,
    /// What is added to the steady clock; `FOLLOWS_WALL` as long as no server's time is known.
    pub(super) base: AtomicI64,
    /// By how much that may be wrong, in microseconds.
    pub(super) error: AtomicI64,
    /// What is added to the wall clock: see `shift_wall`.
    shift: AtomicI64,
    /// What is added to the wall clock since it was set back: see `notice_set_back`.
    lead: AtomicI64,
    set_back: Mutex<SetBack>,
    /// How far the wall clock was ahead of the steady one at most when something was born since the last look.
    pub(super) most_ahead: AtomicI64,
    /// See `unknown_until`.
    unknown_until: AtomicI64,
    steering: Mutex<Steering>,
    /// The latest moment that `tick` returned or `observe` was shown.
    pub(super) last: AtomicI64,
}

/// The base of a clock that shows the wall clock.
pub(super) const FOLLOWS_WALL: i64 = i64::MIN;

impl Clock {
    /// Returns the system's clock.
    #[must_use]
    pub fn system() -> Self {
        Self::new(None)
    }

    fn new(manual: Option<Arc<Manual>>) -> Self {
        Self(Arc::new(Inner {
            manual,
            base: AtomicI64::new(FOLLOWS_WALL),
            error: AtomicI64::new(0),
            shift: AtomicI64::new(0),
            lead: AtomicI64::new(0),
            set_back: Mutex::default(),
            most_ahead: AtomicI64::new(i64::MIN),
            unknown_until: AtomicI64::new(i64::MIN),
            steering: Mutex::default(),
            last: AtomicI64::new(i64::MIN),
        }))
    }

    /// Returns a clock that starts at 2020-01-01T00:00:00Z and moves only by [`Clock::advance`].
    #[must_use]
    pub fn manual() -> Self {
        let manual = Manual { now: AtomicI64::new(1_577_836_800_000_000), sleepers: Mutex::default() };
        Self::new(Some(Arc::new(manual)))
    }

    /// Whether `other` is this clock, a clone of it included. Two system clocks are two: what the one learns of a
    /// server's time the other does not.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Returns the present moment. Two calls may return the same, and a system clock may be set back.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        match self.0.base.load(Ordering::Relaxed) {
            FOLLOWS_WALL => {
                let lead = self.0.lead.load(Ordering::Relaxed);
                Timestamp::from_micros(self.wall().as_micros().saturating_add(lead))
            }
            base => Timestamp::from_micros(self.steady().saturating_add(base)),
        }
    }

    /// Returns what the wall clock of this machine shows, whatever time servers have.
    fn wall(&self) -> Timestamp {
        let wall = match &self.0.manual {
            Some(manual) => manual.now.load(Ordering::SeqCst),
            None => wall(),
        };
        Timestamp::from_micros(wall.saturating_add(self.0.shift.load(Ordering::Relaxed)))
    }

    /// Returns the microseconds of a clock that nobody sets, to be given to [`Clock::synchronise`].
    #[must_use]
    pub fn steady(&self) -> i64 {
        match &self.0.manual {
            Some(manual) => manual.now.load(Ordering::SeqCst),
            None => steady(),
        }
    }

    /// Returns the time since [`Clock::steady`] showed this.
    #[must_use]
    pub fn elapsed(&self, steady: i64) -> Duration {
        Duration::from_micros(u64::try_from(self.steady().saturating_sub(steady)).unwrap_or(0))
    }

    /// Takes a server's time, which was asked for when [`Clock::steady`] was `asked` and has just come. Of several
    /// servers the one of the lowest `rank` counts. Nodes that hear the same server show the same time, as exact
    /// as half of the shortest of the last round trips.
    pub fn synchronise(&self, rank: u8, asked: i64, server: Timestamp) {
        let at = self.steady();
        let error = (at - asked).max(0) / 2 + 1;
        let base = server.as_micros().saturating_sub(asked.saturating_add(at - asked - error));
        // Under the lock, so that of two threads the later one's base stays.
        let mut steering = self.0.steering.lock();
        if let Some((base, error)) = steering.learn(rank, Measurement { at, base, error }) {
            self.0.base.store(base, Ordering::Relaxed);
            self.0.error.store(error, Ordering::Relaxed);
        }
    }

    /// Whether tiers should give this clock the time of their servers: a manual clock moves by hand alone.
    #[must_use]
    pub fn follows_servers(&self) -> bool {
        self.0.manual.is_none()
    }

    /// Returns by how many microseconds this machine's wall clock is ahead of the servers' time; `None` if
    /// that is not known.
    #[must_use]
    pub fn wall_ahead(&self) -> Option<i64> {
        match self.0.base.load(Ordering::Relaxed) {
            FOLLOWS_WALL => None,
            base => Some(self.wall().as_micros().saturating_sub(self.steady().saturating_add(base))),
        }
    }

    /// Looks whether the wall clock was set back since the last call; to be called about once a second. If it was,
    /// by no more than a minute, this clock goes on as if it had not been, so that no life gets longer. If it was
    /// set back further, this clock follows it, and returns by how much: nobody can tell any more how old
    /// anything is that was born before.
    pub fn notice_set_back(&self) -> Option<Duration> {
        let mut set_back = self.0.set_back.lock();
        if self.0.base.load(Ordering::Relaxed) != FOLLOWS_WALL {
            *set_back = SetBack::default();
            return None;
        }
        // Whatever was born meanwhile was born by a clock that may have been ahead for a moment only.
        set_back.note(self.0.most_ahead.swap(i64::MIN, Ordering::Relaxed));
        let ahead = self.ahead();
        let (lead, jump) = set_back.look(ahead);
        self.0.lead.store(lead, Ordering::Relaxed);
        if let Some(jump) = jump {
            self.observe(self.wall().after(jump));
            self.0.unknown_until.fetch_max(self.0.last.load(Ordering::SeqCst), Ordering::SeqCst);
        }
        jump
    }

    /// Returns by how much the wall clock is ahead of the steady one.
    pub(super) fn ahead(&self) -> i64 {
        // In this order: a pause in between makes the wall clock look late, which the next call puts right.
        let wall = self.wall().as_micros();
        wall.saturating_sub(self.steady())
    }

    /// As [`Clock::observe`], for what this machine stored under an earlier process. If the clock is more than a
    /// minute behind it, the clock was set back since.
    pub fn resume(&self, seen: Timestamp) {
        self.observe(seen);
        if seen > self.now().after(Duration::from_secs(60)) {
            self.0.unknown_until.fetch_max(seen.as_micros(), Ordering::SeqCst);
        }
    }

    /// Returns the moment up to which births say nothing of an age, since the clock was set back far after them.
    #[must_use]
    pub fn unknown_until(&self) -> Timestamp {
        Timestamp::from_micros(self.0.unknown_until.load(Ordering::SeqCst))
    }

    /// Sets by how many microseconds the wall clock is wrong as this clock sees it, for tests of clocks that
    /// differ or jump. Clones see the same.
    pub fn shift_wall(&self, micros: i64) {
        self.0.shift.store(micros, Ordering::Relaxed);
    }

    /// Returns the present moment or a little later, for hot paths: never earlier than [`Clock::now`] and at
    /// most two kernel ticks later (8 ms at 250 Hz), so that an entry judged by it dies early, never late.
    ///
    /// On Linux this reads the kernel's tick instead of the processor's counter, at a fifth of the cost.
    /// Elsewhere, and on a manual clock, it is [`Clock::now`].
    #[must_use]
    #[inline]
    pub fn coarse(&self) -> Timestamp {
        if self.0.manual.is_some() {
            return self.now();
        }
        Timestamp::from_micros(match self.0.base.load(Ordering::Relaxed) {
            FOLLOWS_WALL => {
                let (shift, lead) = (&self.0.shift, &self.0.lead);
                coarse_wall() + shift.load(Ordering::Relaxed) + lead.load(Ordering::Relaxed)
            }
            base => coarse_steady().saturating_add(base),
        })
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
        let manual = self.0.manual.as_ref()?;
        // By the steady clock, so that what a server says meanwhile changes nothing.
        let ahead = self.now().as_micros() - manual.now.load(Ordering::SeqCst);
        let deadline = Timestamp::from_micros(deadline.as_micros().saturating_sub(ahead));
        Some(ManualSleep { manual: Arc::clone(manual), deadline })
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

#[cfg(test)]
mod tests {
    use std::{
        pin::Pin,
        task::{Context, Waker},
    };

    use super::*;

    #[test]
    fn a_birth_from_ahead_is_overtaken_by_the_next_one() {
        let clock = Clock::manual();
        let ahead = clock.now().after(Duration::from_secs(3600));
        clock.observe(ahead);
        assert!(clock.tick() > ahead && clock.now() < ahead);
    }

    #[test]
    fn rule_104_a_wall_clock_that_is_wrong_and_jumps_changes_nothing_once_a_server_was_heard() {
        for clock in [Clock::manual(), Clock::system()] {
            let server = clock.now();
            clock.shift_wall(-30_000_000);
            assert!(clock.now() < server && clock.wall_ahead().is_none());
            clock.synchronise(0, clock.steady(), server);
            for shift in [-30_000_000, 0, 3_600_000_000, -86_400_000_000] {
                clock.shift_wall(shift);
                for now in [clock.now(), clock.coarse(), clock.tick()] {
                    assert!(
                        now >= server && now.since(server) < Duration::from_secs(1),
                        "{now:?} {server:?}"
                    );
                }
                let ahead = clock.wall_ahead().unwrap();
                assert!((ahead - shift).abs() < 1_000_000, "{ahead} instead of {shift}");
            }
        }
    }

    #[test]
    fn rule_104_sleeps_of_a_manual_clock_last_as_long_whatever_a_server_says_meanwhile() {
        let clock = Clock::manual();
        let mut sleep = clock.manual_sleep(clock.now().after(Duration::from_secs(10))).unwrap();
        let mut context = Context::from_waker(Waker::noop());
        assert!(Pin::new(&mut sleep).poll(&mut context).is_pending());
        clock.synchronise(0, clock.steady(), clock.now().after(Duration::from_secs(3600)));
        clock.advance(Duration::from_secs(9));
        assert!(Pin::new(&mut sleep).poll(&mut context).is_pending());
        clock.advance(Duration::from_secs(1));
        assert!(Pin::new(&mut sleep).poll(&mut context).is_ready());
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
