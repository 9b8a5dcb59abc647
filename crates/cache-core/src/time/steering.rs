//! Steering: how a clock follows the time of a server that several nodes share.

use std::collections::VecDeque;

/// How many measurements are compared; the most exact of them counts.
const KEPT: usize = 8;

/// By how many parts of a million two clocks may run apart.
const DRIFT_PPM: i64 = 100;

/// A measurement that is less exact is not used once there is a better one, in microseconds.
const WORST_ERROR: i64 = 250_000;

/// For how long a server of a lower rank is not listened to after one of a higher rank was heard.
const PATIENCE: i64 = 5 * 60 * 1_000_000;

/// What was measured of servers' clocks. All numbers are microseconds.
#[derive(Debug, Default)]
pub(super) struct Steering {
    /// What is added to the steady clock now, if a server was ever heard.
    base: Option<i64>,
    /// The rank of the server that is followed, 0 the highest.
    rank: u8,
    heard_at: i64,
    recent: VecDeque<Measurement>,
}

/// By how much a server's clock is ahead of the steady clock.
#[derive(Clone, Copy, Debug)]
pub(super) struct Measurement {
    /// When it was measured, by the steady clock.
    pub(super) at: i64,
    pub(super) base: i64,
    /// By how much that may be wrong: half the round trip.
    pub(super) error: i64,
}

impl Measurement {
    fn error_at(self, now: i64) -> i64 {
        self.error + (now - self.at).max(0).saturating_mul(DRIFT_PPM) / 1_000_000
    }
}

impl Steering {
    /// Takes a measurement of a server of this rank. Returns what to add to the steady clock from now on, and by
    /// how much that may be wrong; `None` if it changes nothing.
    ///
    /// Forward the clock moves at once, and so it does at first. Back it moves by no more than half of the time
    /// that has passed, so that it shows later and later times as long as servers are heard.
    pub(super) fn learn(&mut self, rank: u8, new: Measurement) -> Option<(i64, i64)> {
        if self.base.is_some() {
            let too_low = rank > self.rank && new.at - self.heard_at < PATIENCE;
            if too_low || new.error > WORST_ERROR {
                return None;
            }
        }
        let best = self.recent.iter().min_by_key(|known| known.error_at(new.at)).copied();
        // What contradicts was another server, or its clock was set.
        let contradicts =
            |known: Measurement| (known.base - new.base).abs() > known.error_at(new.at) + new.error;
        if rank != self.rank || best.is_some_and(contradicts) {
            self.recent.clear();
        }
        let passed = new.at - self.heard_at;
        (self.rank, self.heard_at) = (rank, new.at);
        self.recent.truncate(KEPT - 1);
        self.recent.push_front(new);
        let best = self.recent.iter().min_by_key(|known| known.error_at(new.at)).copied().unwrap_or(new);
        let base = match self.base {
            Some(base) => best.base.max(base - passed.max(0) / 2),
            None => best.base,
        };
        self.base = Some(base);
        Some((base, best.error_at(new.at)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: i64 = 1_000_000;

    fn measured(at: i64, base: i64, error: i64) -> Measurement {
        Measurement { at, base, error }
    }

    #[test]
    fn rule_104_the_first_measurement_counts_at_once_in_either_direction() {
        for base in [30 * SECOND, -30 * SECOND] {
            assert_eq!(Steering::default().learn(0, measured(0, base, 100)), Some((base, 100)));
        }
    }

    #[test]
    fn rule_104_a_server_whose_clock_is_behind_is_followed_slowly_and_one_ahead_at_once() {
        let mut steering = Steering::default();
        steering.learn(0, measured(0, 0, 100));
        let back = steering.learn(0, measured(5 * SECOND, -30 * SECOND, 100)).unwrap();
        assert_eq!(back.0, -5 * SECOND / 2);
        let ahead = steering.learn(0, measured(10 * SECOND, 60 * SECOND, 100)).unwrap();
        assert_eq!(ahead.0, 60 * SECOND);
    }

    #[test]
    fn rule_104_of_two_servers_the_first_in_rank_is_followed_until_it_is_long_gone() {
        let mut steering = Steering::default();
        steering.learn(1, measured(0, 10, 1));
        assert_eq!(steering.learn(0, measured(SECOND, 500, 1)), Some((500, 1)));
        assert_eq!(steering.learn(1, measured(2 * SECOND, 9_000, 1)), None);
        assert!(steering.learn(1, measured(SECOND + PATIENCE, 9_000, 1)).is_some());
    }

    proptest! {
        /// Whatever the round trips and their asymmetry, the clock is no more wrong than the best of the last
        /// measurements could be, and never shows an earlier time than before at the moment of the next one.
        #[test]
        fn rule_104_the_clock_is_as_exact_as_the_best_measurement(
            trips in prop::collection::vec((1_i64..400_000, 0.0_f64..1.0, SECOND..6 * SECOND), 1..60)
        ) {
            let (mut steering, mut at, mut shown) = (Steering::default(), 0, i64::MIN);
            let truth = 7 * SECOND;
            for (trip, share, pause) in trips {
                // The server reads its clock after `share` of the trip; half of it is what is assumed.
                let base = truth + (trip as f64 * (share - 0.5)) as i64;
                at += pause;
                if let Some((base, error)) = steering.learn(0, measured(at, base, trip / 2 + 1)) {
                    prop_assert!((base - truth).abs() <= error + 1, "{base} is off by more than {error}");
                    prop_assert!(at + base >= shown);
                    shown = at + base;
                }
            }
        }
    }

    #[test]
    fn rule_104_what_contradicts_a_better_measurement_counts_and_what_is_inexact_does_not() {
        let mut steering = Steering::default();
        assert_eq!(steering.learn(0, measured(0, 0, 10)), Some((0, 10)));
        assert_eq!(
            steering.learn(0, measured(SECOND, 5 * SECOND, WORST_ERROR + 1)),
            None,
            "it took too long"
        );
        let set_ahead = measured(2 * SECOND, 3 * SECOND, 1000);
        assert_eq!(steering.learn(0, set_ahead), Some((3 * SECOND, 1000)), "the server's clock was set");
    }
}
