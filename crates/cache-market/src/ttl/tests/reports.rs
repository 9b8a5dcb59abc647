//! What a company reports lives until its next report, if that is announced.

use std::time::Duration;

use cache_core::Timestamp;
use proptest::prelude::*;

use super::{at, life};
use crate::{EventKind, MarketEvent, MarketTime, TtlRules, ttl::market_ttl::MAX_LIFE_UNTIL_REPORT};
use market_calendar::Calendars;

const DAY: Duration = Duration::from_secs(86_400);

fn announce(time: &MarketTime, symbol: &str, event: EventKind, at: Timestamp, now: Timestamp) {
    let event = MarketEvent::announced(symbol.parse().unwrap(), event).at(at);
    time.announce(&event, now).unwrap();
}

proptest! {
    /// The oracle: the first report ahead, or 31 days, or what the table says of the phase.
    #[test]
    fn a_fundamental_lives_until_the_first_announced_report_and_else_by_the_table(
        now in at("2015-01-02T00:00:00Z").as_micros()..at("2026-12-20T00:00:00Z").as_micros(),
        reports in prop::collection::vec(-5_000_000..5_000_000_i64, 0..4), other: bool,
    ) {
        let now = Timestamp::from_micros(now);
        let time = MarketTime::default();
        let table = life(&time, "fundamentals:AAPL", now);
        prop_assert!(table == DAY || table == 2 * DAY);
        let ahead: Vec<Timestamp> = reports
            .iter()
            .filter(|seconds| **seconds > 0)
            .map(|seconds| now.after(Duration::from_secs(seconds.unsigned_abs())))
            .collect();
        for report in &ahead {
            announce(&time, if other { "MSFT" } else { "AAPL" }, EventKind::Earnings, *report, now);
        }
        let wanted = match ahead.iter().min() {
            Some(first) if !other => first.since(now).min(MAX_LIFE_UNTIL_REPORT),
            _ => table,
        };
        prop_assert_eq!(life(&time, "fundamentals:AAPL", now), wanted);
    }
}

#[test]
fn other_events_other_kinds_and_absences_live_by_the_table() {
    let now = at("2024-07-02T12:00:00-04:00");
    let time = MarketTime::default();
    announce(&time, "AAPL", EventKind::Halt, now.after(10 * DAY), now);
    assert_eq!(life(&time, "fundamentals:AAPL", now), DAY, "a halt is no report");
    announce(&time, "AAPL", EventKind::Earnings, now.after(10 * DAY), now);
    assert_eq!(life(&time, "fundamentals:AAPL", now), 10 * DAY);
    assert_eq!(life(&time, "dividend:AAPL", now), 7 * DAY, "its row says nothing of reports");
    let key = super::key("fundamentals:AAPL");
    let absent = time.ttl(market_data::DataType::Fundamentals).of(&key, true, now).life;
    assert_eq!(absent, time.rules().classes.short, "what is absent may appear");
}

#[test]
fn the_row_alone_says_so_and_what_is_never_kept_stays_so() {
    let now = at("2024-07-02T12:00:00-04:00");
    let by = |rows: &str| {
        let rules: TtlRules = serde_json::from_str(&format!(r#"{{"rows": {rows}}}"#)).unwrap();
        let time = MarketTime::new(rules, Calendars::builtin()).unwrap();
        announce(&time, "AAPL", EventKind::Earnings, now.after(5 * DAY), now);
        (life(&time, "fundamentals:AAPL", now), life(&time, "dividend:AAPL", now))
    };
    assert_eq!(by("{}"), (5 * DAY, 7 * DAY));
    assert_eq!(by(r#"{"fundamentals": {"changes": "any"}}"#).0, DAY);
    assert_eq!(by(r#"{"dividend": {"changes": "reports"}}"#).1, 5 * DAY);
    assert_eq!(by(r#"{"fundamentals": {"open": 0}}"#).0, Duration::ZERO);
}

#[test]
fn until_change_says_nothing_where_a_value_may_change_at_any_moment() {
    let rules: TtlRules =
        serde_json::from_str(r#"{"rows": {"fundamentals": {"open": "until_change"}}}"#).unwrap();
    assert!(rules.check().unwrap_err().to_string().contains("until_change"));
}
