//! Volatility, calm and events bear on lives.

use std::time::Duration;

use cache_core::{Clock, ErrorKind, Tag};

use super::{at, life};
use crate::{Effect, EventKind, MarketEvent, MarketTime, StandardKey};
use market_calendar::Calendars;
use market_data::{Asset, DataType};

fn apple() -> Asset {
    "AAPL".parse().unwrap()
}

fn at_noon() -> (Clock, MarketTime) {
    let clock = Clock::manual();
    clock.advance(at("2024-07-02T12:00:00-04:00").since(clock.now()));
    (clock, MarketTime::default())
}

/// FIML's rule for equities: 900 s, 600 above 1 %, 300 above 3 %.
#[test]
fn a_swing_shortens_a_life_and_is_forgotten() {
    let (clock, time) = at_noon();
    let seconds = || life(&time, "narrative:AAPL", clock.now()).as_secs();
    assert_eq!(seconds(), 900, "nothing was seen yet");
    for (price, expected) in [(100.0, 900), (100.9, 900), (101.5, 600), (104.0, 300)] {
        time.observe(&apple(), price, clock.now());
        assert_eq!(seconds(), expected, "at {price}");
    }
    // In an hour 4 % come to 2, in two to 1.
    clock.advance(Duration::from_secs(3_600));
    assert_eq!(seconds(), 600);
    clock.advance(Duration::from_secs(3_700));
    assert_eq!(seconds(), 900);
    assert_eq!(life(&time, "narrative:MSFT", clock.now()).as_secs(), 900, "another asset's swing is its own");
}

#[test]
fn a_closed_market_has_no_swing() {
    let (clock, time) = at_noon();
    clock.advance(Duration::from_secs(10 * 3_600));
    time.observe(&apple(), 100.0, clock.now());
    time.observe(&apple(), 110.0, clock.now());
    assert_eq!(life(&time, "narrative:AAPL", clock.now()).as_secs(), 1_800);
}

#[test]
fn calm_lengthens_a_life_once_it_has_been_seen_for_a_while() {
    let rules =
        r#"{"rows": {"price": {"volatility": {"calm": {"below": 0.2, "watched": "30m", "life": "15m"}}}}}"#;
    let (clock, _) = at_noon();
    let time = MarketTime::new(serde_json::from_str(rules).unwrap(), Calendars::builtin()).unwrap();
    let seconds = |price: f64, minutes: u64| {
        clock.advance(Duration::from_secs(60 * minutes));
        time.observe(&apple(), price, clock.now());
        life(&time, "price:AAPL", clock.now()).as_secs()
    };
    assert_eq!(
        [seconds(100.0, 0), seconds(100.1, 20), seconds(100.1, 10), seconds(100.5, 1)],
        [300, 300, 900, 300]
    );
    clock.advance(at("2024-07-02T15:50:00-04:00").since(clock.now()));
    assert_eq!(life(&time, "price:AAPL", clock.now()).as_secs(), 600, "never past the close");
}

#[test]
fn a_move_is_seen_in_the_data_and_touches_what_is_computed_of_it() {
    let (clock, time) = at_noon();
    assert_eq!(time.observe(&apple(), 100.0, clock.now()), None);
    assert_eq!(time.observe(&apple(), 102.9, clock.now()), None);
    let moved = time.observe(&apple(), 97.0, clock.now()).unwrap();
    assert_eq!((moved.event, moved.seen_in), (EventKind::Move, Some(DataType::Price)));
    let effects = time.announce(&moved, clock.now()).unwrap();
    assert!(effects.contains(&Effect::Invalidate(Tag::new("technical:AAPL").unwrap())));
    assert!(!effects.iter().any(|effect| matches!(effect, Effect::Refresh(_))), "the price itself is new");

    let told = time.announce(&MarketEvent::announced(apple(), EventKind::Move), clock.now()).unwrap();
    assert!(told.contains(&Effect::Refresh(StandardKey::Price { asset: apple(), provider: None })));
}

#[test]
fn no_life_of_what_an_event_touches_reaches_past_it() {
    let (clock, time) = at_noon();
    let earnings = clock.now().after(Duration::from_secs(200));
    let event = MarketEvent::announced(apple(), EventKind::Earnings).at(earnings);
    assert_eq!(time.announce(&event, clock.now()).unwrap(), [], "it lies ahead");
    assert_eq!(time.announce(&event, clock.now()).unwrap(), [], "and is noted once");

    let seconds = |text: &str| life(&time, text, clock.now()).as_secs();
    assert_eq!(
        [seconds("price:AAPL"), seconds("fundamentals:AAPL"), seconds("price:AAPL:yahoo")],
        [200, 200, 200]
    );
    assert_eq!([seconds("dividend:AAPL"), seconds("price:MSFT")], [604_800, 300], "others are not touched");

    assert_eq!(time.next_event(), Some(earnings));
    clock.advance(Duration::from_secs(199));
    assert_eq!(time.due(clock.now()).unwrap(), []);
    clock.advance(Duration::from_secs(1));
    assert_eq!(
        seconds("price:AAPL"),
        300,
        "what has happened bounds nothing, whether or not it was asked for"
    );
    let due = time.due(clock.now()).unwrap();
    assert!(due.contains(&Effect::MarkStale(Tag::new("fundamentals:AAPL").unwrap())));
    assert_eq!(time.due(clock.now()).unwrap(), [], "each event once");
}

#[test]
fn the_agenda_is_bounded() {
    let (clock, time) = at_noon();
    let announce = |number: u64| {
        let at = clock.now().after(Duration::from_secs(number + 1));
        time.announce(
            &MarketEvent::announced(format!("A{number}").parse().unwrap(), EventKind::Halt).at(at),
            clock.now(),
        )
    };
    (0..10_000).for_each(|number| assert!(announce(number).is_ok()));
    assert_eq!(announce(10_000).unwrap_err().kind(), ErrorKind::Limit);
    clock.advance(Duration::from_secs(1));
    time.due(clock.now()).unwrap();
    assert!(announce(10_000).is_ok(), "once one has passed");
}

#[test]
fn an_event_is_read_from_json() {
    let event: MarketEvent =
        serde_json::from_str(r#"{"asset": "AAPL", "event": "earnings", "at": "2024-08-01T20:30:00Z"}"#)
            .unwrap();
    assert_eq!(event, MarketEvent::announced(apple(), EventKind::Earnings).at(at("2024-08-01T20:30:00Z")));
    assert!(serde_json::from_str::<MarketEvent>(r#"{"asset": "AAPL", "event": "rumour"}"#).is_err());
}
