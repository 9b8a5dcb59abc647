//! Shanghai, whose holidays are announced each year: a table for those, rules for the statutory days.

use crate::{
    Market,
    rules::{Day::Of, EVER, Exchange, Hours, LocalTime, Rule, WEEKEND},
};

/// Shanghai Stock Exchange.
pub(crate) const XSHG: Exchange = Exchange {
    market: Market::XSHG,
    zone: "Asia/Shanghai",
    weekend: WEEKEND,
    hours: &[(
        EVER,
        Hours::new(LocalTime::at(9, 30), LocalTime::at(15, 0))
            .lunch(LocalTime::at(11, 30), LocalTime::at(13, 0)),
    )],
    extended: None,
    rules: RULES,
    table: include_str!("../../data/calendars/XSHG.txt"),
};

/// The statutory days on fixed dates. The days off around them, and those in lieu of a weekend, are announced each
/// year and stand in the table.
const RULES: &[Rule] = &[
    // New Year
    Rule::closed(Of(1, 1)),
    // Labour Day, two days since 2025
    Rule::closed(Of(5, 1)),
    Rule::closed(Of(5, 2)).from(2025),
    // National Day
    Rule::closed(Of(10, 1)),
    Rule::closed(Of(10, 2)).from(1999),
    Rule::closed(Of(10, 3)).from(1999),
];

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use crate::{Calendars, Market};

    /// The exchange's own yearly count of trading days.
    #[test]
    fn shanghai_has_as_many_sessions_a_year_as_it_counts() {
        let calendars = Calendars::builtin();
        let shanghai = calendars.of(Market::XSHG).unwrap();
        for (year, count) in (2010..)
            .zip([242, 244, 243, 238, 245, 244, 244, 244, 243, 244, 243, 243, 242, 242, 242, 243, 242])
        {
            let sessions = shanghai.sessions(date(year, 1, 1), date(year, 12, 31));
            assert_eq!(sessions.count(), count, "{year}");
        }
    }
}
