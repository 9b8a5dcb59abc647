//! Australian Securities Exchange, in Sydney.

use jiff::civil::Weekday::Monday;

use crate::{
    Market,
    rules::{
        Day::{Before, Easter, Nth, Of},
        EVER, Exchange, Hours, LocalTime,
        Observance::{SundayToMonday, ToFriday, ToMonday, TwoDaysOn},
        Rule, WEEKEND,
    },
};

/// Australian Securities Exchange.
pub(crate) const XASX: Exchange = Exchange {
    market: Market::XASX,
    zone: "Australia/Sydney",
    weekend: WEEKEND,
    hours: &[(EVER, Hours::new(LocalTime::at(10, 0), LocalTime::at(16, 0)))],
    extended: None,
    rules: RULES,
    table: include_str!("../../data/calendars/XASX.txt"),
};

const EARLY: LocalTime = LocalTime::at(14, 10);

const RULES: &[Rule] = &[
    Rule::closed(Of(1, 1)).observed(ToMonday),
    // Australia Day. Until 1992 it was kept on the Monday on or after; in 1993 the states disagreed.
    Rule::closed(Before(Monday, 2, 2)).until(1987),
    Rule::closed(Of(1, 26)).between(1988, 1988),
    Rule::closed(Before(Monday, 2, 2)).between(1989, 1992),
    Rule::closed(Of(1, 26)).observed(ToMonday).from(1994),
    // Good Friday, Easter Monday
    Rule::closed(Easter(-2)),
    Rule::closed(Easter(1)),
    // Anzac Day on a weekend is not observed, but was in 2010.
    Rule::closed(Of(4, 25)),
    Rule::closed(Of(4, 25)).observed(SundayToMonday).between(2010, 2010),
    // The sovereign's birthday
    Rule::closed(Nth(2, Monday, 6)),
    // Christmas and Boxing Day, and the last days before Christmas and the New Year
    Rule::closed(Of(12, 25)).observed(TwoDaysOn),
    Rule::closed(Of(12, 26)).observed(TwoDaysOn),
    Rule::closes(EARLY, Of(12, 24)).observed(ToFriday).from(2010),
    Rule::closes(EARLY, Of(12, 31)).observed(ToFriday).from(2010),
];
