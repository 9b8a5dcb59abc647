//! An exchange: time zone, usual hours, yearly rules, and its table of single days.

use jiff::civil::{Date, Weekday};

use super::{day_override::Hours, local_time::LocalTime, rule::Rule};
use crate::Market;

/// An exchange by its rule book.
#[derive(Debug)]
pub(crate) struct Exchange {
    /// Its code.
    pub(crate) market: Market,
    /// The name of its time zone in the IANA database.
    pub(crate) zone: &'static str,
    /// The days of the week without a session.
    pub(crate) weekend: &'static [Weekday],
    /// The usual hours and the day from which they hold, earliest first. The first ones hold before their
    /// day, too.
    pub(crate) hours: &'static [(Date, Hours)],
    /// Trading before the open and after the close, if the exchange has any.
    pub(crate) extended: Option<Extended>,
    /// Holidays and short days that recur each year.
    pub(crate) rules: &'static [Rule],
    /// The table of single days, as `table::read` reads it. It overrides the rules.
    pub(crate) table: &'static str,
}

/// Trading outside of the session.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extended {
    /// When trading before the open begins; it lasts until the open.
    pub(crate) from: LocalTime,
    /// For how many hours trading goes on after the close, an early one included.
    pub(crate) hours_after_close: u8,
}

/// Saturday and Sunday.
pub(crate) const WEEKEND: &[Weekday] = &[Weekday::Saturday, Weekday::Sunday];

/// The first day there is: for hours that never changed.
pub(crate) const EVER: Date = Date::MIN;

impl Exchange {
    /// Returns the usual hours in force on `date`, whether or not it has a session.
    pub(crate) fn hours_on(&self, date: Date) -> Option<Hours> {
        let at = self.hours.partition_point(|(since, _)| *since <= date);
        self.hours.get(at.saturating_sub(1)).map(|(_, hours)| *hours)
    }

    /// Returns whether `date` falls on one of the days of the week without a session.
    pub(crate) fn is_weekend(&self, date: Date) -> bool {
        self.weekend.contains(&date.weekday())
    }
}
