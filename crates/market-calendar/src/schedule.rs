//! Computes the sessions of a year from rules and tables.

use std::collections::BTreeMap;

use jiff::{Timestamp, civil::Date, tz::TimeZone};

use crate::{
    Session, SessionKind,
    rules::{DayOverride, Exchange, Hours, LocalTime, table::Table},
};

/// What determines sessions: an exchange's rules, its time zone, and its table of single days.
#[derive(Debug)]
pub(crate) struct Schedule {
    pub(crate) exchange: &'static Exchange,
    pub(crate) zone: TimeZone,
    pub(crate) table: Table,
}

impl Schedule {
    /// Returns the sessions whose day lies in `year`, by day.
    pub(crate) fn sessions(&self, year: i16) -> Vec<Session> {
        let recurring = self.recurring(year);
        let first = Date::new(year, 1, 1).ok();
        let days = first.into_iter().flat_map(|first| first.series(jiff::Span::new().days(1)));
        days.take_while(|day| day.year() == year)
            .filter_map(|day| self.session(day, recurring.get(&day)))
            .collect()
    }

    /// Returns the overrides that the yearly rules make of the days of `year`.
    fn recurring(&self, year: i16) -> BTreeMap<Date, DayOverride> {
        let mut days = BTreeMap::new();
        // A holiday near the turn of the year may be observed in the other year.
        for near in year.saturating_sub(1)..=year.saturating_add(1) {
            for (day, day_override) in self.exchange.rules.iter().filter_map(|rule| rule.in_year(near)) {
                days.entry(day)
                    .and_modify(|known: &mut DayOverride| *known = known.with(day_override))
                    .or_insert(day_override);
            }
        }
        days
    }

    fn session(&self, date: Date, recurring: Option<&DayOverride>) -> Option<Session> {
        let usual = self.exchange.hours_on(date)?;
        let day_override = match (self.table.get(&date).map(|entry| entry.day_override), recurring.copied()) {
            (Some(said), Some(ruled)) => said.over(ruled),
            (said, ruled) => said.or(ruled).unwrap_or(DayOverride::Hours { opens: None, closes: None }),
        };
        let hours = match day_override {
            DayOverride::Closed => return None,
            DayOverride::Session(hours) => hours,
            DayOverride::Hours { .. } if self.exchange.is_weekend(date) => return None,
            DayOverride::Hours { opens, closes } => usual.with(opens, closes)?,
        };
        self.at(date, hours, usual)
    }

    fn at(&self, date: Date, hours: Hours, usual: Hours) -> Option<Session> {
        let kind = if hours.close < usual.close {
            SessionKind::EarlyClose
        } else if hours.open > usual.open {
            SessionKind::LateOpen
        } else {
            SessionKind::Regular
        };
        let moment = |time| self.moment(date, time);
        let lunch = hours.lunch.and_then(|(from, to)| moment(from).zip(moment(to)));
        Some(Session { date, open: moment(hours.open)?, close: moment(hours.close)?, lunch, kind })
    }

    /// Returns the moment of a local time of the exchange. A time that daylight saving skips in spring is
    /// read as if the clocks had not changed yet; one that it repeats in autumn is the first of the two.
    pub(crate) fn moment(&self, date: Date, time: LocalTime) -> Option<Timestamp> {
        self.zone.to_ambiguous_timestamp(time.on(date)?).compatible().ok()
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::{
        Market,
        rules::{Day::Of, EVER, Observance::ToNearest, Rule, WEEKEND},
    };

    /// An exchange that keeps New Year's Day on the nearest weekday, with a short day before it.
    static NEARBY: Exchange = Exchange {
        market: Market::US,
        zone: "UTC",
        weekend: WEEKEND,
        hours: &[(EVER, Hours::new(LocalTime::at(9, 0), LocalTime::at(17, 0)))],
        extended: None,
        rules: &[
            Rule::closes(LocalTime::at(12, 0), Of(12, 31)),
            Rule::closed(Of(1, 1)).observed(ToNearest),
            Rule::closes(LocalTime::at(14, 0), Of(12, 31)),
        ],
        table: "",
    };

    #[test]
    fn a_holiday_can_move_into_the_year_before_and_outdoes_a_short_day() {
        let schedule = Schedule { exchange: &NEARBY, zone: TimeZone::UTC, table: Table::new() };
        let last = |year| schedule.sessions(year).pop().unwrap();
        // 2022 began on a Saturday, 2021 on a Friday. Of two short days the shorter counts.
        assert_eq!((last(2021).date, last(2021).kind), (date(2021, 12, 30), SessionKind::Regular));
        assert_eq!((last(2020).date, last(2020).kind), (date(2020, 12, 31), SessionKind::EarlyClose));
        assert_eq!(Some(last(2020).close), schedule.moment(date(2020, 12, 31), LocalTime::at(12, 0)));
    }
}
