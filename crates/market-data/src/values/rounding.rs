//! Widens ranges of days to whole bars, so that nearly equal requests share an entry.

use cache_core::Timestamp;
use jiff::{
    ToSpan,
    civil::{Date, date},
    tz::TimeZone,
};

use crate::{DateRange, Interval, SeriesId, moment};

impl DateRange {
    /// The days from one moment to another, in a market's time zone, so that a request for "the last thirty
    /// days" is the same one all day long. The moments may come in either order.
    #[must_use]
    pub fn covering(one: Timestamp, other: Timestamp, zone: &TimeZone) -> Self {
        let day = |at| zone.to_datetime(moment::to_jiff(at)).date();
        let (one, other) = (day(one), day(other));
        Self { from: one.min(other), to: one.max(other) }
    }

    /// Widens the range to whole bars of an interval: to days for bars of a day and less, to weeks from
    /// Monday, to months, quarters and years. It covers the range it is made from, and widening it again
    /// changes nothing.
    ///
    /// ```
    /// use market_data::{DateRange, Interval};
    ///
    /// let asked: DateRange = "2020-02-05..2020-03-30".parse()?;
    /// assert_eq!(asked.widened(Interval::Minutes5), asked);
    /// assert_eq!(asked.widened(Interval::Week).to_string(), "2020-02-03..2020-04-05");
    /// assert_eq!(asked.widened(Interval::Month).to_string(), "2020-02-01..2020-03-31");
    /// # Ok::<(), market_data::Invalid>(())
    /// ```
    #[must_use]
    pub fn widened(self, interval: Interval) -> Self {
        Self { from: first_day(self.from, interval), to: last_day(self.to, interval) }
    }
}

impl SeriesId {
    /// Widens the range to whole bars, as [`DateRange::widened`] does: the id under which to cache the series.
    #[must_use]
    pub fn rounded(self) -> Self {
        Self { range: self.range.map(|range| range.widened(self.interval)), ..self }
    }
}

/// Returns the first day of the bar that contains `day`.
fn first_day(day: Date, interval: Interval) -> Date {
    match interval {
        Interval::Week => day.saturating_sub(i64::from(day.weekday().to_monday_zero_offset()).days()),
        Interval::Month => day.first_of_month(),
        Interval::Quarter => date(day.year(), (day.month() - 1) / 3 * 3 + 1, 1),
        Interval::Year => day.first_of_year(),
        _ => day,
    }
}

/// Returns the last day of the bar that contains `day`.
fn last_day(day: Date, interval: Interval) -> Date {
    match interval {
        Interval::Week => day.saturating_add(i64::from(6 - day.weekday().to_monday_zero_offset()).days()),
        Interval::Month => day.last_of_month(),
        Interval::Quarter => date(day.year(), (day.month() - 1) / 3 * 3 + 3, 1).last_of_month(),
        Interval::Year => day.last_of_year(),
        _ => day,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn day() -> impl Strategy<Value = Date> {
        (-9999..=9999_i16, 1..=12_i8, 1..=28_i8).prop_map(|(year, month, day)| date(year, month, day))
    }

    proptest! {
        #[test]
        fn a_widened_range_covers_what_was_asked_for_and_stays(
            one in day(), other in day(), interval in prop::sample::select(Interval::ALL.to_vec()),
        ) {
            let asked = DateRange { from: one.min(other), to: one.max(other) };
            let widened = asked.widened(interval);
            prop_assert!(widened.from <= asked.from && asked.to <= widened.to);
            prop_assert_eq!(widened.widened(interval), widened);
        }

        /// All days of one bar round to the same.
        #[test]
        fn days_of_one_bar_share_an_entry(day in day(), step in 0..400_i64, interval in prop::sample::select(Interval::ALL.to_vec())) {
            let bar = DateRange { from: day, to: day }.widened(interval);
            let other = day.saturating_add(step.days());
            let same = DateRange { from: other, to: other }.widened(interval) == bar;
            prop_assert_eq!(same, other <= bar.to);
        }

        #[test]
        fn moments_become_the_days_of_the_market(one: i64, other: i64) {
            let zone = TimeZone::fixed(jiff::tz::offset(9));
            let (one, other) = (Timestamp::from_micros(one), Timestamp::from_micros(other));
            let range = DateRange::covering(one, other, &zone);
            prop_assert!(range.from <= range.to);
            prop_assert_eq!(DateRange::covering(other, one, &zone), range);
        }
    }

    #[test]
    fn the_day_is_the_markets_not_utcs() {
        // 2020-01-01T20:00Z is the second of January in Tokyo.
        let at = Timestamp::from_micros(1_577_908_800_000_000);
        let range = |hours| DateRange::covering(at, at, &TimeZone::fixed(jiff::tz::offset(hours)));
        assert_eq!((range(0).from.day(), range(9).from.day()), (1, 2));
    }
}
