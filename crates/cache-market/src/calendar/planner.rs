//! From rules and tables to the sessions of a year.

use std::collections::BTreeMap;

use cache_core::Timestamp;
use jiff::{civil::Date, tz::TimeZone};

use super::{
    exchange::Exchange,
    session::{Session, SessionKind},
    special::{Hours, Special},
    table::Table,
    wall::Wall,
};

/// What sessions follow from: an exchange in its zone, and the tables about it.
#[derive(Debug)]
pub(crate) struct Planner {
    pub(crate) exchange: &'static Exchange,
    pub(crate) zone: TimeZone,
    pub(crate) table: Table,
}

impl Planner {
    /// The sessions whose day lies in `year`, by day.
    pub(crate) fn sessions(&self, year: i16) -> Vec<Session> {
        let recurring = self.recurring(year);
        let first = Date::new(year, 1, 1).ok();
        let days = first.into_iter().flat_map(|first| first.series(jiff::Span::new().days(1)));
        days.take_while(|day| day.year() == year)
            .filter_map(|day| self.session(day, recurring.get(&day)))
            .collect()
    }

    /// What the rules say of the days of `year`.
    fn recurring(&self, year: i16) -> BTreeMap<Date, Special> {
        let mut days = BTreeMap::new();
        // A day can be moved over the turn of the year.
        for near in year.saturating_sub(1)..=year.saturating_add(1) {
            for (day, special) in self.exchange.rules.iter().filter_map(|rule| rule.in_year(near)) {
                let known = days.entry(day).or_insert(special);
                *known = both(*known, special);
            }
        }
        days
    }

    fn session(&self, date: Date, recurring: Option<&Special>) -> Option<Session> {
        let usual = self.exchange.hours_on(date)?;
        let special = self.table.get(&date).map(|entry| entry.special);
        let hours = match (special, recurring) {
            (Some(Special::Session(hours)), _) => hours,
            (Some(Special::Closed), _) | (_, Some(Special::Closed)) => return None,
            _ if self.exchange.is_weekend(date) => return None,
            (Some(Special::Hours { opens, closes }), _) | (None, Some(&Special::Hours { opens, closes })) => {
                usual.with(opens, closes)?
            }
            (None, Some(Special::Session(hours))) => *hours,
            (None, None) => usual,
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
        let moment = |wall| self.moment(date, wall);
        let lunch = hours.lunch.and_then(|(from, to)| moment(from).zip(moment(to)));
        Some(Session { date, open: moment(hours.open)?, close: moment(hours.close)?, lunch, kind })
    }

    /// When the wall of the exchange shows this. A time that is left out in spring is taken as if the
    /// clocks had not yet been turned; one that comes twice in autumn is the first.
    pub(crate) fn moment(&self, date: Date, wall: Wall) -> Option<Timestamp> {
        let moment = self.zone.to_ambiguous_timestamp(wall.on(date)?).compatible().ok()?;
        Some(Timestamp::from_micros(moment.as_microsecond()))
    }
}

/// What two rules about one day come to: it is closed if either says so, and as short as both say.
fn both(one: Special, other: Special) -> Special {
    match (one, other) {
        (Special::Hours { opens: a, closes: b }, Special::Hours { opens: c, closes: d }) => {
            let earlier = b.into_iter().chain(d).min();
            Special::Hours { opens: a.max(c), closes: earlier }
        }
        (Special::Closed, _) | (_, Special::Closed) => Special::Closed,
        (session, _) => session,
    }
}
