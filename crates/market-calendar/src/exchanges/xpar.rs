//! Euronext Paris.

use crate::{
    Market,
    rules::{
        Day::{Easter, Of},
        EVER, Exchange, Hours, LocalTime, Rule, WEEKEND,
    },
};

/// Euronext Paris.
pub(crate) const XPAR: Exchange = Exchange {
    market: Market::XPAR,
    zone: "Europe/Paris",
    weekend: WEEKEND,
    hours: &[(EVER, Hours::new(LocalTime::at(9, 0), LocalTime::at(17, 30)))],
    extended: None,
    rules: RULES,
    table: include_str!("../../data/calendars/XPAR.txt"),
};

const EARLY: LocalTime = LocalTime::at(14, 5);

const RULES: &[Rule] = &[
    // New Year's Day, Good Friday, Easter Monday, Labour Day
    Rule::closed(Of(1, 1)),
    Rule::closed(Easter(-2)),
    Rule::closed(Easter(1)),
    Rule::closed(Of(5, 1)),
    // Whit Monday and Bastille Day, until the exchanges of Euronext agreed on the same days
    Rule::closed(Easter(50)).until(2001),
    Rule::closed(Of(7, 14)).until(2001),
    // Christmas Eve, Christmas, Boxing Day
    Rule::closes(EARLY, Of(12, 24)),
    Rule::closed(Of(12, 25)),
    Rule::closed(Of(12, 26)).until(1995),
    Rule::closed(Of(12, 26)).from(2000),
    // New Year's Eve
    Rule::closed(Of(12, 31)).until(1995),
    Rule::closed(Of(12, 31)).between(1998, 2001),
    Rule::closes(EARLY, Of(12, 31)).from(2002),
];
