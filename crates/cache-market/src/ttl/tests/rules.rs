//! Every cell can be set, what makes no sense is refused, and rules are replaced while they are in use.

use std::time::Duration;

use cache_core::{Timestamp, Ttl, TtlPolicy};

use super::{at, key, life, prices};
use crate::{Life, MarketTime, Scope, TtlRules};
use market_calendar::{Calendars, Phase};
use market_data::{AssetType, DataType};

const NOON: &str = "2024-07-02T12:00:00-04:00";

fn time(rules: &str) -> MarketTime {
    MarketTime::new(serde_json::from_str(rules).unwrap(), Calendars::builtin()).unwrap()
}

#[test]
fn rules_are_read_as_they_are_written() {
    let rules = TtlRules::default();
    let text = serde_json::to_string_pretty(&rules).unwrap();
    assert_eq!(serde_json::from_str::<TtlRules>(&text).unwrap(), rules, "{text}");
    assert_eq!(serde_json::from_str::<TtlRules>("{}").unwrap(), rules, "what is not said is as by default");
}

#[test]
fn a_cell_is_changed_and_the_rest_stays() {
    let time = time(
        r#"{"classes": {"long": "2h"}, "rows": {"price": {"open": "1m"}, "price.etf": {"open": "short"}, "user": {"stale_for": 5}}}"#,
    );
    let now = at(NOON);
    let seconds = |text| life(&time, text, now).as_secs();
    assert_eq!([seconds("price:AAPL"), seconds("price:SPY@US.etf"), seconds("users:1")], [60, 300, 7_200]);
    assert_eq!(
        time.rules().life(Scope::of(DataType::Price, AssetType::Etf), Phase::Post),
        Life::seconds(1_200)
    );
    assert_eq!(time.ttl(DataType::User).of(&key("users:1"), false, now).grace, Duration::from_secs(7_205));
}

#[test]
fn a_phase_of_which_nothing_is_said_is_as_the_one_that_stands_in() {
    let rules: TtlRules =
        serde_json::from_str(r#"{"rows": {"signal": {"open": 1, "closed": 2, "weekend": 3}}}"#).unwrap();
    let seconds = |phase| rules.life(Scope::all(DataType::Signal), phase);
    for (phase, expected) in [
        (Phase::Open, 1),
        (Phase::Break, 1),
        (Phase::Pre, 2),
        (Phase::Post, 2),
        (Phase::Closed, 2),
        (Phase::Weekend, 3),
        (Phase::Holiday, 3),
    ] {
        assert_eq!(seconds(phase), Life::seconds(expected), "{phase:?}");
    }
}

/// It was called so once, and counted past the life, while all other grace counts from birth.
#[test]
fn rules_that_say_grace_are_refused_and_told_to_say_stale_for() {
    for text in [r#"{"grace": 60}"#, r#"{"rows": {"price": {"grace": 60}}}"#] {
        let error = serde_json::from_str::<TtlRules>(text).unwrap_err().to_string();
        assert!(error.contains("unknown field `grace`") && error.contains("`stale_for`"), "{error}");
    }
}

/// The fault of the seeds: a TTL of 0 meant for ever.
#[test]
fn a_life_of_zero_is_never_kept() {
    let time = time(r#"{"rows": {"price": {"open": 0}}}"#);
    let ttl = time.ttl(DataType::Price).of(&key("price:AAPL"), false, at(NOON));
    assert_eq!(ttl, Ttl::NONE, "and has no grace");
}

#[test]
fn what_is_absent_is_soon_asked_for_again() {
    let (time, data) = prices();
    let night = at("2024-07-02T21:00:00-04:00");
    let policy = time.ttl(data);
    let ttl = |value: Option<&f64>| policy.ttl(&key("price:NOSUCH"), value, night).life.as_secs();
    assert_eq!((ttl(None), ttl(Some(&1.0))), (300, 45_000));
}

#[test]
fn prices_before_the_open_and_after_the_close_count_where_that_is_said() {
    let time = time(r#"{"rows": {"price": {"changes": "extended"}}}"#);
    let seconds = |moment| life(&time, "price:AAPL", at(moment)).as_secs();
    assert_eq!(seconds("2024-07-02T03:50:00-04:00"), 600, "until trading begins at four");
    assert_eq!(seconds("2024-07-02T19:55:00-04:00"), 300, "until it ends at eight");
    assert_eq!(seconds("2024-07-02T16:10:00-04:00"), 1_200);
    assert_eq!(seconds("2024-07-06T12:00:00-04:00"), 40 * 3_600, "until Monday at four");
}

#[test]
fn rules_that_make_no_sense_are_refused_and_name_the_cell() {
    for (text, why) in [
        (
            r#"{"rows": {"price": {"open": "until_change"}}}"#,
            "rows.price says until_change for the phase Open",
        ),
        (r#"{"rows": {"news.equity": {"weekend": "until_change"}}}"#, "rows.news.equity"),
        (r#"{"rows": {"price": {"changes": "any"}}}"#, "until_change"),
        (r#"{"absent": "until_change"}"#, "absent"),
        (r#"{"frequency": {"day": 0}}"#, "frequency.day is 0"),
        (r#"{"swing_half_life": 0}"#, "swing_half_life"),
        (r#"{"events": {"move_percent": -3}}"#, "move_percent is -3"),
        (r#"{"events": {"touches": {"news": {"refresh": ["signal"]}}}}"#, "only be dropped"),
        (
            r#"{"rows": {"price": {"volatility": {"steps": [{"above": -1, "life": 1}]}}}}"#,
            "rows.price.volatility",
        ),
    ] {
        let rules: TtlRules = serde_json::from_str(text).unwrap();
        let message = rules.check().unwrap_err().to_string();
        assert!(message.contains(why), "{text}: {message}");
        let (time, _) = prices();
        assert!(time.replace(rules).is_err());
        assert_eq!(*time.rules(), TtlRules::default(), "the old rules are in force");
    }
}

#[test]
fn names_that_are_unknown_are_refused() {
    for text in [
        r#"{"row": {}}"#,
        r#"{"rows": {"prize": {}}}"#,
        r#"{"rows": {"price": {"opne": 5}}}"#,
        r#"{"rows": {"price.equities": {"open": 5}}}"#,
        r#"{"classes": {"tiny": 5}}"#,
        r#"{"frequency": {"daily": 1}}"#,
        r#"{"events": {"touches": {"rumour": {}}}}"#,
        r#"{"rows": {"price": {"open": "five"}}}"#,
    ] {
        assert!(serde_json::from_str::<TtlRules>(text).is_err(), "{text}");
    }
}

#[test]
fn rules_are_replaced_while_policies_use_them() {
    let (time, data) = prices();
    let policy = time.ttl(data);
    let seconds = |now: Timestamp| policy.of(&key("price:AAPL"), false, now).life.as_secs();
    assert_eq!(seconds(at(NOON)), 300);
    time.replace(serde_json::from_str(r#"{"rows": {"price": {"open": 30}}}"#).unwrap()).unwrap();
    assert_eq!(seconds(at(NOON)), 30);
    let closed =
        Calendars::builtin().extended("XNYS 2024-07-02 closed  # a day of mourning", "calendar.txt").unwrap();
    time.replace_calendars(closed);
    assert_eq!(seconds(at(NOON)), 21 * 3_600 + 1_800, "until the next day's open");
}
