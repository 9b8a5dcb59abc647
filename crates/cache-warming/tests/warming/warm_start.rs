//! The warm start: what was hot comes from the lower tiers before the service is ready (rule 89).

use cache_core::{Key, Warm};
use cache_warming::Coverage;
use futures_util::FutureExt;
use proptest::{prop_assert_eq, proptest};
use tokio::join;

use crate::fixture::{Cache, Fixture, advance, cases, key, numbered, seconds};

/// A fixture that starts anew with the history of so many keys, the first of which was asked for most.
fn restarted(many: usize) -> Fixture {
    let before = Fixture::new(|builder| builder);
    let keys = numbered("S", many);
    for part in keys.chunks(1000) {
        part.iter().for_each(|key| before.hit(key));
        before.warming.history().settle();
    }
    for (index, key) in keys.iter().enumerate() {
        before.hits(key, many - index);
    }
    let at = Fixture::new(|builder| builder);
    at.warming.history().restore(&before.warming.history().saved(usize::MAX));
    at
}

proptest! {
    #![proptest_config(cases(64))]

    #[test]
    fn rule_89_the_hottest_come_from_the_lower_tiers_and_no_source_is_asked(
        below in proptest::collection::vec(proptest::bool::ANY, 50), most in 0..60_usize,
    ) {
        let at = restarted(50);
        let all = numbered("S", 50);
        for (key, is_below) in all.iter().zip(&below) {
            if *is_below {
                at.cache.set_lower(key.id(), seconds(30));
            }
        }
        let start = at.warming.warm_start(most, seconds(10)).now_or_never().unwrap();
        let looked_for = most.min(50);
        let expected: Vec<&str> = all.iter().take(most).map(Key::id).collect();
        prop_assert_eq!(at.cache.script.lock().lifts.concat(), expected);
        let has = below.iter().take(most).filter(|has| **has).count();
        prop_assert_eq!((start.looked_for, start.lifted, start.timed_out), (looked_for, has, false));
        for (key, is_below) in all.iter().take(most).zip(&below) {
            prop_assert_eq!(at.cache.fresh_for(key).is_some(), *is_below);
        }
        prop_assert_eq!(at.cache.calls().len(), 0);
    }
}

#[tokio::test]
async fn rule_89_a_tier_that_hangs_holds_up_the_start_no_longer_than_its_limit() {
    let at = restarted(50);
    at.cache.script.lock().lower_hangs = true;
    let before = at.clock.now();
    let start = async {
        let start = at.warming.warm_start(50, seconds(5)).await;
        (start, at.clock.now().since(before))
    };
    let ((start, took), ()) = join!(start, advance(&at.clock, seconds(20)));
    assert_eq!((start.looked_for, start.lifted, start.timed_out), (0, 0, true));
    assert_eq!((took, at.cache.calls().len()), (seconds(5), 0));
}

#[tokio::test]
async fn the_limit_is_of_all_kinds_together_and_what_came_is_told() {
    let at = Fixture::new(|builder| builder);
    let news = Cache::new("news", 10, &at.clock);
    at.warming.cover(news.clone(), Coverage::default());
    at.hit(&key("AAPL"));
    at.hit(&Key::new("news", "today").unwrap());
    at.cache.set_lower("AAPL", seconds(30));
    at.cache.script.lock().lower_takes = seconds(3);
    news.script.lock().lower_hangs = true;
    let before = at.clock.now();
    let start = async {
        let start = at.warming.warm_start(9, seconds(5)).await;
        assert_eq!(at.clock.now().since(before), seconds(5));
        start
    };
    let (start, ()) = join!(start, advance(&at.clock, seconds(20)));
    assert_eq!((start.looked_for, start.lifted, start.timed_out), (1, 1, true));
}

#[tokio::test]
async fn what_was_asked_for_most_in_days_goes_before_what_was_in_the_last_minutes() {
    let at = Fixture::new(|builder| builder);
    let (usual, sudden) = (key("USUAL"), key("SUDDEN"));
    for _ in 0..48 {
        at.hits(&usual, 4);
        at.clock.advance(seconds(3600));
        at.warming.history().settle();
    }
    at.hits(&sudden, 100);
    at.warming.history().settle();
    assert_eq!(at.fill(&[], 1), [sudden]);
    at.warming.warm_start(1, seconds(5)).await;
    assert_eq!(at.cache.script.lock().lifts, [["USUAL"]]);
}

#[tokio::test]
async fn many_keys_are_looked_for_in_parts_and_a_tier_that_fails_has_none() {
    let at = restarted(1200);
    at.cache.script.lock().lower_fails = true;
    let start = at.warming.warm_start(usize::MAX, seconds(5)).await;
    assert_eq!((start.looked_for, start.lifted, start.timed_out), (1200, 0, false));
    let parts: Vec<usize> = at.cache.script.lock().lifts.iter().map(Vec::len).collect();
    assert_eq!(parts, [500, 500, 200]);
}

#[tokio::test]
async fn a_start_without_a_history_looks_for_nothing() {
    let at = Fixture::new(|builder| builder);
    assert_eq!(at.warming.warm_start(100, seconds(5)).await, Default::default());
}
