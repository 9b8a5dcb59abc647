//! CME Globex: the electronic market of Chicago, nearly around the clock.

use jiff::civil::{
    Date,
    Weekday::{Monday, Thursday, Tuesday, Wednesday},
};

use crate::{
    Market,
    rules::{
        Day::{AfterNth, By, Nth, Of},
        EVER, Exchange, Hours, LocalTime,
        Observance::{SundayToMonday, ToNearest},
        Rule, WEEKEND, easter,
    },
};

/// CME Globex, as one calendar for all that is traded there, after exchange_calendars 4.13.2: a session lasts
/// until the next one opens (the hour between 16:00 and 17:00 counts as trading). The hours of groups of products
/// differ: the market is open while any of them trades, since a cache that takes it for closed keeps prices that
/// change, and one that takes it for open only loads more often. So this calendar departs from that release, which
/// follows futures on equities (ADR 0032):
///
/// - A day of mourning is a session: then energy, metals and foreign exchange trade.
/// - Since 2022, holidays but New Year's Day, Good Friday and Christmas are whole sessions: foreign exchange and
///   coins trade until 16:00, where equities halt at noon, and metals and energy at 13:30.
/// - The day after Thanksgiving and Christmas Eve end with metals and energy at 12:45.
/// - A Good Friday on which the United States publish their jobs data ends with foreign exchange at 10:15.
pub(crate) const CMES: Exchange = Exchange {
    market: Market::CMES,
    zone: "America/Chicago",
    weekend: WEEKEND,
    hours: &[(EVER, Hours::new(LocalTime::day_before(17, 0), LocalTime::at(17, 0)))],
    extended: None,
    rules: RULES,
    table: include_str!("../../data/calendars/CMES.txt"),
};

const NOON: LocalTime = LocalTime::at(12, 0);
const METALS: LocalTime = LocalTime::at(12, 45);
const AFTER_JOBS_DATA: LocalTime = LocalTime::at(10, 15);

/// The last year in which foreign exchange halted at noon on holidays.
const LAST: i16 = 2021;

/// Jobs data come on the first Friday of a month, whatever holiday that is. On Good Fridays before 2010 Globex
/// stayed closed all the same.
fn good_friday(year: i16) -> Option<(Date, bool)> {
    let day = easter(year)?.checked_sub(jiff::Span::new().days(2)).ok()?;
    Some((day, day.day() <= 7 && year >= 2010))
}

fn good_friday_without_jobs_data(year: i16) -> Option<Date> {
    good_friday(year).filter(|(_, jobs)| !jobs).map(|(day, _)| day)
}

fn good_friday_with_jobs_data(year: i16) -> Option<Date> {
    good_friday(year).filter(|(_, jobs)| *jobs).map(|(day, _)| day)
}

const RULES: &[Rule] = &[
    // New Year's Day, Good Friday, Christmas
    Rule::closed(Of(1, 1)).observed(SundayToMonday),
    Rule::closed(By(good_friday_without_jobs_data)),
    Rule::closes(AFTER_JOBS_DATA, By(good_friday_with_jobs_data)),
    Rule::closed(Of(12, 25)).observed(ToNearest),
    // Martin Luther King Jr. Day, Presidents' Day, Memorial Day, Independence Day, Labor Day, Thanksgiving
    Rule::closes(NOON, Nth(3, Monday, 1)).between(1998, LAST),
    Rule::closes(NOON, Nth(3, Monday, 2)).between(1971, LAST),
    Rule::closes(NOON, Nth(-1, Monday, 5)).between(1971, LAST),
    Rule::closes(NOON, Of(7, 4)).observed(ToNearest).until(LAST),
    Rule::closes(NOON, Nth(1, Monday, 9)).until(LAST),
    Rule::closes(NOON, Nth(4, Thursday, 11)).until(LAST),
    // The day after Thanksgiving, Christmas Eve
    Rule::closes(METALS, AfterNth(4, Thursday, 11)).from(1993),
    Rule::closes(METALS, Of(12, 24)).on(&[Monday, Tuesday, Wednesday, Thursday]),
];
