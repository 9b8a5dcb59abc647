//! A bar as an upstream tells it, and the series that such bars make.

use jiff::{Timestamp, civil::Date};

use crate::{AssetType, Bar, BarTime, DateRange, Series, SeriesId, flaw::Flaw, quoted::check};

/// One bar: what it covers begins `At`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Candle<At = Timestamp> {
    pub(crate) begin: At,
    pub(crate) open: f64,
    pub(crate) high: f64,
    pub(crate) low: f64,
    pub(crate) close: f64,
    pub(crate) adjusted_close: Option<f64>,
    pub(crate) volume: u64,
}

impl<At> Candle<At> {
    /// The same, beginning at another reading of its time.
    pub(crate) fn begins<Other>(self, begin: Other) -> Candle<Other> {
        let Self { begin: _, open, high, low, close, adjusted_close, volume } = self;
        Candle { begin, open, high, low, close, adjusted_close, volume }
    }
}

impl Candle<BarTime> {
    fn bar(self, asset_type: AssetType) -> Result<Bar, Flaw> {
        let Self { begin: time, open, high, low, close, adjusted_close, volume } = self;
        for price in [open, high, low, close].into_iter().chain(adjusted_close) {
            check(price, asset_type)?;
        }
        if low > high {
            return Err(Flaw::new(format!("the low {low} lies above the high {high}")));
        }
        Ok(Bar { time, open, high, low, close, adjusted_close, volume })
    }
}

/// The series `id` of `candles`, each with the day it belongs to, in the order of time. What lies outside
/// the days asked for is left out. Of two at one time the later told stays: it is the fresher.
///
/// # Errors
///
/// If one of them can't be a bar of such an asset, or they are out of order.
pub(crate) fn series(
    id: &SeriesId,
    candles: impl IntoIterator<Item = (Date, Candle<BarTime>)>,
) -> Result<Series, Flaw> {
    let asked = |day: Date| id.range.is_none_or(|DateRange { from, to }| (from..=to).contains(&day));
    let mut bars: Vec<Bar> = Vec::new();
    for (_, candle) in candles.into_iter().filter(|(day, _)| asked(*day)) {
        let bar = candle.bar(id.asset.asset_type)?;
        match bars.last().map(|last| last.time.cmp(&bar.time)) {
            Some(std::cmp::Ordering::Greater) => {
                return Err(Flaw::new("the bars are not in the order of time"));
            }
            Some(std::cmp::Ordering::Equal) => drop(bars.pop()),
            _ => {}
        }
        bars.push(bar);
    }
    Ok(Series::new(id.asset.clone(), id.interval, bars))
}

/// A moment of the cache's, as exact as it can be.
pub(crate) fn moment(at: Timestamp) -> BarTime {
    BarTime::Moment(cache_core::Timestamp::from_micros(at.as_microsecond()))
}

/// The clock's moment, as the calendar knows it.
pub(crate) fn now(clock: &cache_core::Clock) -> Timestamp {
    Timestamp::from_microsecond(clock.now().as_micros()).unwrap_or(Timestamp::MAX)
}
