//! Bars: open, high, low, close and volume of one interval.

mod wire;

use cache_core::Timestamp;
use jiff::civil::Date;

/// One interval of an asset: prices in its currency, volume in shares or whole units.
///
/// In JSON its time is a field `date` (`"2017-09-01"`) or, within a day, `time` (`"2020-01-02T14:30:00Z"`).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bar {
    /// When it begins.
    pub time: BarTime,
    /// The first price.
    pub open: f64,
    /// The highest price.
    pub high: f64,
    /// The lowest price.
    pub low: f64,
    /// The last price.
    pub close: f64,
    /// The last price, adjusted for later splits and dividends; `None` if the source doesn't give it.
    pub adjusted_close: Option<f64>,
    /// How many shares or units changed hands; `None` if the source doesn't give it.
    pub volume: Option<u64>,
}

/// When a bar begins: a day for those of a day or longer, a moment for shorter ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BarTime {
    /// The day, or the first of the days, in the market's time zone.
    Day(Date),
    /// The moment.
    Moment(Timestamp),
}

impl Bar {
    /// Returns the day of a bar of a day or longer; of a shorter one, the day in UTC on which it begins.
    ///
    /// ```
    /// use cache_core::Timestamp;
    /// use market_data::{Bar, BarTime};
    ///
    /// let time = BarTime::Moment(Timestamp::from_micros(1_577_975_400_000_000));
    /// let bar = Bar { time, open: 1.0, high: 2.0, low: 1.0, close: 2.0, adjusted_close: None, volume: Some(7) };
    /// assert_eq!(bar.date().to_string(), "2020-01-02");
    /// ```
    #[must_use]
    pub fn date(&self) -> Date {
        match self.time {
            BarTime::Day(date) => date,
            BarTime::Moment(at) => day_of(at),
        }
    }
}

/// Returns the day of a moment in UTC; the first or last day there is for moments beyond it.
pub(crate) fn day_of(at: Timestamp) -> Date {
    match jiff::Timestamp::from_microsecond(at.as_micros()) {
        Ok(at) => jiff::tz::Offset::UTC.to_datetime(at).date(),
        Err(_) if at.as_micros() < 0 => Date::MIN,
        Err(_) => Date::MAX,
    }
}
