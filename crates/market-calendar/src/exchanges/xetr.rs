//! Frankfurt: Xetra, and the floor of the Frankfurt Stock Exchange, which keep the same days.

use crate::{
    Market,
    rules::{
        Day::{Easter, Of},
        EVER, Exchange, Hours, LocalTime,
        Observance::ToFriday,
        Rule, WEEKEND,
    },
};

/// Xetra, the electronic market of Frankfurt.
pub(crate) const XETR: Exchange = Exchange {
    market: Market::XETR,
    zone: "Europe/Berlin",
    weekend: WEEKEND,
    hours: &[(EVER, Hours::new(LocalTime::at(9, 0), LocalTime::at(17, 30)))],
    extended: None,
    rules: RULES,
    table: include_str!("../../data/calendars/XETR.txt"),
};

/// The floor, which trades from eight to ten. It opened later and closed earlier in years past: a market that is
/// taken for open costs loads, one that is taken for closed keeps prices that change. So its last day of a year
/// isn't short here.
pub(crate) const XFRA: Exchange = Exchange {
    market: Market::XFRA,
    hours: &[(EVER, Hours::new(LocalTime::at(8, 0), LocalTime::at(22, 0)))],
    rules: match RULES.split_last() {
        Some((_last_day, days)) => days,
        None => RULES,
    },
    ..XETR
};

const RULES: &[Rule] = &[
    // New Year's Day, Good Friday, Easter Monday, Labour Day
    Rule::closed(Of(1, 1)),
    Rule::closed(Easter(-2)),
    Rule::closed(Easter(1)),
    Rule::closed(Of(5, 1)),
    // Whit Monday and the Day of German Unity, for a few years
    Rule::closed(Easter(50)).between(2015, 2021),
    Rule::closed(Of(10, 3)).between(2014, 2021),
    // Christmas Eve to Boxing Day
    Rule::closed(Of(12, 24)),
    Rule::closed(Of(12, 25)),
    Rule::closed(Of(12, 26)),
    // New Year's Eve, and the last weekday before, which stands last: the floor is without it
    Rule::closed(Of(12, 31)),
    Rule::closes(LocalTime::at(14, 0), Of(12, 30)).observed(ToFriday).from(2010),
];
