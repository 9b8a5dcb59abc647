//! How long to wait before the next attempt: growing, random pauses.

use std::{
    hash::{BuildHasher, Hasher, RandomState},
    ops::RangeInclusive,
    time::Duration,
};

use crate::time::ttl::{mix, unit_interval};

/// Pauses before attempts. Their limit doubles from one attempt to the next, and each is a random part of
/// its limit, so that many nodes that lost the same server do not come back at the same moment.
///
/// ```
/// use std::time::Duration;
/// use cache_core::Backoff;
///
/// let mut backoff = Backoff::new(Duration::from_millis(50)..=Duration::from_secs(2));
/// assert!(backoff.pause() <= Duration::from_millis(50));
/// assert!(backoff.pause() <= Duration::from_millis(100));
/// backoff.reset();
/// assert!(backoff.pause() <= Duration::from_millis(50));
/// ```
#[derive(Debug)]
pub struct Backoff {
    range: RangeInclusive<Duration>,
    limit: Duration,
    random: u64,
}

impl Backoff {
    /// Returns a backoff whose first pause is at most the start of `range`, and whose pauses are at most its
    /// end.
    #[must_use]
    pub fn new(range: RangeInclusive<Duration>) -> Self {
        Self { limit: *range.start(), range, random: RandomState::new().build_hasher().finish() }
    }

    /// Returns the next pause: a random part of a limit that doubles each time.
    pub fn pause(&mut self) -> Duration {
        self.random = mix(self.random);
        let unit = unit_interval(self.random);
        let limit = self.limit;
        self.limit = limit.saturating_mul(2).min(*self.range.end());
        Duration::try_from_secs_f64(limit.as_secs_f64() * unit).map_or(limit, |pause| pause.min(limit))
    }

    /// Returns the next pause, of at least half its limit: for a caller that must leave the other side some
    /// time in any case.
    pub fn pause_at_least_half(&mut self) -> Duration {
        let half = self.limit / 2;
        half + self.pause() / 2
    }

    /// Starts again with the first limit, after an attempt that succeeded.
    pub fn reset(&mut self) {
        self.limit = *self.range.start();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_38_pauses_grow_within_their_range_and_differ() {
        let (least, most) = (Duration::from_millis(50), Duration::from_secs(2));
        let mut backoffs: Vec<Backoff> = (0..100).map(|_| Backoff::new(least..=most)).collect();
        for limit in [50, 100, 200, 400, 800, 1600, 2000, 2000] {
            let mut pauses: Vec<Duration> = backoffs.iter_mut().map(Backoff::pause).collect();
            assert!(pauses.iter().all(|pause| *pause <= Duration::from_millis(limit)));
            pauses.sort_unstable();
            let spread = pauses[89] - pauses[9];
            assert!(spread > Duration::from_millis(limit / 2), "{spread:?} of {limit}");
        }
        backoffs[0].reset();
        assert!(backoffs[0].pause() <= least);
    }

    #[test]
    fn a_pause_of_at_least_half_lies_in_the_upper_half_of_its_limit() {
        let mut backoff = Backoff::new(Duration::from_millis(50)..=Duration::from_millis(200));
        for limit in [50, 100, 200, 200] {
            let (half, limit) = (Duration::from_millis(limit / 2), Duration::from_millis(limit));
            assert!((half..=limit).contains(&backoff.pause_at_least_half()), "{limit:?}");
        }
    }

    #[test]
    fn pauses_without_end_and_without_length_do_not_overflow() {
        for range in [Duration::MAX..=Duration::MAX, Duration::ZERO..=Duration::ZERO] {
            let mut backoff = Backoff::new(range.clone());
            for _ in 0..100 {
                assert!(backoff.pause() <= *range.end());
            }
        }
    }
}
