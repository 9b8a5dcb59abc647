//! When a bar is final, and how many final ones are asked for again.

use std::collections::BTreeMap;

use cache_core::Timestamp;
use jiff::{SignedDuration, Span, ToSpan, civil::Date, tz::TimeZone};
use market_calendar::Calendar;
use market_data::{
    Asset, Bar, BarTime, DateRange, Interval,
    moment::{from_jiff, to_jiff},
};

use crate::MarketTime;

/// How many final bars are asked for again, unless something else is said.
const WINDOW: usize = 3;
/// How long after the end of a day in UTC the day is over everywhere.
const OVER_EVERYWHERE: SignedDuration = SignedDuration::from_hours(12);

/// How series are kept: when a bar is final, and how many final ones are asked for again.
///
/// A bar is final once its time has ended and has [settled](crate::TtlRules::settle), by the calendar of its
/// market. Final bars are asked for once. The latest of them, the *revision window*, are asked for again with
/// what is not yet final: they show corrections, and whether a split or a dividend has changed the bars before
/// them.
///
/// ```
/// use cache_market::{MarketTime, SeriesRules};
/// use market_data::Interval;
///
/// let rules = SeriesRules::new(MarketTime::default()).window(5).window_of(Interval::Week, 1);
/// assert_eq!((rules.window_at(Interval::Day), rules.window_at(Interval::Week)), (5, 1));
/// ```
#[derive(Clone, Debug)]
pub struct SeriesRules {
    time: MarketTime,
    window: usize,
    windows: BTreeMap<Interval, usize>,
}

impl SeriesRules {
    /// Rules that go by these calendars and this time to settle, with a revision window of 3 bars.
    #[must_use]
    pub fn new(time: MarketTime) -> Self {
        Self { time, window: WINDOW, windows: BTreeMap::new() }
    }

    /// How many final bars are asked for again; at least 1, without which no split would be seen.
    #[must_use]
    pub fn window(self, bars: usize) -> Self {
        Self { window: bars.max(1), ..self }
    }

    /// How many of an interval.
    #[must_use]
    pub fn window_of(mut self, interval: Interval, bars: usize) -> Self {
        self.windows.insert(interval, bars.max(1));
        self
    }

    /// Returns how many final bars of an interval are asked for again.
    #[must_use]
    pub fn window_at(&self, interval: Interval) -> usize {
        self.windows.get(&interval).copied().unwrap_or(self.window)
    }

    /// Returns whether an asset must have been traded on some of these days; `true` for several of a market
    /// without a calendar.
    pub(crate) fn has_sessions(&self, asset: &Asset, days: DateRange) -> bool {
        match self.time.calendars().of(asset.market) {
            Some(calendar) => calendar.sessions(days.from, days.to).next().is_some(),
            None => days.from < days.to,
        }
    }

    /// Returns what says of bars of an asset whether they are final.
    pub(crate) fn finality(&self, asset: &Asset, interval: Interval) -> Finality {
        let settle = SignedDuration::try_from(self.time.rules().settle).unwrap_or(SignedDuration::MAX);
        Finality { calendar: self.time.calendars().of(asset.market).cloned(), interval, settle }
    }
}

impl Default for SeriesRules {
    /// By the built-in calendars and the default time to settle.
    fn default() -> Self {
        Self::new(MarketTime::default())
    }
}

/// When bars of one series are final.
pub(crate) struct Finality {
    calendar: Option<Calendar>,
    interval: Interval,
    settle: SignedDuration,
}

impl Finality {
    /// Returns how many of the bars, from the earliest, were final when they were asked for.
    pub(crate) fn final_bars(&self, bars: &[Bar], asked: Timestamp) -> usize {
        bars.partition_point(|bar| self.settled_at(bar) <= asked)
    }

    /// Returns when a bar is final.
    fn settled_at(&self, bar: &Bar) -> Timestamp {
        let end = match (bar.time, self.interval.span()) {
            (BarTime::Moment(begin), span) => to_jiff(begin.after(span.unwrap_or_default())),
            (BarTime::Day(date), _) => self.day_ends(date),
        };
        from_jiff(end.saturating_add(self.settle).unwrap_or(jiff::Timestamp::MAX))
    }

    /// Returns when a bar ends whose first day is this. The last day of some weekly bars is what others take for
    /// the first: then it ends too late, which costs little.
    fn day_ends(&self, date: Date) -> jiff::Timestamp {
        let length: Span = match self.interval {
            Interval::Week => 1.week(),
            Interval::Month => 1.month(),
            Interval::Quarter => 3.months(),
            Interval::Year => 1.year(),
            _ => match self.calendar.as_ref().and_then(|calendar| calendar.session_on(date)) {
                Some(session) => return session.close,
                None => 1.day(),
            },
        };
        let next = date.saturating_add(length);
        let midnight = next.to_zoned(TimeZone::UTC).map_or(jiff::Timestamp::MAX, |at| at.timestamp());
        midnight.saturating_add(OVER_EVERYWHERE).unwrap_or(jiff::Timestamp::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar(time: BarTime) -> Bar {
        Bar { time, open: 1.0, high: 1.0, low: 1.0, close: 1.0, adjusted_close: None, volume: None }
    }

    fn at(text: &str) -> Timestamp {
        from_jiff(text.parse().unwrap())
    }

    #[test]
    fn a_bar_is_final_once_its_time_has_ended_and_settled() {
        let day = |text: &str| BarTime::Day(text.parse().unwrap());
        for (asset, interval, time, settled) in [
            ("AAPL", Interval::Day, day("2020-01-02"), "2020-01-02T21:20:00Z"),
            // A day without a session, and a market without a calendar: once the day is over everywhere.
            ("AAPL", Interval::Day, day("2020-01-04"), "2020-01-05T12:20:00Z"),
            ("AAPL", Interval::Week, day("2019-12-30"), "2020-01-06T12:20:00Z"),
            ("AAPL", Interval::Month, day("2020-02-01"), "2020-03-01T12:20:00Z"),
            ("AAPL", Interval::Minutes5, BarTime::Moment(at("2020-01-02T15:00:00Z")), "2020-01-02T15:25:00Z"),
        ] {
            let finality = SeriesRules::default().finality(&asset.parse().unwrap(), interval);
            let settled = at(settled);
            let before = Timestamp::from_micros(settled.as_micros() - 1);
            let finals = [before, settled].map(|asked| finality.final_bars(&[bar(time)], asked));
            assert_eq!(finals, [0, 1], "{asset} {interval} {time:?}");
        }
    }

    #[test]
    fn a_window_has_a_bar_at_least() {
        let rules = SeriesRules::default().window(0).window_of(Interval::Day, 0);
        assert_eq!((rules.window_at(Interval::Day), rules.window_at(Interval::Hour)), (1, 1));
        assert_eq!(SeriesRules::default().window_at(Interval::Day), WINDOW);
    }
}
