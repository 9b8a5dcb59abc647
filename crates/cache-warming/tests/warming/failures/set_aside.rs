//! Keys that fail, or of which nothing is kept, are left alone longer each time (rules 86 and 87).

use std::{future::ready, time::Duration};

use cache_core::{Error, ErrorKind, Fill, Key, Warm};
use cache_warming::{KeysOf, RunBudget, RunSchedule};

use crate::fixture::{Fixture, by_hand, key, keys, numbered, seconds};

fn refused() -> Error {
    Error::new(ErrorKind::Config, "load", "a symbol of these is none")
}

/// Returns how long the pauses were between the calls that asked for a key.
fn pauses(at: &Fixture, id: &str) -> Vec<u64> {
    let calls = at.cache.script.lock().calls.clone();
    let asked: Vec<_> =
        calls.iter().filter(|(_, ids)| ids.iter().any(|asked| asked == id)).map(|(at, _)| *at).collect();
    asked.windows(2).map(|pair| pair[1].since(pair[0]).as_secs()).collect()
}

/// Fetches these keys each second of a span, of which each value lives for half a second.
async fn fetch_each_second(at: &Fixture, span: Duration) {
    at.cache.script.lock().life = Duration::from_millis(500);
    at.tick_for(span).await;
}

fn each_second(picked: Vec<Key>) -> KeysOf {
    KeysOf::new("each", RunSchedule::Every(seconds(1)), move || ready(Ok(picked.clone())))
}

#[tokio::test]
async fn rule_87_a_key_that_fails_is_left_alone_longer_each_time_and_the_others_go_on() {
    let at = Fixture::new(|builder| builder.strategy(each_second(keys(&["AAPL", "BAD"]))));
    at.cache.script.lock().failing.insert("BAD".into());
    fetch_each_second(&at, seconds(8_000)).await;
    assert_eq!(pauses(&at, "BAD"), [30, 60, 120, 240, 480, 960, 1920, 3840]);
    assert_eq!(pauses(&at, "AAPL").len(), 7_999);
    let last = at.strategy("each").last.unwrap();
    assert_eq!((last.success, last.items, last.set_aside, last.fetched), (true, 2, 1, 1));
    // It comes once, and begins anew.
    at.cache.script.lock().failing.clear();
    at.tick_for(seconds(3_840)).await;
    assert!(pauses(&at, "BAD").len() > 300, "it is fetched like any other");
    at.cache.script.lock().failing.insert("BAD".into());
    at.tick_for(seconds(40)).await;
    assert_eq!(pauses(&at, "BAD").last(), Some(&30));
}

#[tokio::test]
async fn rule_87_while_all_fail_the_source_is_left_alone_and_no_key_is() {
    let at = Fixture::new(|builder| builder.strategy(each_second(keys(&["AAPL", "MSFT"]))));
    at.cache.script.lock().failing = ["AAPL".into(), "MSFT".into()].into();
    at.tick_for(seconds(1)).await;
    at.cache.script.lock().failing.clear();
    at.tick_for(seconds(3)).await;
    assert_eq!(at.effect("each").fetched, 2);
}

/// There is no value, and the cache does not remember that.
#[tokio::test]
async fn rule_86_what_leaves_nothing_to_be_read_is_not_fetched_again_and_again() {
    let at = Fixture::new(|builder| builder.strategy(each_second(keys(&["AAPL"]))));
    at.cache.script.lock().life = Duration::ZERO;
    at.tick_for(seconds(100)).await;
    assert_eq!(pauses(&at, "AAPL"), [30, 60]);
}

#[tokio::test]
async fn rule_87_a_clock_that_is_set_back_prolongs_no_pause() {
    let at = Fixture::new(|builder| builder.strategy(each_second(keys(&["AAPL", "BAD"]))));
    at.cache.script.lock().failing.insert("BAD".into());
    at.tick_for(seconds(1)).await;
    at.clock.shift_wall(-86_400_000_000);
    at.cache.script.lock().failing.clear();
    at.tick_for(seconds(2)).await;
    assert!(at.cache.fresh_for(&key("BAD")).is_some());
}

/// A source that refuses a call for one of its keys refuses all of it.
#[tokio::test]
async fn rule_87_the_key_for_which_filled_calls_are_refused_is_found_and_left_out() {
    let at = Fixture::new(|builder| builder);
    for (index, key) in numbered("S", 9).iter().enumerate() {
        at.hits(key, 20 - index);
    }
    let bad = key("S0003");
    let (mut calls, mut refusals) = (0, 0);
    while at.cache.fresh_for(&key("S0008")).is_none() && calls < 200 {
        calls += 1;
        let own = key(&format!("miss-{calls}"));
        let filled = at.fill(&[&own], 9);
        match filled.contains(&bad) {
            true => {
                refusals += 1;
                let error = refused();
                at.warming.filled("price", &filled, filled.len() + 1, Duration::ZERO, Some(&error));
            }
            false => {
                filled.iter().for_each(|key| at.cache.set_fresh(key.id(), seconds(3600)));
                at.warming.filled("price", &filled, filled.len() + 1, Duration::ZERO, None);
            }
        }
        at.clock.advance(seconds(10));
    }
    assert!(refusals <= 8, "{refusals} calls were made twice");
    assert!(at.cache.fresh_for(&bad).is_none() && at.cache.fresh_for(&key("S0004")).is_some());
}

#[tokio::test]
async fn a_run_that_hangs_ends_with_its_time_and_the_strategy_runs_again() {
    let hangs = KeysOf::new("hangs", RunSchedule::Every(seconds(60)), std::future::pending)
        .budget(RunBudget::default().time(seconds(100)));
    let at = Fixture::new(|builder| builder.strategy(hangs));
    let clock = at.clock.clone();
    let ((), ()) = tokio::join!(at.warming.tick(), crate::fixture::advance(&clock, seconds(100)));
    let last = at.strategy("hangs").last.unwrap();
    assert!(!last.success && last.error.as_ref().unwrap().contains("within 100s"), "{last:?}");
    assert_eq!((at.strategy("hangs").runs, last.duration_ms), (1, 100_000));
    assert!(at.strategy("hangs").running.is_none());
}

/// A read of callers who ask for ten keys in a call saves a tenth of a call.
#[tokio::test]
async fn rule_85_what_is_saved_is_told_in_calls_of_the_size_that_callers_make() {
    for own in [1, 10] {
        let at = Fixture::new(|builder| {
            builder.strategy(by_hand("warm", numbered("S", 10), RunBudget::default()))
        });
        at.warming.filled("price", &[], own, Duration::ZERO, None);
        at.run("warm").await;
        // The cache tells of the call that the run made, too.
        at.warming.filled("price", &[], 10, Duration::ZERO, None);
        for key in numbered("S", 10) {
            at.hit(&key);
        }
        assert_eq!(at.warming.stats().calls_saved, 10 / own as i64 - 1, "{own} keys a call");
    }
}

/// Callers may go on to ask for what fails: that says little of the others.
#[tokio::test]
async fn rule_87_a_key_that_fails_its_callers_or_alone_lengthens_no_pause_of_its_kind() {
    let at = Fixture::new(|builder| builder.strategy(each_second(keys(&["BAD"]))));
    at.hits(&key("AAPL"), 9);
    at.warming.history().settle();
    for _ in 0..20 {
        at.warming.filled("price", &[], 2, Duration::ZERO, Some(&refused()));
        assert!(at.fill(&[], 3).is_empty(), "for a second");
        at.clock.advance(seconds(1));
        assert_eq!(at.fill(&[], 3), keys(&["AAPL"]));
    }
    // Fetched alone, it is at fault the second time.
    at.cache.script.lock().failing.insert("BAD".into());
    at.tick_for(seconds(60)).await;
    assert_eq!(pauses(&at, "BAD"), [30]);
    assert!(!at.warming.stats().kinds[0].paused);
}
