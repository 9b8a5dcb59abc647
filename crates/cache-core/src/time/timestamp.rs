//! Moments, in microseconds since 1970.

use std::time::Duration;

/// A moment, in microseconds since 1970-01-01T00:00:00Z. Arithmetic saturates.
///
/// The unit is the microsecond because 2^53 of them reach the year 2255, so a moment survives a store that
/// computes in doubles.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// Before every moment a clock can show.
    pub const MIN: Self = Self(i64::MIN);
    /// After every moment a clock can show: "never".
    pub const MAX: Self = Self(i64::MAX);

    /// Returns the moment `micros` microseconds after the epoch.
    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Returns the microseconds since the epoch.
    #[must_use]
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// Returns the moment `span` after this one, at most [`Timestamp::MAX`].
    #[must_use]
    pub fn after(self, span: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(span.as_micros()).unwrap_or(i64::MAX)))
    }

    /// Returns the moment `span` before this one, at least [`Timestamp::MIN`].
    #[must_use]
    pub fn before(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(span.as_micros()).unwrap_or(i64::MAX)))
    }

    /// Returns the time from `earlier` to this moment; zero if `earlier` is later than this moment.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_19_huge_spans_saturate() {
        assert_eq!(Timestamp::from_micros(5).after(Duration::MAX), Timestamp::MAX);
        assert_eq!(Timestamp::MIN.since(Timestamp::MAX), Duration::ZERO);
        assert!(Timestamp::MAX.since(Timestamp::MIN) > Duration::from_secs(u64::from(u32::MAX)));
    }
}
