//! An exchange as its rule book has it: zone, hours, holidays, and the table of what follows no rule.

use jiff::civil::{Date, Weekday};

use super::{day_override::Hours, local_time::LocalTime, rule::Rule};
use crate::Market;

/// An exchange, in the words of its rule book.
#[derive(Debug)]
pub(crate) struct Exchange {
    /// Its code.
    pub(crate) market: Market,
    /// Its time zone, by the name in the time zone database.
    pub(crate) zone: &'static str,
    /// The days of the week without a session.
    pub(crate) weekend: &'static [Weekday],
    /// The usual hours and the day from which they hold, earliest first. The first hold before it, too.
    pub(crate) hours: &'static [(Date, Hours)],
    /// Trading before the open and after the close, where there is such.
    pub(crate) extended: Option<Extended>,
    /// Holidays and short days that recur.
    pub(crate) rules: &'static [Rule],
    /// The table of those that don't: what `table::read` reads. It has the last word.
    pub(crate) table: &'static str,
}

/// Extended hours.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extended {
    /// When they begin. They last until the open.
    pub(crate) from: LocalTime,
    /// For how many hours after the close they last, be that early or not.
    pub(crate) hours_after_close: u8,
}

/// Saturday and Sunday.
pub(crate) const WEEKEND: &[Weekday] = &[Weekday::Saturday, Weekday::Sunday];

/// Since ever: for hours that never changed.
pub(crate) const EVER: Date = Date::MIN;

impl Exchange {
    /// The usual hours on `date`, were it a day with a session.
    pub(crate) fn hours_on(&self, date: Date) -> Option<Hours> {
        let at = self.hours.partition_point(|(since, _)| *since <= date);
        self.hours.get(at.saturating_sub(1)).map(|(_, hours)| *hours)
    }

    /// Whether `date` falls on one of the days of the week without a session.
    pub(crate) fn is_weekend(&self, date: Date) -> bool {
        self.weekend.contains(&date.weekday())
    }
}
