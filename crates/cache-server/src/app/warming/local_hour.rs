//! The hour of a market, by which demand is learnt.

use cache_core::Timestamp;
use cache_warming::LocalHour;
use jiff::tz::TimeZone;
use market_data::moment::to_jiff;

/// Returns which hour of the day and day of the week a moment is in, in a time zone.
pub(super) fn local_hour(zone: &TimeZone, at: Timestamp) -> LocalHour {
    let time = zone.to_datetime(to_jiff(at));
    LocalHour {
        hour: time.hour().unsigned_abs(),
        weekday: time.weekday().to_monday_zero_offset().unsigned_abs(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_are_those_of_the_market_before_and_after_clocks_change() {
        let zone = TimeZone::get("America/New_York").unwrap();
        let hour = |text: &str| {
            let at: jiff::Timestamp = text.parse().unwrap();
            let LocalHour { hour, weekday } = local_hour(&zone, Timestamp::from_micros(at.as_microsecond()));
            (hour, weekday)
        };
        assert_eq!(hour("2020-01-06T10:00:00Z"), (5, 0), "a Monday in winter");
        assert_eq!(hour("2020-07-06T10:00:00Z"), (6, 0), "a Monday in summer");
        assert_eq!(hour("2020-07-06T03:00:00Z"), (23, 6), "still Sunday");
    }
}
