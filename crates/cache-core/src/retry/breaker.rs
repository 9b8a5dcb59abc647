//! The circuit breaker: after failures in a row calls are held off, then one call probes.

use std::time::Duration;

use crate::Timestamp;

/// A circuit breaker, as plain state that its owner locks. Failures in a row open it.
///
/// ```
/// use std::time::Duration;
/// use cache_core::{Breaker, Clock};
///
/// let (clock, pause) = (Clock::manual(), Duration::from_secs(5));
/// let mut breaker = Breaker::new(2, pause);
/// for _ in 0..2 {
///     breaker.admit(clock.now()).unwrap();
///     breaker.record(false, clock.now());
/// }
/// assert_eq!(breaker.admit(clock.now()), Err(clock.now().after(pause)));
/// clock.advance(pause);
/// assert!(breaker.admit(clock.now()).is_ok(), "one call may probe");
/// assert!(breaker.admit(clock.now()).is_err(), "and no other until it reports");
/// breaker.record(true, clock.now());
/// assert!(!breaker.is_open());
/// ```
#[derive(Debug)]
pub struct Breaker {
    failures: u32,
    pause: Duration,
    state: State,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// Calls are admitted; so many failed in a row.
    Closed(u32),
    /// No call is admitted before this moment.
    Open(Timestamp),
    /// One call has been probing since this moment.
    Probing(Timestamp),
}

impl Breaker {
    /// Returns a closed breaker that opens after `failures` in a row, at least one, and stays open for
    /// `pause`.
    #[must_use]
    pub fn new(failures: u32, pause: Duration) -> Self {
        Self { failures: failures.max(1), pause, state: State::Closed(0) }
    }

    /// Admits a call, whose outcome the caller reports by [`Breaker::record`].
    ///
    /// # Errors
    ///
    /// If no call is admitted now, the moment from which one may be.
    pub fn admit(&mut self, now: Timestamp) -> Result<(), Timestamp> {
        self.ready(now)?;
        if self.is_open() {
            self.state = State::Probing(now);
        }
        Ok(())
    }

    /// Returns whether [`Breaker::admit`] would admit a call, without admitting one.
    ///
    /// # Errors
    ///
    /// As [`Breaker::admit`].
    pub fn ready(&self, now: Timestamp) -> Result<(), Timestamp> {
        let next = match self.state {
            State::Closed(_) => return Ok(()),
            State::Open(until) => until,
            // A probe that was dropped never reports, so another is admitted after a pause.
            State::Probing(since) => since.after(self.pause),
        };
        if now < next { Err(next) } else { Ok(()) }
    }

    /// Reports the outcome of an admitted call.
    pub fn record(&mut self, succeeded: bool, now: Timestamp) {
        self.state = match (succeeded, self.state) {
            (true, _) => State::Closed(0),
            (false, State::Closed(failed)) if failed + 1 < self.failures => State::Closed(failed + 1),
            (false, State::Open(until)) => State::Open(until),
            (false, _) => State::Open(now.after(self.pause)),
        };
    }

    /// Whether calls are held off.
    #[must_use]
    pub fn is_open(&self) -> bool {
        !matches!(self.state, State::Closed(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAUSE: Duration = Duration::from_secs(5);
    const START: Timestamp = Timestamp::from_micros(0);

    fn open() -> Breaker {
        let mut breaker = Breaker::new(3, PAUSE);
        for _ in 0..3 {
            assert!(breaker.admit(START).is_ok());
            breaker.record(false, START);
        }
        breaker
    }

    #[test]
    fn only_failures_in_a_row_open_it() {
        let mut breaker = Breaker::new(3, PAUSE);
        for turn in 1..100 {
            breaker.record(turn % 3 == 0, START);
            assert!(!breaker.is_open(), "two in a row at most");
        }
        assert!(open().is_open());
    }

    #[test]
    fn a_failed_probe_opens_it_anew_and_one_that_never_reports_is_replaced() {
        let mut breaker = open();
        let later = START.after(PAUSE);
        assert_eq!(breaker.admit(later), Ok(()));
        assert_eq!(breaker.admit(later), Err(later.after(PAUSE)), "one at a time");
        breaker.record(false, later);
        assert_eq!(breaker.admit(later), Err(later.after(PAUSE)));

        let again = later.after(PAUSE);
        assert_eq!(breaker.admit(again), Ok(()));
        assert_eq!(breaker.admit(again.after(PAUSE)), Ok(()), "the first never reported");
        breaker.record(true, again);
        assert!(!breaker.is_open());
    }

    #[test]
    fn one_that_was_let_through_before_it_opened_and_fails_late_does_not_prolong_it() {
        let mut breaker = open();
        breaker.record(false, START.after(PAUSE / 2));
        assert_eq!(breaker.admit(START.after(PAUSE)), Ok(()));
    }
}
