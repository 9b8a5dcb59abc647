//! CME Globex: the electronic market of Chicago, nearly around the clock.

use jiff::civil::Weekday::{Monday, Thursday, Tuesday, Wednesday};

use crate::{
    Market,
    rules::{
        Day::{AfterNth, Easter, Nth, Of},
        EVER, Exchange, Hours, LocalTime,
        Observance::{SundayToMonday, ToNearest},
        Rule, WEEKEND,
    },
};

/// CME Globex, as one calendar for all that is traded there, after exchange_calendars 4.13.2: a session lasts
/// until the next one opens (the hour between 16:00 and 17:00 counts as trading), and a holiday is a short day.
/// The hours of a single contract may differ.
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

const RULES: &[Rule] = &[
    // New Year's Day, Good Friday, Christmas
    Rule::closed(Of(1, 1)).observed(SundayToMonday),
    Rule::closed(Easter(-2)),
    Rule::closed(Of(12, 25)).observed(ToNearest),
    // Martin Luther King Jr. Day, Presidents' Day, Memorial Day, Independence Day, Labor Day. Not Juneteenth:
    // the reference this follows took that up only after 4.13.2.
    Rule::closes(NOON, Nth(3, Monday, 1)).from(1998),
    Rule::closes(NOON, Nth(3, Monday, 2)).from(1971),
    Rule::closes(NOON, Nth(-1, Monday, 5)).from(1971),
    Rule::closes(NOON, Of(7, 4)).observed(ToNearest),
    Rule::closes(NOON, Nth(1, Monday, 9)),
    // Thanksgiving and the day after, Christmas Eve
    Rule::closes(NOON, Nth(4, Thursday, 11)),
    Rule::closes(NOON, AfterNth(4, Thursday, 11)).from(1993),
    Rule::closes(NOON, Of(12, 24)).on(&[Monday, Tuesday, Wednesday, Thursday]),
];
