//! Toronto Stock Exchange.

use jiff::civil::Weekday::Monday;

use crate::{
    Market,
    rules::{
        Day::{Before, Easter, Nth, Of},
        EVER, Exchange, Hours, LocalTime,
        Observance::{ToMonday, TwoDaysOn},
        Rule, WEEKEND,
    },
};

/// Toronto Stock Exchange.
pub(crate) const XTSE: Exchange = Exchange {
    market: Market::XTSE,
    zone: "America/Toronto",
    weekend: WEEKEND,
    hours: &[(EVER, Hours::new(LocalTime::at(9, 30), LocalTime::at(16, 0)))],
    extended: None,
    rules: RULES,
    table: include_str!("../../data/calendars/XTSE.txt"),
};

const RULES: &[Rule] = &[
    // New Year's Day, Family Day, Good Friday
    Rule::closed(Of(1, 1)).observed(ToMonday),
    Rule::closed(Nth(3, Monday, 2)).from(2008),
    Rule::closed(Easter(-2)),
    // Victoria Day, Canada Day, the civic holiday
    Rule::closed(Before(Monday, 5, 25)),
    Rule::closed(Of(7, 1)).observed(ToMonday),
    Rule::closed(Nth(1, Monday, 8)),
    // Labour Day, Thanksgiving
    Rule::closed(Nth(1, Monday, 9)),
    Rule::closed(Nth(2, Monday, 10)),
    // Christmas Eve, Christmas, Boxing Day
    Rule::closes(LocalTime::at(13, 0), Of(12, 24)).from(2010),
    Rule::closed(Of(12, 25)).observed(TwoDaysOn),
    Rule::closed(Of(12, 26)).observed(TwoDaysOn),
];
