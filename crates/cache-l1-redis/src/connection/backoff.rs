//! How long to wait before the next try.

use std::{ops::RangeInclusive, time::Duration};

/// Pauses that double, each cut to a random part of itself, so that a fleet does not return at once.
#[derive(Debug)]
pub(crate) struct Backoff {
    range: RangeInclusive<Duration>,
    next: Duration,
}

impl Backoff {
    pub(crate) fn new(range: RangeInclusive<Duration>) -> Self {
        Self { next: *range.start(), range }
    }

    /// The next pause: from nothing up to twice what it was last time.
    pub(crate) fn pause(&mut self) -> Duration {
        let pause = self.next.mul_f64(fastrand::f64());
        self.next = (self.next * 2).min(*self.range.end());
        pause
    }

    pub(crate) fn reset(&mut self) {
        self.next = *self.range.start();
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
}
