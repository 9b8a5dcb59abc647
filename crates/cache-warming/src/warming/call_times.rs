//! How the time of a call grows with its keys, from what calls took: callers wait for the calls that are filled.

use std::time::Duration;

/// By how much of its own time a call may be made longer by the keys that fill it.
const MOST_LONGER: f64 = 0.25;

/// How much what was noted before counts, each time something is.
const KEPT: f64 = 0.98;

/// How many calls have to be noted before they tell anything.
const LEAST_CALLS: f64 = 8.0;

/// Sums for a line through what calls of several sizes took, older calls counting for less.
#[derive(Debug, Default)]
pub(super) struct CallTimes {
    calls: f64,
    keys: f64,
    seconds: f64,
    keys_squared: f64,
    products: f64,
}

impl CallTimes {
    /// Notes what a call of so many keys took.
    pub(super) fn note(&mut self, keys: usize, took: Duration) {
        let (keys, seconds) = (keys as f64, took.as_secs_f64());
        for (sum, term) in [
            (&mut self.calls, 1.0),
            (&mut self.keys, keys),
            (&mut self.seconds, seconds),
            (&mut self.keys_squared, keys * keys),
            (&mut self.products, keys * seconds),
        ] {
            *sum = *sum * KEPT + term;
        }
    }

    /// Returns how many of the `free` places of a call with so many keys may be filled: as many as make it longer
    /// by a quarter at most.
    pub(super) fn places(&self, keys: usize, free: usize) -> usize {
        let spread = self.calls * self.keys_squared - self.keys * self.keys;
        if self.calls < LEAST_CALLS || spread <= self.calls {
            return free;
        }
        let a_key = (self.calls * self.products - self.keys * self.seconds) / spread;
        let base = (self.seconds - a_key * self.keys) / self.calls;
        let own_time = base.max(0.0) + a_key * keys as f64;
        if a_key <= 0.0 { free } else { free.min((own_time * MOST_LONGER / a_key) as usize) }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::{collection::vec, prop_assert, proptest};

    use super::CallTimes;

    proptest! {
        #[test]
        fn a_call_is_made_longer_by_a_quarter_at_most(
            base in 1.0..500.0_f64, a_key in 0.5..50.0_f64, sizes in vec(1..50_usize, 30..60),
        ) {
            let mut times = CallTimes::default();
            let took = |keys: usize| (base + a_key * keys as f64) / 1000.0;
            for keys in [1, 50].into_iter().chain(sizes) {
                times.note(keys, Duration::from_secs_f64(took(keys)));
            }
            for keys in [1, 10, 40] {
                let filled = keys + times.places(keys, 50 - keys);
                prop_assert!(took(filled) <= took(keys) * 1.26, "{keys} are filled to {filled}");
                let one_more = took(filled + 2);
                prop_assert!(filled == 50 || one_more > took(keys) * 1.24, "{keys} could be {}", filled + 2);
            }
        }

        #[test]
        fn a_call_whose_time_does_not_grow_is_filled(took in 1..500_u64, sizes in vec(1..50_usize, 30..60)) {
            let mut times = CallTimes::default();
            for keys in sizes {
                times.note(keys, Duration::from_millis(took));
            }
            prop_assert!(times.places(1, 49) >= 48);
        }
    }
}
