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
/// until the next one opens (the hour between 16:00 and 17:00 counts as trading), and a holiday is a short day.
/// The hours of a single contract may differ: where they do, the market is open while any of the large ones
/// trade, since a cache that takes it for closed keeps prices that change.
///
/// Beyond that release, Juneteenth is a short day, and so is a Good Friday on which the United States publish
/// their jobs data: then futures on equities and currencies trade until a quarter past eight.
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
const AFTER_JOBS_DATA: LocalTime = LocalTime::at(8, 15);

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
    // Martin Luther King Jr. Day, Presidents' Day, Memorial Day, Juneteenth, Independence Day, Labor Day
    Rule::closes(NOON, Nth(3, Monday, 1)).from(1998),
    Rule::closes(NOON, Nth(3, Monday, 2)).from(1971),
    Rule::closes(NOON, Nth(-1, Monday, 5)).from(1971),
    Rule::closes(NOON, Of(6, 19)).observed(ToNearest).from(2022),
    Rule::closes(NOON, Of(7, 4)).observed(ToNearest),
    Rule::closes(NOON, Nth(1, Monday, 9)),
    // Thanksgiving and the day after, Christmas Eve
    Rule::closes(NOON, Nth(4, Thursday, 11)),
    Rule::closes(NOON, AfterNth(4, Thursday, 11)).from(1993),
    Rule::closes(NOON, Of(12, 24)).on(&[Monday, Tuesday, Wednesday, Thursday]),
];
