//! Hong Kong: rules for fixed days and Easter; a table for lunar holidays and storms.

use jiff::civil::{
    Date,
    Weekday::{Monday, Tuesday},
};

use crate::{
    Market,
    rules::{
        Day::{Easter, Of},
        EVER, Exchange, Hours, LocalTime,
        Observance::SundayToMonday,
        Rule, WEEKEND,
    },
};

/// Stock Exchange of Hong Kong.
pub(crate) const XHKG: Exchange = Exchange {
    market: Market::XHKG,
    zone: "Asia/Hong_Kong",
    weekend: WEEKEND,
    hours: &[
        (EVER, Hours::new(LocalTime::at(10, 0), FOUR).lunch(HALF_PAST_TWELVE, LocalTime::at(14, 30))),
        (
            Date::constant(2011, 3, 7),
            Hours::new(LocalTime::at(9, 30), FOUR).lunch(NOON, LocalTime::at(13, 30)),
        ),
        (
            Date::constant(2012, 3, 5),
            Hours::new(LocalTime::at(9, 30), FOUR).lunch(NOON, LocalTime::at(13, 0)),
        ),
    ],
    extended: None,
    rules: RULES,
    table: include_str!("../../data/calendars/XHKG.txt"),
};

const NOON: LocalTime = LocalTime::at(12, 0);
const HALF_PAST_TWELVE: LocalTime = LocalTime::at(12, 30);
const FOUR: LocalTime = LocalTime::at(16, 0);

const RULES: &[Rule] = &[
    // New Year, Good Friday, Easter Monday
    Rule::closed(Of(1, 1)).observed(SundayToMonday),
    Rule::closed(Easter(-2)),
    Rule::closed(Easter(1)),
    // Labour Day, the day the Region was established, National Day
    Rule::closed(Of(5, 1)).observed(SundayToMonday).from(1999),
    Rule::closed(Of(7, 1)).observed(SundayToMonday).from(1997),
    Rule::closed(Of(10, 1)).observed(SundayToMonday).from(1997),
    // Christmas and the first weekday after it, to which Saturday counts: with Christmas on a
    // Saturday or a Sunday the last of them is the 27th
    Rule::closed(Of(12, 25)),
    Rule::closed(Of(12, 26)),
    Rule::closed(Of(12, 27)).on(&[Monday, Tuesday]),
    // Half days: only the morning is traded
    Rule::closes(HALF_PAST_TWELVE, Of(12, 24)).until(2010),
    Rule::closes(HALF_PAST_TWELVE, Of(12, 31)).until(2010),
    Rule::closes(NOON, Of(12, 24)).from(2011),
    Rule::closes(NOON, Of(12, 31)).from(2011),
];

#[cfg(test)]
mod tests {
    use jiff::{Timestamp, civil::date};

    use super::*;
    use crate::{Calendars, Session, SessionKind};

    fn session(day: Date) -> Option<Session> {
        Calendars::builtin().of(Market::XHKG).unwrap().session_on(day)
    }

    #[test]
    fn a_half_day_ends_at_lunch_whenever_lunch_was() {
        for half_day in [date(2010, 12, 24), date(2011, 2, 2), date(2013, 12, 24), date(2027, 2, 5)] {
            let half = session(half_day).unwrap();
            let next_whole = half_day.series(jiff::Span::new().days(1)).skip(1).filter_map(session);
            let whole = next_whole.take(5).find(|day| day.kind == SessionKind::Regular).unwrap();
            let (lunch, _) = whole.lunch.unwrap();
            assert_eq!((half.kind, half.lunch), (SessionKind::EarlyClose, None), "{half_day}");
            let morning = |open: Timestamp, end: Timestamp| end.duration_since(open);
            assert_eq!(morning(half.open, half.close), morning(whole.open, lunch), "{half_day}");
        }
    }

    #[test]
    fn two_weekdays_follow_from_christmas_unless_a_saturday_is_one_of_them() {
        for year in 1998..2100 {
            let christmas = date(year, 12, 25);
            let days = (24..=28).map(|day| date(year, 12, day));
            let closed: Vec<i8> = days
                .filter(|day| !WEEKEND.contains(&day.weekday()) && session(*day).is_none())
                .map(Date::day)
                .collect();
            let expected: &[i8] = match christmas.weekday().to_monday_one_offset() {
                5 => &[25],
                6 => &[27],
                7 => &[26, 27],
                _ => &[25, 26],
            };
            assert_eq!(closed, expected, "{year}");
        }
    }
}
