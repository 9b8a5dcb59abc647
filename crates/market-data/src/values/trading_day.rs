//! The day of an exchange to which a moment belongs.

use cache_core::Timestamp;
use jiff::civil::Date;
use market_calendar::{Calendar, Calendars};

use crate::{Market, moment::to_jiff};

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
