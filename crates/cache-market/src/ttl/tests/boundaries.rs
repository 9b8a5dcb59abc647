//! The table at the edges of market time, on the manual clock.

use std::time::Duration;

use cache_core::{Clock, Freshness, Meta, Timestamp};

use market_data::{
    Market,
    moment::{from_jiff, to_jiff},
};

use super::{at, key, life};
use crate::MarketTime;

const HOUR: u64 = 3_600;

/// Turns the manual clock to a moment and says how long a value lives that is loaded then; and that it is fresh
/// for exactly so long.
fn lives(text: &str, moment: &str) -> Duration {
    let clock = Clock::manual();
    clock.advance(at(moment).since(clock.now()));
    assert_eq!(clock.now(), at(moment), "the manual clock starts in 2020");
    let time = MarketTime::default();
    let life = life(&time, text, clock.now());
    let data = text.parse::<crate::StandardKey>().unwrap().data();
    let meta = Meta::new(clock.now(), time.ttl(data).of(&key(text), false, clock.now()));
    assert_eq!(meta.freshness(clock.now().after(life)), Freshness::Stale);
    assert_eq!(meta.freshness(clock.now().after(life).before(Duration::from_micros(1))), Freshness::Fresh);
    life
}

fn check(key: &str, table: &[(&str, u64)]) {
    for (moment, seconds) in table {
        assert_eq!(lives(key, moment), Duration::from_secs(*seconds), "{key} at {moment}");
    }
}

#[test]
fn a_price_dies_at_the_open_at_the_close_and_when_the_close_has_settled() {
    check(
        "price:AAPL",
        &[
            ("2024-07-02T03:59:00-04:00", 5 * HOUR + 31 * 60), // night: until the open
            ("2024-07-02T04:00:00-04:00", 1_200),              // before the open
            ("2024-07-02T09:29:00-04:00", 60),
            ("2024-07-02T09:29:59-04:00", 1),
            ("2024-07-02T09:30:00-04:00", 300), // open
            ("2024-07-02T15:55:00-04:00", 300),
            ("2024-07-02T15:58:00-04:00", 120),
            ("2024-07-02T15:59:59-04:00", 1),
            ("2024-07-02T16:00:00-04:00", 1_200), // settling
            ("2024-07-02T16:19:00-04:00", 60),
            ("2024-07-02T16:20:00-04:00", 1_200),
            ("2024-07-02T20:00:00-04:00", 13 * HOUR + 1_800), // night
        ],
    );
}

#[test]
fn an_early_close_a_holiday_and_its_eve_are_known() {
    check(
        "price:AAPL",
        &[
            ("2024-07-03T12:58:00-04:00", 120), // closes at 13:00
            ("2024-07-03T13:00:00-04:00", 1_200),
            ("2024-07-03T17:00:00-04:00", 40 * HOUR + 1_800), // the eve: until Friday's open
            ("2024-07-04T09:30:00-04:00", 24 * HOUR),         // Independence Day
            ("2024-07-05T09:29:00-04:00", 60),
        ],
    );
}

#[test]
fn weekends_are_as_long_as_they_are_when_the_clocks_change() {
    check(
        "price:AAPL",
        &[
            ("2024-07-05T21:00:00-04:00", 60 * HOUR + 1_800), // an ordinary weekend
            ("2024-07-06T12:00:00-04:00", 45 * HOUR + 1_800),
            ("2024-03-08T21:00:00-05:00", 59 * HOUR + 1_800), // clocks go forward: an hour less
            ("2024-11-01T21:00:00-04:00", 61 * HOUR + 1_800), // and back: an hour more
        ],
    );
}

#[test]
fn london_changes_its_clocks_three_weeks_after_new_york() {
    check(
        "price:AZN@XLON",
        &[
            ("2024-03-12T07:59:00Z", 60), // still on winter time
            ("2024-03-12T08:00:00Z", 300),
            ("2024-03-12T16:29:00Z", 60),
            ("2024-03-12T16:30:00Z", 1_200),
            ("2024-03-12T16:50:00Z", 15 * HOUR + 600), // settled: until the open
            ("2024-03-28T17:00:00Z", 110 * HOUR),      // Easter, and summer time begins: until Tuesday
            ("2024-04-02T06:59:00Z", 60),
            ("2024-12-24T12:29:00Z", 60), // Christmas Eve closes at 12:30
        ],
    );
}

#[test]
fn hong_kong_has_lunch() {
    check(
        "price:0700@XHKG",
        &[
            ("2024-07-02T09:29:00+08:00", 60),
            ("2024-07-02T11:58:00+08:00", 120), // trading ends at noon
            ("2024-07-02T12:00:00+08:00", 1_200),
            ("2024-07-02T12:50:00+08:00", 600), // and goes on at one
            ("2024-07-02T13:00:00+08:00", 300),
            ("2024-07-02T15:59:00+08:00", 60),
            ("2024-02-09T11:59:00+08:00", 60), // the eve of the lunar new year: half a day
            ("2024-02-09T21:00:00+08:00", 108 * HOUR + 1_800), // until Wednesday
        ],
    );
    check("ohlcv:0700@XHKG:1d", &[("2024-07-02T12:30:00+08:00", 300), ("2024-07-02T16:19:00+08:00", 60)]);
}

#[test]
fn foreign_exchange_rests_at_the_weekend_and_coins_never() {
    check("market:EUR_USD:M5", &[("2024-07-03T03:00:00Z", 60), ("2024-07-06T12:00:00Z", 33 * HOUR)]);
    let friday = at("2024-07-05T12:00:00Z");
    let calendars = market_calendar::Calendars::builtin();
    let fx = calendars.of(Market::FX).unwrap();
    let close = from_jiff(fx.next_change(to_jiff(friday)).unwrap());
    let open = from_jiff(fx.next_open(to_jiff(at("2024-07-06T12:00:00Z"))).unwrap());
    let seconds = |key: &str, at| life(&MarketTime::default(), key, at).as_secs();
    assert_eq!(seconds("price:EUR_USD@FX", friday), 300);
    assert_eq!(seconds("price:EUR_USD@FX", close.before(Duration::from_secs(10))), 10);
    assert_eq!(seconds("price:EUR_USD@FX", open.before(Duration::from_secs(9_000))), 9_000);
    check("book:EUR_USD@FX", &[("2024-07-03T03:00:00Z", 300), ("2024-07-06T12:00:00Z", 33 * HOUR)]);
    for moment in ["2024-07-06T12:00:00Z", "2024-12-25T00:00:00Z", "2024-07-02T23:59:59Z"] {
        check("price:BTC@CRYPTO", &[(moment, 60)]);
    }
}

/// The faults of the seeds: hours compared with UTC, no DST, no holidays.
#[test]
fn hours_are_the_markets_own_in_summer_and_in_winter() {
    check(
        "price:AAPL",
        &[
            ("2024-07-02T13:29:00Z", 60), // opens at 13:30 UTC in summer
            ("2024-07-02T13:30:00Z", 300),
            ("2024-01-02T13:30:00Z", 1_200), // and at 14:30 in winter
            ("2024-01-02T14:29:00Z", 60),
            ("2024-01-02T14:30:00Z", 300),
            ("2024-07-02T09:30:00Z", 1_200),
            ("2024-07-02T15:59:00Z", 300),               // 16:00 UTC is noon
            ("2024-12-25T15:00:00Z", 23 * HOUR + 1_800), // Christmas
        ],
    );
}

#[test]
fn the_close_refreshes_daily_series() {
    check(
        "ohlcv:AAPL:1d",
        &[
            ("2024-07-02T15:00:00-04:00", 300),
            ("2024-07-02T16:15:00-04:00", 300), // dies when the close has settled
            ("2024-07-02T16:19:00-04:00", 60),
            ("2024-07-02T16:20:00-04:00", 21 * HOUR), // lives to the next one, early at 13:00
            ("2024-07-06T12:00:00-04:00", 52 * HOUR + 1_200), // the weekend: to Monday's
        ],
    );
    check(
        "adjusted_close:AAPL",
        &[("2024-07-02T15:00:00-04:00", 80 * 60), ("2024-07-02T17:00:00-04:00", 20 * HOUR + 1_200)],
    );
}

#[test]
fn series_within_a_day_live_by_trading_and_by_their_interval() {
    check(
        "ohlcv:AAPL:5m",
        &[
            ("2024-07-02T12:00:00-04:00", 60), // a tenth of 300, and never under a minute
            ("2024-07-02T15:59:30-04:00", 30), // but for the close
            ("2024-07-02T21:00:00-04:00", 8_640),
            ("2024-07-02T09:00:00-04:00", 1_800), // until the open
        ],
    );
    check("ohlcv:AAPL:1y", &[("2024-07-02T12:00:00-04:00", 4_800)]);
    check("market:AAPL:H1", &[("2024-07-02T12:00:00-04:00", 150)]);
}

#[test]
fn what_has_no_calendar_lives_by_the_open_row_at_all_times() {
    for moment in ["2024-07-02T03:00:00Z", "2024-07-06T12:00:00Z", "2024-12-25T12:00:00Z"] {
        check("price:EQNR@XOSL", &[(moment, 300)]);
        check("fundamentals:EQNR@XOSL", &[(moment, 24 * HOUR)]);
        check("narrative:EQNR@XOSL", &[(moment, 900)]);
        check("users:17", &[(moment, 3_600)]);
        check("users:session:17", &[(moment, 1_800)]);
        check("signals:17", &[(moment, 1_800)]);
    }
}

#[test]
fn what_no_market_changes_lives_by_the_table_alone() {
    let (monday, saturday) = ("2024-07-08T15:59:00-04:00", "2024-07-06T12:00:00-04:00");
    check("fundamentals:AAPL", &[(monday, 24 * HOUR), (saturday, 48 * HOUR)]);
    check("news:AAPL", &[(monday, 600), (saturday, 900)]);
    check("dividend:AAPL", &[(monday, 168 * HOUR), (saturday, 168 * HOUR)]);
    check("instrument:EUR_USD@FX", &[(monday, 24 * HOUR), (saturday, 48 * HOUR)]);
    check("treasury_yield:IRX@US.index", &[(monday, 3_600), (saturday, 3_600)]);
    check("narrative:AAPL", &[(monday, 900), ("2024-07-08T22:00:00-04:00", 1_800), (saturday, 3_600)]);
}

#[test]
fn a_moment_that_no_calendar_reaches_is_no_trouble() {
    for moment in [Timestamp::MIN, Timestamp::MAX, Timestamp::from_micros(0)] {
        let life = life(&MarketTime::default(), "price:AAPL", moment);
        assert!(life <= Duration::from_secs(48 * HOUR), "{moment:?}: {life:?}");
    }
}
