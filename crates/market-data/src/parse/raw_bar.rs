//! Bars as parsed, before they are checked, and the series they make.

use jiff::{Timestamp, civil::Date};

use crate::{
    AssetType, Bar, BarTime, DateRange, Series, SeriesId,
    moment::{from_jiff, to_jiff},
    parse::{ParseError, check},
};

/// A bar as parsed; `At` is the type of its time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct RawBar<At = Timestamp> {
    pub(crate) begin: At,
    pub(crate) open: f64,
    pub(crate) high: f64,
    pub(crate) low: f64,
    pub(crate) close: f64,
    pub(crate) adjusted_close: Option<f64>,
    pub(crate) volume: u64,
}

impl<At> RawBar<At> {
    /// Replaces its time.
    pub(crate) fn begins<Other>(self, begin: Other) -> RawBar<Other> {
        let Self { begin: _, open, high, low, close, adjusted_close, volume } = self;
        RawBar { begin, open, high, low, close, adjusted_close, volume }
    }
}

impl RawBar<BarTime> {
    fn bar(self, asset_type: AssetType) -> Result<Bar, ParseError> {
        let Self { begin: time, open, high, low, close, adjusted_close, volume } = self;
        for price in [open, high, low, close].into_iter().chain(adjusted_close) {
            check(price, asset_type)?;
        }
        if low > high {
            return Err(ParseError::new(format!("the low {low} lies above the high {high}")));
        }
        Ok(Bar { time, open, high, low, close, adjusted_close, volume })
    }
}

/// Returns the series `id` made of `raw_bars`, each with the day it belongs to, in the order of time. Bars outside
/// the days asked for are left out. Of two bars at one time the later one in the body stays: it is the newer.
///
/// # Errors
///
/// If one of them can't be a bar of such an asset, or they are out of order.
pub(crate) fn series(
    id: &SeriesId,
    raw_bars: impl IntoIterator<Item = (Date, RawBar<BarTime>)>,
) -> Result<Series, ParseError> {
    let asked = |day: Date| id.range.is_none_or(|DateRange { from, to }| (from..=to).contains(&day));
    let mut bars: Vec<Bar> = Vec::new();
    for (_, raw) in raw_bars.into_iter().filter(|(day, _)| asked(*day)) {
        let bar = raw.bar(id.asset.asset_type)?;
        match bars.last().map(|last| last.time.cmp(&bar.time)) {
            Some(std::cmp::Ordering::Greater) => {
                return Err(ParseError::new("the bars are not in the order of time"));
            }
            Some(std::cmp::Ordering::Equal) => drop(bars.pop()),
            _ => {}
        }
        bars.push(bar);
    }
    Ok(Series::new(id.asset.clone(), id.interval, bars))
}

/// Returns the time of a bar that begins at a moment.
pub(crate) fn moment(at: Timestamp) -> BarTime {
    BarTime::Moment(from_jiff(at))
}

/// Returns the present moment of the clock.
pub(crate) fn now(clock: &cache_core::Clock) -> Timestamp {
    to_jiff(clock.now())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns a bar of that day of January, between these prices.
    fn bar(day: i8, low: f64, high: f64) -> (Date, RawBar<BarTime>) {
        let date = jiff::civil::date(2020, 1, day);
        let begin = BarTime::Day(date);
        (date, RawBar { begin, open: low, high, low, close: high, adjusted_close: Some(low), volume: 1 })
    }

    fn closes(id: &str, bars: &[(Date, RawBar<BarTime>)]) -> Result<Vec<f64>, ParseError> {
        let series = series(&id.parse().unwrap(), bars.iter().copied())?;
        Ok(series.bars.iter().map(|bar| bar.close).collect())
    }

    #[test]
    fn what_cannot_be_a_bar_is_not_believed() {
        for (id, one, why) in [
            ("AAPL:1d", bar(2, 3.0, 2.0), "lies above"),
            ("AAPL:1d", bar(2, -3.0, 2.0), "below zero"),
            ("AAPL:1d", bar(2, 1.0, 1e16), "is no price"),
            ("CL@CMES:1d", bar(2, f64::NAN, 2.0), "is no price"),
        ] {
            assert!(closes(id, &[one]).unwrap_err().to_string().contains(why), "{id} {one:?}");
        }
        assert_eq!(
            closes("CL@CMES:1d", &[bar(2, -40.3, -37.6)]),
            Ok(vec![-37.6]),
            "as oil was in April 2020"
        );
    }

    #[test]
    fn bars_are_in_the_order_of_time_and_of_two_at_one_the_later_told_stays() {
        let (one, two, again) = (bar(2, 1.0, 1.0), bar(3, 2.0, 2.0), bar(3, 3.0, 3.0));
        assert_eq!(closes("AAPL:1d", &[one, two, again]), Ok(vec![1.0, 3.0]));
        assert!(closes("AAPL:1d", &[two, one]).is_err());
        assert_eq!(closes("AAPL:1d:2020-01-01..2020-01-02", &[two, one]), Ok(vec![1.0]));
    }
}
