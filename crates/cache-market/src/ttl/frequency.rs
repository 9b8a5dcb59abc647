//! How the interval of a series scales its life.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::human_duration;
use market_data::{Interval, Invalid};

/// The factors by which lives are multiplied, by the interval of the bars; an interval between two takes the
/// shorter one's factor. No life is shortened below `floor`.
///
/// The factors of minutes (0.1) and years (16), and the floor of a minute, are the data layer's; the others lie
/// between, each from a day on twice the one before.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "named for what they are")]
pub struct Frequency {
    pub minute: f64,
    pub hour: f64,
    pub day: f64,
    pub week: f64,
    pub month: f64,
    pub quarter: f64,
    pub year: f64,
    #[serde(with = "human_duration")]
    pub floor: Duration,
}

impl Default for Frequency {
    fn default() -> Self {
        Self {
            minute: 0.1,
            hour: 0.5,
            day: 1.0,
            week: 2.0,
            month: 4.0,
            quarter: 8.0,
            year: 16.0,
            floor: Duration::from_secs(60),
        }
    }
}

impl Frequency {
    /// Returns the factor of an interval.
    #[must_use]
    pub fn factor(&self, interval: Interval) -> f64 {
        match interval {
            _ if interval < Interval::Hour => self.minute,
            _ if interval < Interval::Day => self.hour,
            _ if interval < Interval::Week => self.day,
            _ if interval < Interval::Month => self.week,
            _ if interval < Interval::Quarter => self.month,
            _ if interval < Interval::Year => self.quarter,
            _ => self.year,
        }
    }

    /// Returns the life of a series at this interval, given the life of daily bars.
    #[must_use]
    pub fn scale(&self, life: Duration, interval: Interval) -> Duration {
        let seconds = life.as_secs_f64() * self.factor(interval);
        let scaled = Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX);
        // A life that is shorter than the floor before scaling stays as it is.
        scaled.max(self.floor.min(life))
    }

    pub(super) fn check(&self) -> Result<(), Invalid> {
        let Self { minute, hour, day, week, month, quarter, year, .. } = *self;
        for (name, factor) in [
            ("minute", minute),
            ("hour", hour),
            ("day", day),
            ("week", week),
            ("month", month),
            ("quarter", quarter),
            ("year", year),
        ] {
            if !(factor > 0.0 && factor <= 1_000.0) {
                return Err(Invalid::new(format!(
                    "frequency.{name} is {factor}: a factor is above 0 and at most 1000"
                )));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn longer_intervals_never_live_shorter() {
        let frequency = Frequency::default();
        let lives: Vec<_> =
            Interval::ALL.iter().map(|one| frequency.scale(Duration::from_secs(3_600), *one)).collect();
        assert!(lives.is_sorted(), "{lives:?}");
        assert_eq!(frequency.scale(Duration::from_secs(3_600), Interval::Minutes5), Duration::from_secs(360));
        assert_eq!(frequency.scale(Duration::from_secs(3_600), Interval::Year), Duration::from_secs(57_600));
    }

    #[test]
    fn the_floor_holds_but_lengthens_nothing() {
        let scale =
            |seconds| Frequency::default().scale(Duration::from_secs(seconds), Interval::Minute).as_secs();
        assert_eq!((scale(300), scale(60), scale(20), scale(0)), (60, 60, 20, 0));
        assert_eq!(Frequency::default().scale(Duration::MAX, Interval::Year), Duration::MAX);
    }
}
