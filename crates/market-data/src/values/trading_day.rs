//! The day of an exchange to which a moment belongs, and a bar.

use cache_core::Timestamp;
use jiff::civil::Date;
use market_calendar::{Calendar, Calendars};

use crate::{Asset, Bar, BarTime, Interval, Market, moment::to_jiff};

/// The days to which bars of an asset at an interval belong.
///
/// ```
/// use market_data::{Bar, BarDays, BarTime, Date, Interval, moment::from_jiff};
///
/// let sunday_evening = BarTime::Moment(from_jiff("2020-01-05T22:00:00Z".parse().unwrap()));
/// let bar = Bar {
///     time: sunday_evening,
///     open: 1.0,
///     high: 1.0,
///     low: 1.0,
///     close: 1.0,
///     adjusted_close: None,
///     volume: None,
/// };
/// let days = BarDays::of(&"EUR_USD@FX".parse()?, Interval::Hour);
/// assert_eq!(days.day(&bar), Date::constant(2020, 1, 6), "the day begins at 17:00 in New York");
/// # Ok::<(), market_data::Invalid>(())
/// ```
pub struct BarDays(Option<Days>);

impl BarDays {
    /// The days of bars of an asset at an interval.
    #[must_use]
    pub fn of(asset: &Asset, interval: Interval) -> Self {
        Self(if interval.is_intraday() { Days::of(asset.market) } else { None })
    }

    /// Returns the day of a bar: of one within a day, the day of its exchange, which may have begun on the evening
    /// before; the day in UTC if its market has no calendar.
    #[must_use]
    pub fn day(&self, bar: &Bar) -> Date {
        match (bar.time, &self.0) {
            (BarTime::Moment(at), Some(days)) => days.day(at),
            _ => bar.date(),
        }
    }
}

/// The days of one exchange.
pub(crate) struct Days(Calendar);

impl Days {
    /// The days of a market; `None` if it has no calendar.
    pub(crate) fn of(market: Market) -> Option<Self> {
        Calendars::builtin().of(market).cloned().map(Self)
    }

    /// Returns the day to which a moment belongs: that of its session, which may have begun on the evening
    /// before, as that of foreign exchange does at 17:00 in New York; outside of sessions, the day by the
    /// exchange's clock.
    pub(crate) fn day(&self, at: Timestamp) -> Date {
        let at = to_jiff(at);
        self.0.session(at).map_or_else(|| self.0.zone().to_datetime(at).date(), |session| session.date)
    }
}
