//! Series of one instrument: the requests for its candles, and the bars they make.

use jiff::{SignedDuration, Timestamp, ToSpan, civil::Date, tz::Offset};
use serde::{Deserialize, Serialize};

use super::{candles::Candles, pricing::trading_day};
use crate::{
    BarTime, DateRange, Interval, Series, SeriesId,
    http::HttpRequest,
    moment::to_jiff,
    parse::{ParseError, Plausibility, moment},
};

/// The most candles in one reply.
pub(super) const MOST: i32 = 5_000;

/// The intervals it offers, OANDA's names for them, and the shortest time each can cover, in minutes.
pub(super) const INTERVALS: &[(Interval, &str, i64)] = &[
    (Interval::Minute, "M1", 1),
    (Interval::Minutes2, "M2", 2),
    (Interval::Minutes5, "M5", 5),
    (Interval::Minutes10, "M10", 10),
    (Interval::Minutes15, "M15", 15),
    (Interval::Minutes30, "M30", 30),
    (Interval::Hour, "H1", 60),
    (Interval::Hours2, "H2", 120),
    (Interval::Hours4, "H4", 240),
    (Interval::Day, "D", 23 * 60),
    (Interval::Week, "W", 7 * 23 * 60),
    (Interval::Month, "M", 28 * 23 * 60),
];

/// The price that candles are made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CandlePrice {
    /// The middle between bid and ask.
    #[default]
    Mid,
    /// The bid.
    Bid,
    /// The ask.
    Ask,
}

/// Returns OANDA's name of an interval; `None` if it doesn't offer it.
pub(super) fn granularity(interval: Interval) -> Option<&'static str> {
    INTERVALS.iter().find(|(known, ..)| *known == interval).map(|(_, granularity, _)| *granularity)
}

/// Returns the requests for a series, each for no more candles than a reply can hold; without a range, for
/// the latest ones. `None` if the interval isn't offered.
pub(super) fn calls(
    name: &str,
    id: &SeriesId,
    price: CandlePrice,
    now: Timestamp,
) -> Option<Vec<HttpRequest>> {
    let (_, granularity, minutes) = INTERVALS.iter().find(|(known, ..)| *known == id.interval)?;
    let side = match price {
        CandlePrice::Mid => "M",
        CandlePrice::Bid => "B",
        CandlePrice::Ask => "A",
    };
    // Aligned so that each candle begins with a trading day, and a week with Monday's.
    let call = HttpRequest::get(["v3", "instruments", name, "candles"])
        .query("granularity", *granularity)
        .query("price", side)
        .query("dailyAlignment", "17")
        .query("alignmentTimezone", "America/New_York")
        .query("weeklyAlignment", "Sunday");
    let Some(range) = id.range else { return Some(vec![call.query("count", MOST.to_string())]) };
    let within = |(from, to): (Timestamp, Timestamp)| {
        call.clone().query("from", from.to_string()).query("to", to.to_string())
    };
    Some(windows(range, SignedDuration::from_mins(i64::from(MOST - 1) * minutes), now).map(within).collect())
}

/// Returns the days in any time zone up to `now`, in steps. The end of one is the beginning of the next.
fn windows(
    range: DateRange,
    step: SignedDuration,
    now: Timestamp,
) -> impl Iterator<Item = (Timestamp, Timestamp)> {
    let midnight = |day: Date| Offset::UTC.to_timestamp(day.at(0, 0, 0, 0)).unwrap_or(Timestamp::UNIX_EPOCH);
    let end = midnight(range.to.saturating_add(2.days())).min(now);
    let mut from = midnight(range.from.saturating_sub(2.days())).max(OLDEST);
    std::iter::from_fn(move || {
        let to = from.saturating_add(step).unwrap_or(end).min(end);
        let window = (from, to);
        (std::mem::replace(&mut from, to) < end).then_some(window)
    })
}

/// Before the oldest candle there is.
const OLDEST: Timestamp = Timestamp::constant(946_684_800, 0);

/// Returns the first day of which there are candles; no candle is asked for from before.
pub(super) fn first_day() -> Date {
    Offset::UTC.to_datetime(OLDEST).date()
}

/// Returns the series `id` from the candles of all its requests, with or without the unfinished one.
///
/// # Errors
///
/// As [`Plausibility::series`].
pub(super) fn series(
    id: &SeriesId,
    told: &[Candles],
    unfinished: bool,
    judge: &Plausibility,
) -> Result<Series, ParseError> {
    let last = told.last().and_then(|candles| candles.unfinished).filter(|_| unfinished);
    let candles = told.iter().flat_map(|candles| candles.complete.iter().copied()).chain(last);
    let bars = candles
        .map(|candle| {
            let day = trading_day(candle.begin)?;
            let begin = if id.interval.is_intraday() { moment(candle.begin) } else { BarTime::Day(day) };
            Ok((day, candle.begins(begin)))
        })
        .collect::<Result<Vec<_>, ParseError>>()?;
    let series = judge.series(id, bars)?;
    // As many as a reply can hold: there are more before the first, whose day may be cut.
    let cut = id.range.is_none() && series.bars.len() + 1 >= MOST as usize;
    let first = series.bars.first().filter(|_| cut).map(|first| trading_day_of(first.time)).transpose()?;
    let complete_from = first.map(|first| first.saturating_add(1.day())).or(series.complete_from);
    Ok(Series { complete_from, ..series })
}

fn trading_day_of(time: BarTime) -> Result<Date, ParseError> {
    match time {
        BarTime::Day(day) => Ok(day),
        BarTime::Moment(at) => trading_day(to_jiff(at)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::adapters::oanda::candles::read;

    const NOW: Timestamp = Timestamp::constant(1_600_000_000, 0);

    fn calls_of(id: &str) -> Vec<String> {
        let calls = calls("EUR_USD", &id.parse().unwrap(), CandlePrice::Mid, NOW).unwrap();
        calls.iter().map(|call| format!("{call:?}")).collect()
    }

    #[test]
    fn without_a_range_the_latest_are_asked_for_and_with_one_its_days() {
        let latest = calls_of("EUR_USD@FX:5m");
        assert!(
            latest.len() == 1 && latest[0].ends_with("&count=5000") && latest[0].contains("=M5&price=M&")
        );
        let days = calls_of("EUR_USD@FX:1d:2020-01-06..2020-01-07");
        assert!(
            days.len() == 1
                && days[0].ends_with("&from=2020-01-04T00%3A00%3A00Z&to=2020-01-09T00%3A00%3A00Z")
        );
        assert!(calls("EUR_USD", &"EUR_USD@FX:1y".parse().unwrap(), CandlePrice::Mid, NOW).is_none());
        assert!(
            calls_of("EUR_USD@FX:1d:2030-01-01..2030-01-02").is_empty(),
            "nothing is asked of the future"
        );
    }

    proptest! {
        #[test]
        fn windows_leave_no_gap_and_are_no_longer_than_a_call_may_be(year in 1990..2030_i16, days in 0..4_000_i64, step in 60..100_000_i64) {
            let from = jiff::civil::date(year, 3, 1);
            let range = DateRange::new(from, from.saturating_add(days.days())).unwrap();
            let step = SignedDuration::from_mins(step);
            let windows: Vec<_> = windows(range, step, NOW).collect();
            prop_assert!(windows.windows(2).all(|pair| pair[0].1 == pair[1].0));
            prop_assert!(windows.iter().all(|(from, to)| from < to && to.duration_since(*from) <= step && *to <= NOW));
            if let (Some(first), Some(last)) = (windows.first(), windows.last()) {
                let midnight = |day: Date| Offset::UTC.to_timestamp(day.at(0, 0, 0, 0)).unwrap();
                prop_assert!(first.0 < midnight(range.from) || first.0 == OLDEST);
                prop_assert!(last.1 > midnight(range.to) || last.1 == NOW);
            }
        }
    }

    #[test]
    fn an_unfinished_candle_is_left_out_unless_it_is_wanted() {
        let candle = |time: &str, complete: bool| {
            format!(
                r#"{{"time":"{time}","volume":1,"complete":{complete},"mid":{{"o":"1","h":"2","l":"1","c":"2"}}}}"#
            )
        };
        let candles = [candle("2016-10-16T21:00:00Z", true), candle("2016-10-17T21:00:00Z", false)].join(",");
        let body = format!(r#"{{"instrument":"EUR_USD","granularity":"D","candles":[{candles}]}}"#);
        let told = [read(body.as_bytes()).unwrap()];
        let days = |unfinished| {
            let judge = Plausibility::new(cache_core::Clock::system());
            let series = series(&"EUR_USD@FX:1d".parse().unwrap(), &told, unfinished, &judge).unwrap();
            series.bars.iter().map(|bar| bar.date().to_string()).collect::<Vec<_>>()
        };
        assert_eq!(
            (days(false), days(true)),
            (vec!["2016-10-17".to_owned()], vec!["2016-10-17".into(), "2016-10-18".into()])
        );
    }
}
