//! Values that a refresh replaced, or a write that leaves out memory or a tier: nobody serves them any more.

use std::time::Duration;

use cache_core::{ErrorKind, Key, Operation};
use cache_facade::{Fetched, Ttl};
use tests::{Answer, Fixture, GRACE, LIFE as FRESH, ScriptedLoader, settle};

use super::nodes;
use crate::interrupted::{LIFE, World};

#[tokio::test]
async fn rule_109_a_refresh_that_changed_nothing_takes_nothing_from_other_nodes() {
    let (world, [first, second]) = World::new().await;
    let same = ScriptedLoader::new(|_: &Key, _| 1);
    let region = first.cache.region::<u64>("k").ttl(Ttl::new(LIFE)).loader(same).open().unwrap();
    assert_eq!(region.refresh(&["a"]).await.unwrap().loaded, 1);
    settle().await;
    assert_eq!(second.region.peek("a").as_deref(), Some(&1));
    drop(world);
}

/// A handle that leaves out memory or a tier: what is there from before is not served by others.
#[tokio::test]
async fn rule_110_a_write_that_skips_a_tier_ends_the_older_value_there() {
    for skipped in ["memory", "own", "shared"] {
        for refreshed in [false, true] {
            let (world, [first, second]) = World::new().await;
            let source = ScriptedLoader::new(|_: &Key, _| 50);
            let region = first.cache.region::<u64>("k").ttl(Ttl::new(LIFE)).loader(source).open().unwrap();
            let elsewhere = region.with(|policy| policy.skip(skipped));
            if refreshed {
                assert_eq!(elsewhere.refresh(&["a"]).await.unwrap().loaded, 1);
            } else {
                elsewhere.put("a", 50).await.unwrap();
            }
            settle().await;
            let held = World::served(&first).await[0];
            assert!(held != Some(1), "{skipped}, refreshed: {refreshed}: {held:?}");
            // Neither by another node, nor once memory has forgotten it.
            let there = World::served(&second).await[0];
            assert!(there != Some(1), "{skipped}, refreshed: {refreshed}, on the other node: {there:?}");
            drop(first);
            let again = World::served(&world.node(0).await).await[0];
            assert!(again != Some(1), "{skipped}, refreshed: {refreshed}, after a restart: {again:?}");
        }
    }
}

/// Node `a` holds the first value of AAPL, and node `b` has put another one.
async fn put_elsewhere(is_tier_down: bool) -> [Fixture; 2] {
    let (_bus, [a, b]) = nodes().await;
    assert_eq!(a.get("AAPL").await.as_deref(), Some("AAPL@1"));
    if is_tier_down {
        a.tier.down();
    }
    b.region.put("AAPL", "new".to_owned()).await.unwrap();
    settle().await;
    [a, b]
}

#[tokio::test]
async fn rule_112_what_a_put_elsewhere_replaced_bridges_an_outage_flagged_as_stale() {
    for is_tier_down in [false, true] {
        let [a, _b] = put_elsewhere(is_tier_down).await;
        // Whoever is owed a write reminds the others of it.
        a.pass(25);
        settle().await;
        a.tier.down();
        a.source.fail(ErrorKind::Unavailable);
        assert_eq!(a.peek("AAPL"), None, "it is not served for nothing");
        let answer = a.region.lookup("AAPL").await.unwrap();
        assert_eq!(answer.value.as_deref().map(String::as_str), Some("AAPL@1"));
        assert!(answer.stale && answer.source.as_str() == "memory", "{answer:?}");
        // Again, while loads of the key are paused.
        let calls = a.source.calls();
        assert_eq!(a.get("AAPL").await.as_deref(), Some("AAPL@1"));
        assert_eq!(a.source.calls(), calls);
        a.clock.advance(FRESH.max(GRACE));
        let error = a.region.get("AAPL").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "not past its own life and grace");
    }
}

#[tokio::test]
async fn rule_112_whoever_has_the_newer_value_or_another_comes_first() {
    let [a, _b] = put_elsewhere(false).await;
    a.source.fail(ErrorKind::Unavailable);
    assert_eq!(a.get("AAPL").await.as_deref(), Some("new"), "a tier has it");

    let [a, _b] = put_elsewhere(true).await;
    assert_eq!(a.get("AAPL").await.as_deref(), Some("AAPL@2"), "the source has another");

    // Though nobody waits for a load while a value in grace is at hand.
    let [a, b] = put_elsewhere(false).await;
    let impatient = a.region.with(|policy| policy.soft_timeout(Duration::ZERO));
    assert_eq!(impatient.get("AAPL").await.unwrap().as_deref().map(String::as_str), Some("new"));
    // Nor while loads of it are paused.
    a.clock.advance(FRESH);
    a.source.fail(ErrorKind::Unavailable);
    assert_eq!(a.get("AAPL").await.as_deref(), Some("new"), "in grace");
    b.region.put("AAPL", "newer".to_owned()).await.unwrap();
    settle().await;
    assert_eq!(a.get("AAPL").await.as_deref(), Some("newer"), "a tier has it");
}

/// Whoever would take a stale value after a while waits for the load.
#[tokio::test]
async fn rule_112_it_is_no_answer_to_a_load_that_is_slow() {
    let [a, _b] = put_elsewhere(true).await;
    let impatient = a.region.with(|policy| policy.soft_timeout(Duration::from_secs(1)));
    let gate = a.source.gate();
    let caller = a.ask_of(&impatient, "AAPL").await;
    a.pass(2);
    settle().await;
    assert!(!caller.is_finished());
    gate.open();
    assert_eq!(caller.await.unwrap().unwrap().as_deref(), Some("AAPL@2"));
}

#[tokio::test]
async fn rule_112_what_was_removed_elsewhere_bridges_nothing() {
    for is_tier_down in [false, true] {
        let [a, b] = put_elsewhere(is_tier_down).await;
        b.region.remove("AAPL").await.unwrap();
        settle().await;
        a.tier.down();
        a.source.fail(ErrorKind::Unavailable);
        assert_eq!(a.region.get("AAPL").await.unwrap_err().kind(), ErrorKind::Unavailable);
    }
    let [a, b] = put_elsewhere(false).await;
    b.cache.clear().await.unwrap();
    settle().await;
    a.tier.down();
    a.source.fail(ErrorKind::Unavailable);
    assert_eq!(a.region.get("AAPL").await.unwrap_err().kind(), ErrorKind::Unavailable);
}

/// The value that comes again is news to who holds the one that replaced it.
#[tokio::test]
async fn rule_112_a_load_of_what_had_been_replaced_is_told_to_others() {
    let [a, b] = put_elsewhere(false).await;
    a.source.answer(&a.key("AAPL"), Answer::Value(Fetched::new("AAPL@1".to_owned())));
    a.tier.fail(Operation::Get, ErrorKind::Unavailable);
    assert_eq!(a.get("AAPL").await.as_deref(), Some("AAPL@1"));
    settle().await;
    assert_eq!(b.peek("AAPL"), None);
}

#[tokio::test]
async fn rule_112_without_a_loader_it_is_not_served() {
    let [a, _b] = put_elsewhere(false).await;
    let plain = a.cache.region::<String>("price").ttl(Ttl::new(FRESH).grace(GRACE)).open().unwrap();
    a.tier.down();
    assert_eq!(plain.get("AAPL").await.unwrap(), None);
}

/// Nobody was asked whether it had been modified.
#[tokio::test]
async fn rule_112_not_modified_confirms_nothing_that_was_replaced() {
    for is_tier_down in [false, true] {
        let [a, b] = put_elsewhere(is_tier_down).await;
        a.source.answer(&a.key("AAPL"), Answer::NotModified);
        let refreshed = a.region.refresh(&["AAPL"]).await.unwrap();
        assert_eq!((refreshed.loaded, refreshed.failed.len()), (0, 1));
        settle().await;
        assert_eq!(b.peek("AAPL").as_deref(), Some("new"));
    }
}
