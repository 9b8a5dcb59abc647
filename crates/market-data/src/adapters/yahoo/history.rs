//! The history of one name: the request for its chart, and the series it makes.

use jiff::{SignedDuration, Timestamp, ToSpan, civil::Date, tz::Offset};

use super::chart::Chart;
use crate::{
    BarTime, DateRange, Interval, Series, SeriesId,
    http::HttpRequest,
    parse::{ParseError, Plausibility, RawBar, moment},
};

/// The intervals it offers, and Yahoo's names for them.
pub(super) const INTERVALS: &[(Interval, &str)] = &[
    (Interval::Minute, "1m"),
    (Interval::Minutes2, "2m"),
    (Interval::Minutes5, "5m"),
    (Interval::Minutes15, "15m"),
    (Interval::Minutes30, "30m"),
    (Interval::Hour, "60m"),
    (Interval::Day, "1d"),
    (Interval::Week, "1wk"),
    (Interval::Month, "1mo"),
    (Interval::Quarter, "3mo"),
];

/// A moment before the oldest bar, in seconds since 1970: the year 1900.
const OLDEST: i64 = -2_208_988_800;

/// Returns the request for the chart of `name`; `None` if the interval isn't offered. Without a range it
/// asks for all bars up to `now`; of intraday bars Yahoo keeps few.
pub(super) fn call(
    name: &str,
    interval: Interval,
    range: Option<DateRange>,
    now: Timestamp,
) -> Option<HttpRequest> {
    let (_, called) = INTERVALS.iter().find(|(known, _)| *known == interval)?;
    let oldest = begin_of_all(interval, now);
    let (from, to) = range.map_or_else(|| (oldest, now.as_second()), seconds);
    let from = from.max(oldest);
    // Of the days to come there are no bars, and of a year far off Yahoo knows nothing.
    let to = to.min(now.as_second().saturating_add(2 * 86_400)).max(from);
    let call = HttpRequest::get(["v8", "finance", "chart", name])
        .query("interval", *called)
        .query("period1", from.to_string())
        .query("period2", to.to_string())
        .query("events", "div|split")
        .query("includePrePost", "false");
    Some(call)
}

/// Returns whether a chart has bars of an interval. Of an interval that it doesn't have in a range, Yahoo sends
/// another; one of an hour has two names.
pub(super) fn is_of(chart: &Chart, interval: Interval) -> bool {
    let told = chart.granularity.as_deref().map(|told| if told == "1h" { "60m" } else { told });
    told.is_none_or(|told| INTERVALS.contains(&(interval, told)))
}

/// Returns the first day of which Yahoo has all bars within a day; `None` for longer intervals.
pub(super) fn complete_from(interval: Interval, now: Timestamp) -> Option<Date> {
    let oldest = Timestamp::from_second(begin_of_all(interval, now)).ok()?;
    interval.is_intraday().then(|| Offset::UTC.to_datetime(oldest).date().saturating_add(1.day()))
}

/// Returns how far back Yahoo keeps intraday bars, according to its errors about longer ranges.
fn begin_of_all(interval: Interval, now: Timestamp) -> i64 {
    let days = match interval {
        Interval::Minute => 7,
        Interval::Hour => 729,
        _ if interval.is_intraday() => 59,
        _ => return OLDEST,
    };
    now.checked_sub(SignedDuration::from_hours(24 * days)).map_or(OLDEST, |from| from.as_second())
}

/// Returns the range with a day more at either end, for any time zone; the answer is cut to the days asked for.
fn seconds(range: DateRange) -> (i64, i64) {
    let second = |day: Date| Offset::UTC.to_timestamp(day.at(0, 0, 0, 0)).map_or(OLDEST, |at| at.as_second());
    (second(range.from.saturating_sub(1.day())).max(OLDEST), second(range.to.saturating_add(2.days())))
}

/// Returns the series `id` from a chart.
///
/// # Errors
///
/// As [`Plausibility::series`].
pub(super) fn series(id: &SeriesId, chart: &Chart, judge: &Plausibility) -> Result<Series, ParseError> {
    let day = |at: Timestamp| chart.zone.to_datetime(at).date();
    if id.interval.is_intraday() {
        let bars =
            chart.candles.iter().map(|candle| (day(candle.begin), candle.begins(moment(candle.begin))));
        return judge.series(id, bars);
    }
    let days = chart.candles.iter().map(|candle| candle.begins(day(candle.begin)));
    let bars = joined(days, id.interval);
    judge.series(id, bars.into_iter().map(|candle| (candle.begin, candle.begins(BarTime::Day(candle.begin)))))
}

/// Joins the last bar to the one before if it is a part of it: during a week or month, Yahoo gives today's
/// trading as a bar of its own.
fn joined(candles: impl Iterator<Item = RawBar<Date>>, interval: Interval) -> Vec<RawBar<Date>> {
    let mut bars: Vec<RawBar<Date>> = candles.collect();
    if let [.., before, today] = bars.as_mut_slice()
        && interval != Interval::Day
        && today.begin < end(before.begin, interval)
    {
        before.high = before.high.max(today.high);
        before.low = before.low.min(today.low);
        before.close = today.close;
        before.adjusted_close = today.adjusted_close;
        before.volume = match (before.volume, today.volume) {
            (Some(volume), Some(more)) => Some(volume.saturating_add(more)),
            (one, other) => one.or(other),
        };
        bars.pop();
    }
    bars
}

/// Returns the day after the last day of the bar that begins on `first`.
fn end(first: Date, interval: Interval) -> Date {
    match interval {
        Interval::Week => first.saturating_add(1.week()),
        Interval::Month => first.saturating_add(1.month()),
        Interval::Quarter => first.saturating_add(3.months()),
        _ => first,
    }
}

#[cfg(test)]
mod tests {
    use cache_core::Clock;
    use serde_json::json;

    use super::*;
    use crate::adapters::yahoo::chart::{Said, read};

    /// Returns a chart of bars that begin at these moments, each priced by its place.
    fn chart(zone: &str, times: &[&str]) -> Chart {
        let at = |text: &&str| text.parse::<Timestamp>().unwrap().as_second();
        let prices: Vec<usize> = (1..=times.len()).collect();
        let body = json!({"chart": {"error": null, "result": [{
            "meta": {"symbol": "X", "currency": "USD", "exchangeTimezoneName": zone},
            "timestamp": times.iter().map(at).collect::<Vec<_>>(),
            "indicators": {"quote": [{"open": prices, "high": prices, "low": prices, "close": prices, "volume": prices}]},
        }]}});
        match read(body.to_string().as_bytes()).unwrap() {
            Said::Chart(chart) => chart,
            said => panic!("{said:?}"),
        }
    }

    fn series(id: &SeriesId, chart: &Chart) -> Result<Series, ParseError> {
        super::series(id, chart, &Plausibility::new(Clock::system()))
    }

    fn days(id: &str, chart: &Chart) -> Vec<String> {
        series(&id.parse().unwrap(), chart).unwrap().bars.iter().map(|bar| bar.date().to_string()).collect()
    }

    #[test]
    fn a_day_is_that_of_the_exchange_in_summer_and_winter() {
        let london = chart("Europe/London", &["2020-01-01T00:00:00Z", "2020-06-30T23:00:00Z"]);
        assert_eq!(days("EUR_USD@FX:1d", &london), ["2020-01-01", "2020-07-01"]);
        let sydney = chart("Australia/Sydney", &["2020-01-01T23:00:00Z", "2020-07-02T00:00:00Z"]);
        assert_eq!(days("CBA@XASX:1d", &sydney), ["2020-01-02", "2020-07-02"]);
    }

    #[test]
    fn days_that_were_not_asked_for_are_cut_off() {
        let tokyo =
            chart("Asia/Tokyo", &["2020-01-06T00:00:00Z", "2020-01-07T00:00:00Z", "2020-01-08T00:00:00Z"]);
        assert_eq!(days("7203@XTKS:1d:2020-01-07..2020-01-07", &tokyo), ["2020-01-07"]);
        let minutes = series(&"7203@XTKS:1m:2020-01-08..2020-01-09".parse().unwrap(), &tokyo).unwrap();
        assert_eq!(minutes.bars.len(), 1);
    }

    #[test]
    fn of_two_bars_of_today_the_later_stays() {
        let twice = chart(
            "America/New_York",
            &["2020-01-02T14:30:00Z", "2020-01-03T14:30:00Z", "2020-01-03T15:01:00Z"],
        );
        let series = series(&"AAPL:1d".parse().unwrap(), &twice).unwrap();
        assert_eq!(series.bars.iter().map(|bar| bar.close).collect::<Vec<_>>(), [1.0, 3.0]);
    }

    #[test]
    fn today_is_a_part_of_the_week_that_lasts() {
        let weeks = chart(
            "America/New_York",
            &["2020-01-06T05:00:00Z", "2020-01-13T05:00:00Z", "2020-01-15T18:00:00Z"],
        );
        let series = series(&"AAPL:1w".parse().unwrap(), &weeks).unwrap();
        let last = series.bars.last().unwrap();
        assert_eq!((series.bars.len(), last.date().to_string()), (2, "2020-01-13".to_owned()));
        assert_eq!((last.open, last.high, last.low, last.close, last.volume), (2.0, 3.0, 2.0, 3.0, Some(5)));
        let done = chart("America/New_York", &["2020-01-06T05:00:00Z", "2020-01-13T05:00:00Z"]);
        assert_eq!(days("AAPL:1w", &done).len(), 2);
    }

    #[test]
    fn a_range_is_asked_for_with_a_day_to_spare_in_any_zone() {
        let now = "2020-06-01T00:00:00Z".parse().unwrap();
        let range = "2020-01-02..2020-01-03".parse().ok();
        let shown = |call: Option<HttpRequest>| format!("{:?}", call.unwrap());
        let some = shown(call("^GSPC", Interval::Day, range, now));
        let begins = "GET v8/finance/chart/%5EGSPC?interval=1d&period1=1577836800&period2=1578182400&";
        assert!(some.starts_with(begins), "{some}");
        let all = shown(call("AAPL", Interval::Minute, None, now));
        assert!(all.contains("interval=1m&period1=1590364800&period2=1590969600&"), "{all}");
        assert!(call("AAPL", Interval::Hours4, None, now).is_none());
    }

    #[test]
    fn ranges_at_the_ends_of_time_are_asked_for_too() {
        let range = DateRange::new(Date::MIN, Date::MAX).ok();
        let call = call("AAPL", Interval::Day, range, Timestamp::MAX).unwrap();
        assert!(format!("{call:?}").contains("period1=-2208988800&"));
    }
}
