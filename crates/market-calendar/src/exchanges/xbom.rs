//! Mumbai: the National and the Bombay Stock Exchange, which keep the same days.

use jiff::civil::Date;

use crate::{
    Market,
    rules::{
        Day::{Easter, Of},
        EVER, Exchange, Hours, LocalTime, Rule, WEEKEND,
    },
};

/// Bombay Stock Exchange.
pub(crate) const XBOM: Exchange = Exchange {
    market: Market::XBOM,
    zone: "Asia/Kolkata",
    weekend: WEEKEND,
    hours: &[
        (EVER, Hours::new(LocalTime::at(9, 55), CLOSE)),
        (Date::constant(2010, 1, 4), Hours::new(LocalTime::at(9, 0), CLOSE)),
        (Date::constant(2010, 10, 18), Hours::new(LocalTime::at(9, 15), CLOSE)),
    ],
    extended: None,
    rules: RULES,
    table: include_str!("../../data/calendars/XBOM.txt"),
};

/// National Stock Exchange of India.
pub(crate) const XNSE: Exchange = Exchange { market: Market::XNSE, ..XBOM };

const CLOSE: LocalTime = LocalTime::at(15, 30);

/// None of these is observed on another day if it falls on a weekend.
const RULES: &[Rule] = &[
    // Republic Day, Good Friday, Ambedkar Jayanti, Maharashtra Day
    Rule::closed(Of(1, 26)),
    Rule::closed(Easter(-2)),
    Rule::closed(Of(4, 14)),
    Rule::closed(Of(5, 1)),
    // Independence Day, Gandhi Jayanti, Christmas
    Rule::closed(Of(8, 15)),
    Rule::closed(Of(10, 2)),
    Rule::closed(Of(12, 25)),
];
