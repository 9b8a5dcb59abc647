//! Tokyo: Japan's national holidays, the equinoxes among them, by rules.

use jiff::civil::{
    Date,
    Weekday::{Monday, Tuesday, Wednesday},
};

use crate::{
    Market,
    rules::{
        Day::{By, Nth, Of},
        EVER, Exchange, Hours, LocalTime,
        Observance::SundayToMonday,
        Rule, WEEKEND,
    },
};

/// Tokyo Stock Exchange.
pub(crate) const XTKS: Exchange = Exchange {
    market: Market::XTKS,
    zone: "Asia/Tokyo",
    weekend: WEEKEND,
    hours: &[
        (EVER, NINE_TO_THREE.lunch(LocalTime::at(11, 0), LUNCH_ENDS)),
        (Date::constant(2011, 11, 21), NINE_TO_THREE.lunch(LocalTime::at(11, 30), LUNCH_ENDS)),
        (
            Date::constant(2024, 11, 5),
            Hours::new(LocalTime::at(9, 0), LocalTime::at(15, 30)).lunch(LocalTime::at(11, 30), LUNCH_ENDS),
        ),
    ],
    extended: None,
    rules: RULES,
    table: include_str!("../../data/calendars/XTKS.txt"),
};

const NINE_TO_THREE: Hours = Hours::new(LocalTime::at(9, 0), LocalTime::at(15, 0));
const LUNCH_ENDS: LocalTime = LocalTime::at(12, 30);

const RULES: &[Rule] = &[
    // The turn of the year, which is the exchange's own and is observed on no other day
    Rule::closed(Of(12, 31)),
    Rule::closed(Of(1, 1)),
    Rule::closed(Of(1, 2)),
    Rule::closed(Of(1, 3)),
    // Coming of Age Day
    Rule::closed(Of(1, 15)).observed(SundayToMonday).until(1999),
    Rule::closed(Nth(2, Monday, 1)).from(2000),
    // National Foundation Day, and the birthday of the emperor: Akihito's, then Naruhito's
    Rule::closed(Of(2, 11)).observed(SundayToMonday),
    Rule::closed(Of(12, 23)).observed(SundayToMonday).between(1989, 2018),
    Rule::closed(Of(2, 23)).observed(SundayToMonday).from(2020),
    // Vernal Equinox Day
    Rule::closed(By(spring)).observed(SundayToMonday),
    // Showa Day, which was the birthday of the emperor Hirohito
    Rule::closed(Of(4, 29)).observed(SundayToMonday),
    // Constitution Day, Greenery Day, Children's Day: one on a Sunday is observed on the
    // first day after the three. Until 2006 the middle one was no holiday by itself, and was not observed
    // elsewhere.
    Rule::closed(Of(5, 3)),
    Rule::closed(Of(5, 4)),
    Rule::closed(Of(5, 5)),
    Rule::closed(Of(5, 6)).on(&[Monday]).until(2006),
    Rule::closed(Of(5, 6)).on(&[Monday, Tuesday, Wednesday]).from(2007),
    // Marine Day, Mountain Day, Sports Day; in 2020 and 2021 the Olympic Games moved them: see the table
    Rule::closed(Of(7, 20)).observed(SundayToMonday).between(1996, 2002),
    Rule::closed(Nth(3, Monday, 7)).between(2003, 2019),
    Rule::closed(Nth(3, Monday, 7)).from(2022),
    Rule::closed(Of(8, 11)).observed(SundayToMonday).between(2016, 2019),
    Rule::closed(Of(8, 11)).observed(SundayToMonday).from(2022),
    Rule::closed(Of(10, 10)).observed(SundayToMonday).until(1999),
    Rule::closed(Nth(2, Monday, 10)).between(2000, 2019),
    Rule::closed(Nth(2, Monday, 10)).from(2022),
    // Respect for the Aged Day, Autumnal Equinox Day, and the day between them if there is one
    Rule::closed(Of(9, 15)).observed(SundayToMonday).until(2002),
    Rule::closed(Nth(3, Monday, 9)).from(2003),
    Rule::closed(By(autumn)).observed(SundayToMonday),
    Rule::closed(By(between_holidays)).from(2003),
    // Culture Day, Labor Thanksgiving Day
    Rule::closed(Of(11, 3)).observed(SundayToMonday),
    Rule::closed(Of(11, 23)).observed(SundayToMonday),
];

/// Vernal Equinox Day.
fn spring(year: i16) -> Option<Date> {
    equinox(year, 3, 20_843_100)
}

/// Autumnal Equinox Day.
fn autumn(year: i16) -> Option<Date> {
    equinox(year, 9, 23_248_800)
}

/// Returns the day of an equinox in Japan, from when it was in the month of 1980, in millionths of a day. Good
/// from 1980 to 2099: the formula of the almanac *Shin koyomi benricho*, which the gazette has borne out so
/// far.
fn equinox(year: i16, month: i8, in_1980: i32) -> Option<Date> {
    let years = i32::from(year) - 1980;
    // A year has 365.242194 days; leap days take up the fraction.
    let day = (in_1980 + 242_194 * years) / 1_000_000 - years.div_euclid(4);
    Date::new(year, month, i8::try_from(day).ok()?).ok()
}

/// Returns the day between two holidays, which is a holiday by law: the Tuesday after Respect for the
/// Aged Day if the equinox is on Wednesday.
fn between_holidays(year: i16) -> Option<Date> {
    let aged = Date::new(year, 9, 1).ok()?.nth_weekday_of_month(3, Monday).ok()?;
    let between = aged.tomorrow().ok()?;
    (between.tomorrow().ok() == autumn(year)).then_some(between)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use jiff::civil::{Weekday::Sunday, date};

    use super::*;
    use crate::Calendars;

    /// Returns what the Act on National Holidays says since 2007: each, the first day after it that is none if
    /// it is a Sunday, and a day between two.
    fn by_law(year: i16) -> BTreeSet<Date> {
        let monday = |nth, month| date(year, month, 1).nth_weekday_of_month(nth, Monday).unwrap();
        let mut holidays = BTreeSet::from([monday(2, 1), monday(3, 7), monday(3, 9), monday(2, 10)]);
        holidays.extend([spring(year).unwrap(), autumn(year).unwrap()]);
        let fixed = [(2, 11), (2, 23), (4, 29), (5, 3), (5, 4), (5, 5), (8, 11), (11, 3), (11, 23)];
        holidays.extend(fixed.map(|(month, day)| date(year, month, day)));
        let named = holidays.clone();
        for holiday in named.iter().filter(|day| day.weekday() == Sunday) {
            let mut days = holiday.series(jiff::Span::new().days(1));
            holidays.extend(days.find(|day| !named.contains(day)));
        }
        let after = |day: &Date| day.tomorrow().unwrap();
        holidays.extend(named.iter().map(after).filter(|day| named.contains(&after(day))));
        holidays.extend([(1, 1), (1, 2), (1, 3), (12, 31)].map(|(month, day)| date(year, month, day)));
        holidays
    }

    #[test]
    fn tokyo_is_closed_on_the_holidays_of_the_law_and_on_no_other_weekday() {
        let calendars = Calendars::builtin();
        let tokyo = calendars.of(Market::XTKS).unwrap();
        for year in 2022..2100 {
            let holidays = by_law(year);
            let days = date(year, 1, 1).series(jiff::Span::new().days(1));
            for day in days.take_while(|day| day.year() == year) {
                let closed = WEEKEND.contains(&day.weekday()) || holidays.contains(&day);
                assert_eq!(tokyo.session_on(day).is_none(), closed, "{day}");
            }
        }
    }

    #[test]
    fn equinoxes_are_those_gazetted() {
        for (year, march, september) in [(1992, 20, 23), (2000, 20, 23), (2012, 20, 22), (2027, 21, 23)] {
            assert_eq!(spring(year), Some(date(year, 3, march)));
            assert_eq!(autumn(year), Some(date(year, 9, september)));
        }
    }
}
