//! Yearly rules: holidays and short days, one line each.

use std::ops::RangeInclusive;

use jiff::{
    Span,
    civil::{Date, Weekday},
};

use super::{day_override::DayOverride, easter::easter, local_time::LocalTime};

/// A day of each year, and the override that holds on it.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    day: Day,
    observance: Observance,
    only_on: Option<&'static [Weekday]>,
    years: RangeInclusive<i16>,
    change: DayOverride,
}

/// A day of the year.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Day {
    /// A month and a day of it.
    Of(i8, i8),
    /// The n-th such weekday of a month; -1 is the last.
    Nth(i8, Weekday, i8),
    /// The day after that one.
    AfterNth(i8, Weekday, i8),
    /// The last such weekday before a month's day.
    Before(Weekday, i8, i8),
    /// So many days after Easter Sunday.
    Easter(i8),
    /// As the function computes it.
    By(fn(i16) -> Option<Date>),
}

/// On which day a holiday is observed that falls on a weekend.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Observance {
    /// On none.
    No,
    /// On Monday.
    ToMonday,
    /// From Sunday on Monday; from Saturday on none.
    SundayToMonday,
    /// From Saturday on Friday; from Sunday on Monday.
    ToNearest,
    /// On Friday.
    ToFriday,
    /// Two days later: for the day after a holiday that is observed on Monday.
    TwoDaysOn,
}

impl Rule {
    /// No session on `day`.
    pub(crate) const fn closed(day: Day) -> Self {
        Self::new(day, DayOverride::Closed)
    }

    /// The session on `day`, if there is one, closes at `time`.
    pub(crate) const fn closes(time: LocalTime, day: Day) -> Self {
        Self::new(day, DayOverride::Hours { opens: None, closes: Some(time) })
    }

    const fn new(day: Day, change: DayOverride) -> Self {
        Self { day, observance: Observance::No, only_on: None, years: i16::MIN..=i16::MAX, change }
    }

    /// On which day it is observed if it falls on a weekend.
    pub(crate) const fn observed(self, observance: Observance) -> Self {
        Self { observance, ..self }
    }

    /// Only in years in which the day falls on one of these weekdays.
    pub(crate) const fn on(self, weekdays: &'static [Weekday]) -> Self {
        Self { only_on: Some(weekdays), ..self }
    }

    /// In this year and those after.
    pub(crate) const fn from(self, year: i16) -> Self {
        Self { years: year..=i16::MAX, ..self }
    }

    /// In this year and those before.
    pub(crate) const fn until(self, year: i16) -> Self {
        Self { years: i16::MIN..=year, ..self }
    }

    /// In these years, both included.
    pub(crate) const fn between(self, first: i16, last: i16) -> Self {
        Self { years: first..=last, ..self }
    }

    /// Returns the day on which the rule is observed for `year`, which may lie in the year before or after,
    /// and its override.
    pub(crate) fn in_year(&self, year: i16) -> Option<(Date, DayOverride)> {
        let day = self.years.contains(&year).then(|| self.day.in_year(year)).flatten()?;
        let wanted = self.only_on.is_none_or(|weekdays| weekdays.contains(&day.weekday()));
        let day = wanted.then(|| self.observance.of(day)).flatten()?;
        Some((day, self.change))
    }
}

impl Day {
    fn in_year(self, year: i16) -> Option<Date> {
        let nth =
            |nth, weekday, month| Date::new(year, month, 1).ok()?.nth_weekday_of_month(nth, weekday).ok();
        match self {
            Self::Of(month, day) => Date::new(year, month, day).ok(),
            Self::Nth(n, weekday, month) => nth(n, weekday, month),
            Self::AfterNth(n, weekday, month) => plus(nth(n, weekday, month)?, 1),
            Self::Before(weekday, month, day) => {
                Date::new(year, month, day).ok()?.nth_weekday(-1, weekday).ok()
            }
            Self::Easter(days) => plus(easter(year)?, days),
            Self::By(rule) => rule(year),
        }
    }
}

impl Observance {
    fn of(self, day: Date) -> Option<Date> {
        let (saturday, sunday) = match self {
            Self::No => (0, 0),
            Self::ToMonday => (2, 1),
            Self::SundayToMonday => (0, 1),
            Self::ToNearest => (-1, 1),
            Self::ToFriday => (-1, -2),
            Self::TwoDaysOn => (2, 2),
        };
        match day.weekday() {
            Weekday::Saturday => plus(day, saturday),
            Weekday::Sunday => plus(day, sunday),
            _ => Some(day),
        }
    }
}

fn plus(day: Date, days: i8) -> Option<Date> {
    day.checked_add(Span::new().days(days)).ok()
}
