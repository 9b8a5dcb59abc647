//! New York: the New York Stock Exchange and Nasdaq, which keep the same days.

use jiff::civil::Weekday::{Friday, Monday, Thursday, Tuesday, Wednesday};

use crate::{
    Market,
    rules::{
        Day::{AfterNth, Easter, Nth, Of},
        EVER, Exchange, Extended, Hours, LocalTime,
        Observance::{SundayToMonday, ToNearest},
        Rule, WEEKEND,
    },
};

/// New York Stock Exchange.
pub(crate) const XNYS: Exchange = Exchange {
    market: Market::XNYS,
    zone: "America/New_York",
    weekend: WEEKEND,
    hours: &[(EVER, Hours::new(LocalTime::at(9, 30), LocalTime::at(16, 0)))],
    extended: Some(Extended { from: LocalTime::at(4, 0), hours_after_close: 4 }),
    rules: RULES,
    table: include_str!("../../data/calendars/XNYS.txt"),
};

/// Nasdaq.
pub(crate) const XNAS: Exchange = Exchange { market: Market::XNAS, ..XNYS };

const ONE: LocalTime = LocalTime::at(13, 0);
const TWO: LocalTime = LocalTime::at(14, 0);

const RULES: &[Rule] = &[
    // New Year's Day. On a Saturday it is not observed: the Friday before stays a trading day.
    Rule::closed(Of(1, 1)).observed(SundayToMonday),
    // Martin Luther King Jr. Day, Presidents' Day
    Rule::closed(Nth(3, Monday, 1)).from(1998),
    Rule::closed(Nth(3, Monday, 2)).from(1971),
    // Good Friday, Memorial Day, Juneteenth
    Rule::closed(Easter(-2)),
    Rule::closed(Nth(-1, Monday, 5)).from(1971),
    Rule::closed(Of(6, 19)).observed(ToNearest).from(2022),
    // Independence Day, and a short day before or after it
    Rule::closed(Of(7, 4)).observed(ToNearest),
    Rule::closes(ONE, Of(7, 3)).on(&[Monday, Tuesday, Thursday]).from(1995),
    Rule::closes(ONE, Of(7, 3)).on(&[Wednesday]).from(2013),
    Rule::closes(ONE, Of(7, 5)).on(&[Friday]).between(1995, 2012),
    // Labor Day
    Rule::closed(Nth(1, Monday, 9)),
    // Thanksgiving, and the day after
    Rule::closed(Nth(4, Thursday, 11)),
    Rule::closes(TWO, AfterNth(4, Thursday, 11)).between(1992, 1992),
    Rule::closes(ONE, AfterNth(4, Thursday, 11)).from(1993),
    // Christmas, and the day before
    Rule::closed(Of(12, 25)).observed(ToNearest),
    Rule::closes(TWO, Of(12, 24)).on(&[Monday, Tuesday, Wednesday, Thursday]).until(1992),
    Rule::closes(ONE, Of(12, 24)).on(&[Monday, Tuesday, Wednesday, Thursday]).from(1993),
];
