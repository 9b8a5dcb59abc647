//! How long something took, as a histogram of bounded size.

use std::time::Duration;

use cache_core::sync::Mutex;
use hdrhistogram::Histogram;

/// What takes longer counts as this, in microseconds: ten minutes.
const LONGEST: u64 = 600_000_000;

/// Durations, in microseconds, to two digits.
#[derive(Debug)]
pub(crate) struct Durations(Mutex<Histogram<u32>>);

impl Default for Durations {
    fn default() -> Self {
        let histogram = Histogram::new_with_bounds(1, LONGEST, 2);
        Self(Mutex::new(histogram.unwrap_or_else(|_| unreachable!("the bounds are a constant"))))
    }
}

impl Durations {
    /// Notes one.
    pub(crate) fn note(&self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.0.lock().saturating_record(micros.clamp(1, LONGEST));
    }

    /// Returns what `read` makes of them.
    pub(crate) fn with<T>(&self, read: impl FnOnce(&Histogram<u32>) -> T) -> T {
        read(&self.0.lock())
    }
}
