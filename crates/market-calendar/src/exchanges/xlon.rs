//! London Stock Exchange.

use jiff::civil::Weekday::Monday;

use crate::{
    Market,
    rules::{
        Day::{Easter, Nth, Of},
        EVER, Exchange, Hours, LocalTime,
        Observance::{ToFriday, ToMonday, TwoDaysOn},
        Rule, WEEKEND,
    },
};

/// London Stock Exchange.
pub(crate) const XLON: Exchange = Exchange {
    market: Market::XLON,
    zone: "Europe/London",
    weekend: WEEKEND,
    hours: &[(EVER, Hours::new(LocalTime::at(8, 0), LocalTime::at(16, 30)))],
    extended: None,
    rules: RULES,
    table: include_str!("../../data/calendars/XLON.txt"),
};

const HALF_PAST_TWELVE: LocalTime = LocalTime::at(12, 30);

const RULES: &[Rule] = &[
    // New Year's Day, Good Friday, Easter Monday
    Rule::closed(Of(1, 1)).observed(ToMonday),
    Rule::closed(Easter(-2)),
    Rule::closed(Easter(1)),
    // The early May bank holiday, moved to 8 May in 1995 and 2020
    Rule::closed(Nth(1, Monday, 5)).between(1978, 1994),
    Rule::closed(Nth(1, Monday, 5)).between(1996, 2019),
    Rule::closed(Nth(1, Monday, 5)).from(2021),
    // The spring bank holiday, moved into June for the jubilees of 2002, 2012 and 2022
    Rule::closed(Nth(-1, Monday, 5)).until(2001),
    Rule::closed(Nth(-1, Monday, 5)).between(2003, 2011),
    Rule::closed(Nth(-1, Monday, 5)).between(2013, 2021),
    Rule::closed(Nth(-1, Monday, 5)).from(2023),
    // The summer bank holiday
    Rule::closed(Nth(-1, Monday, 8)),
    // Christmas and Boxing Day, and the last days before Christmas and the New Year
    Rule::closed(Of(12, 25)).observed(TwoDaysOn),
    Rule::closed(Of(12, 26)).observed(TwoDaysOn),
    Rule::closes(HALF_PAST_TWELVE, Of(12, 24)).observed(ToFriday),
    Rule::closes(HALF_PAST_TWELVE, Of(12, 31)).observed(ToFriday),
];
