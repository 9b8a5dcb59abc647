//! Births: moments that are unique, by which of two writes one always came first.

use std::sync::atomic::Ordering;

use super::clock::{Clock, FOLLOWS_WALL};
use crate::Timestamp;

/// The most by which a put is dated ahead, in microseconds, for what the clocks of other nodes may differ.
const MAX_MARGIN: i64 = 5_000;

impl Clock {
    /// Returns the present moment made unique: later than every earlier `tick` of this clock, so that of
    /// two writes one always came first.
    #[must_use]
    pub fn tick(&self) -> Timestamp {
        self.tick_ahead(0)
    }

    /// Returns a [`Clock::tick`] for a put: later than what other nodes began to load before now, though their
    /// clocks differ by as much as measurements of a server's time may be wrong.
    #[must_use]
    pub fn tick_put(&self) -> Timestamp {
        self.tick_ahead(self.margin())
    }

    /// Returns a [`Clock::tick`] for a removal: later than what other nodes put or began to load before now,
    /// though their clocks differ as in [`Clock::tick_put`].
    #[must_use]
    pub fn tick_removal(&self) -> Timestamp {
        self.tick_ahead(2 * self.margin())
    }

    fn margin(&self) -> i64 {
        self.0.error.load(Ordering::Relaxed).min(MAX_MARGIN)
    }

    /// The margin is counted from the present moment and not from the last tick, or many puts would run away.
    fn tick_ahead(&self, margin: i64) -> Timestamp {
        let least = self.now().as_micros().saturating_add(margin);
        if self.0.base.load(Ordering::Relaxed) == FOLLOWS_WALL {
            self.0.most_ahead.fetch_max(self.ahead(), Ordering::Relaxed);
        }
        let mut last = self.0.last.load(Ordering::SeqCst);
        loop {
            let next = least.max(last.saturating_add(1));
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
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

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
    fn rule_104_a_put_is_dated_ahead_by_what_is_not_known_of_the_servers_time_and_a_removal_by_more() {
        for (round_trip, margin) in [(4_000, 2_000), (10_000_000, 5_000)] {
            let clock = Clock::manual();
            let (asked, server) = (clock.steady(), clock.now());
            clock.advance(Duration::from_micros(round_trip));
            clock.synchronise(0, asked, server);
            let put = clock.tick_put();
            assert!(put >= clock.now().after(Duration::from_micros(margin)), "{round_trip}");
            assert!(put <= clock.now().after(Duration::from_micros(margin + 2)), "{round_trip}");
            let removal = clock.tick_removal();
            assert!(removal >= put.after(Duration::from_micros(margin)), "another node put it: {round_trip}");
            assert!(clock.tick() > removal, "what is put next wins");
        }
    }

    #[test]
    fn rule_104_many_puts_and_removals_are_dated_no_further_ahead_than_one() {
        let clock = Clock::manual();
        let (asked, server) = (clock.steady(), clock.now());
        clock.advance(Duration::from_micros(4_000));
        clock.synchronise(0, asked, server);
        let mut last = Timestamp::MIN;
        for _ in 0..1000 {
            for tick in [clock.tick_put(), clock.tick_removal(), clock.tick()] {
                assert!(tick > last, "{tick:?} after {last:?}");
                last = tick;
            }
        }
        assert!(last <= clock.now().after(Duration::from_micros(4_002 + 3 * 1000)), "{last:?}");
    }
}
