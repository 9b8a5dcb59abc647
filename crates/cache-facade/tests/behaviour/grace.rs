//! Grace: what is past its life stands in while a new value is fetched, or can't be had.

use std::time::Duration;

use cache_core::{ErrorKind, Operation, Ttl};
use futures_util::FutureExt;
use tests::{GRACE, LIFE, Recorder, Scene, Seen, settle};

const SECOND: Duration = Duration::from_secs(1);

/// A scene whose value has just gone stale, and whose source has just gone away.
async fn stale_and_failing() -> Scene {
    let scene = Scene::with(|region| region.throttle(10 * SECOND)).await;
    scene.get("AAPL").await;
    scene.pass(61);
    scene.source.fail(ErrorKind::Load);
    scene
}

/// Reads, lets the refresh behind it end, and counts the loads so far.
async fn loads_after_read(scene: &Scene) -> usize {
    assert_eq!(scene.get("AAPL").await.as_deref(), Some("AAPL@1"));
    settle().await;
    scene.source.calls()
}

#[tokio::test]
async fn rule_22_a_stale_value_is_served_when_the_loader_fails_and_the_next_try_waits() {
    let scene = stale_and_failing().await;
    scene.pass(100);
    assert_eq!(loads_after_read(&scene).await, 2);
    scene.pass(9);
    assert_eq!(loads_after_read(&scene).await, 2, "the pause counts from the failure");
    scene.pass(2);
    assert_eq!(loads_after_read(&scene).await, 3);
    scene.pass(9);
    assert_eq!(loads_after_read(&scene).await, 3, "and from the next one again");
    scene.source.recover();
    scene.pass(2);
    assert_eq!(loads_after_read(&scene).await, 4);
    assert_eq!(scene.get("AAPL").await.as_deref(), Some("AAPL@4"));
}

#[tokio::test]
async fn rule_22_who_waits_for_a_fresh_value_gets_the_stale_one_when_the_load_fails() {
    let scene = Scene::with(|region| region.soft_timeout(5 * SECOND)).await;
    scene.get("AAPL").await;
    scene.pass(61);
    scene.source.fail(ErrorKind::Load);
    let found = scene.region.lookup("AAPL").await.unwrap();
    assert_eq!((found.value.unwrap().as_str(), found.stale), ("AAPL@1", true));
}

#[tokio::test]
async fn rule_22_a_stale_value_from_a_tier_is_served_when_the_loader_fails() {
    let scene = stale_and_failing().await;
    let elsewhere = scene.another(|region| region.soft_timeout(5 * SECOND)).await;
    let found = elsewhere.region.lookup("AAPL").await.unwrap();
    assert_eq!((found.value.unwrap().as_str(), found.stale), ("AAPL@1", true));
    assert_eq!(found.source.as_str(), "far");
}

#[tokio::test]
async fn rule_22_each_key_pauses_for_itself() {
    let scene = stale_and_failing().await;
    loads_after_read(&scene).await;
    assert_eq!(scene.region.get("MSFT").await.unwrap_err().kind(), ErrorKind::Load);
    assert_eq!(scene.source.loads(&scene.key("MSFT")), 1);
}

#[tokio::test]
async fn rule_23_within_the_throttle_no_load_is_tried() {
    let scene = stale_and_failing().await;
    for _ in 0..50 {
        assert_eq!(loads_after_read(&scene).await, 2);
    }
    let patient = scene.region.with(|policy| policy.soft_timeout(5 * SECOND));
    let answer = patient.get("AAPL").now_or_never().expect("at once: there is nothing to wait for");
    assert_eq!(answer.unwrap().as_deref().map(String::as_str), Some("AAPL@1"));
    assert_eq!(scene.source.calls(), 2);
}

#[tokio::test]
async fn rule_23_within_the_throttle_a_stale_value_of_a_tier_is_served_without_a_load() {
    let scene = stale_and_failing().await;
    let elsewhere = scene.another(|region| region.throttle(10 * SECOND)).await;
    for _ in 0..10 {
        loads_after_read(&elsewhere).await;
    }
    assert_eq!(scene.source.calls(), 2, "the first load, and one that failed");
}

#[tokio::test]
async fn rule_23_a_put_ends_the_pause() {
    let scene = stale_and_failing().await;
    loads_after_read(&scene).await;
    scene.region.put("AAPL", "put".to_owned()).await.unwrap();
    scene.source.recover();
    scene.region.remove("AAPL").await.unwrap();
    assert_eq!(scene.get("AAPL").await.as_deref(), Some("AAPL@3"));
}

#[tokio::test]
async fn rule_24_past_grace_the_error_is_told_and_the_next_read_tries_again() {
    let scene = stale_and_failing().await;
    scene.pass(600);
    assert_eq!(scene.region.get("AAPL").await.unwrap_err().kind(), ErrorKind::Load);
    scene.source.recover();
    assert_eq!(scene.get("AAPL").await.as_deref(), Some("AAPL@3"));
}

#[tokio::test]
async fn rule_24_grace_that_ends_during_the_throttle_is_not_stretched() {
    let scene = stale_and_failing().await;
    scene.pass(530);
    loads_after_read(&scene).await;
    scene.clock.advance(Duration::from_millis(9500));
    assert_eq!(scene.region.get("AAPL").await.unwrap_err().kind(), ErrorKind::Load, "600 s after its birth");
}

#[tokio::test]
async fn rule_24_grace_that_ends_during_the_load_is_not_stretched() {
    let scene = Scene::with(|region| region.soft_timeout(GRACE).hard_timeout(2 * GRACE)).await;
    scene.get("AAPL").await;
    scene.pass(599);
    scene.source.fail(ErrorKind::Load);
    let gate = scene.source.gate();
    let caller = scene.ask("AAPL").await;
    scene.pass(2);
    gate.open();
    assert_eq!(caller.await.unwrap().unwrap_err().kind(), ErrorKind::Load);
}

#[tokio::test]
async fn rule_25_a_stale_value_is_served_at_once_and_the_load_completes_behind() {
    let scene = Scene::new().await;
    scene.get("AAPL").await;
    scene.pass(61);
    let gate = scene.source.gate();
    let answer = scene.region.lookup("AAPL").now_or_never().expect("at once").unwrap();
    assert_eq!((answer.value.unwrap().as_str(), answer.stale), ("AAPL@1", true));
    gate.open();
    settle().await;
    assert_eq!(scene.peek("AAPL").as_deref(), Some("AAPL@2"));
    assert_eq!(scene.held("AAPL").as_deref(), Some("AAPL@2"));
}

#[tokio::test]
async fn rule_25_the_fresh_value_is_waited_for_until_the_soft_timeout() {
    let scene = Scene::with(|region| region.soft_timeout(5 * SECOND)).await;
    for id in ["early", "late"] {
        scene.get(id).await;
    }
    scene.pass(61);
    let gate = scene.source.gate();
    let early = scene.ask("early").await;
    scene.pass(4);
    settle().await;
    assert!(!early.is_finished(), "still waiting");
    gate.let_pass(1);
    assert_eq!(early.await.unwrap().unwrap().as_deref(), Some("early@2"));

    let late = scene.ask("late").await;
    scene.pass(5);
    assert_eq!(late.await.unwrap().unwrap().as_deref(), Some("late@1"));
    gate.open();
    settle().await;
    assert_eq!(scene.peek("late").as_deref(), Some("late@2"), "the load completed behind");
}

#[tokio::test]
async fn rule_25_who_joins_a_background_refresh_waits_no_longer_than_the_soft_timeout() {
    let scene = Scene::with(|region| region.eager(0.5)).await;
    scene.get("AAPL").await;
    scene.pass(55);
    let gate = scene.source.gate();
    scene.get("AAPL").await;
    gate.reached(1).await;

    scene.pass(6);
    let patient = scene.region.with(|policy| policy.soft_timeout(5 * SECOND));
    let caller = scene.ask_of(&patient, "AAPL").await;
    scene.pass(5);
    settle().await;
    assert!(caller.is_finished(), "a stale value is at hand, and the soft timeout is over");
    assert_eq!(caller.await.unwrap().unwrap().as_deref(), Some("AAPL@1"));
}

#[tokio::test]
async fn rule_25_the_stale_value_of_a_tier_stands_in_after_the_soft_timeout() {
    let scene = Scene::new().await;
    scene.get("AAPL").await;
    scene.pass(61);
    let elsewhere = scene.another(|region| region.soft_timeout(5 * SECOND)).await;
    let gate = scene.source.gate();
    let caller = elsewhere.ask("AAPL").await;
    scene.pass(5);
    assert_eq!(caller.await.unwrap().unwrap().as_deref(), Some("AAPL@1"));
    gate.open();
    settle().await;
    assert_eq!(elsewhere.peek("AAPL").as_deref(), Some("AAPL@2"));
}

#[tokio::test]
async fn rule_26_without_a_stale_value_the_wait_lasts_until_the_hard_timeout_and_the_late_result_is_kept() {
    let scene = Scene::with(|region| region.soft_timeout(SECOND).hard_timeout(10 * SECOND)).await;
    let gate = scene.source.gate();
    let caller = scene.ask("AAPL").await;
    scene.pass(9);
    settle().await;
    assert!(!caller.is_finished(), "past the soft timeout, and nothing to serve");
    scene.pass(1);
    assert_eq!(caller.await.unwrap().unwrap_err().kind(), ErrorKind::Timeout);

    settle().await;
    gate.open();
    settle().await;
    assert_eq!(scene.peek("AAPL").as_deref(), Some("AAPL@1"), "late, and kept");
    assert_eq!(scene.held("AAPL").as_deref(), Some("AAPL@1"));
    assert_eq!(scene.source.calls(), 1);
}

#[tokio::test]
async fn rule_26_a_tier_that_hangs_holds_a_caller_no_longer_than_the_hard_timeout() {
    let scene = Scene::with(|region| region.hard_timeout(10 * SECOND)).await;
    let _gate = scene.tier.gate(Operation::Get, tests::Moment::Before);
    let caller = scene.ask("AAPL").await;
    scene.pass(10);
    settle().await;
    assert!(caller.is_finished());
    assert_eq!(caller.await.unwrap().unwrap_err().kind(), ErrorKind::Timeout);
}

#[tokio::test]
async fn rule_27_while_grace_serves_no_tier_is_written() {
    let scene = stale_and_failing().await;
    settle().await;
    let before = scene.model.records();
    scene.tier.forget_calls();
    for _ in 0..20 {
        loads_after_read(&scene).await;
        scene.pass(11);
    }
    for operation in [Operation::Put, Operation::Remove] {
        assert_eq!(scene.tier.calls(operation).len(), 0, "{operation:?}");
    }
    assert_eq!(scene.model.records(), before);
}

#[tokio::test]
async fn rule_28_grace_shorter_than_life_is_normalised_and_said() {
    let scene = Scene::with(|region| region.ttl(Ttl::new(LIFE).grace(SECOND))).await;
    let said = |events: &Recorder| {
        events.count(|seen| matches!(seen, Seen::Normalised { kind, change } if kind == "price" && change.contains("60s")))
    };
    assert_eq!(said(&scene.events), 1, "{:?}", scene.events.seen());
    scene.get("AAPL").await;
    scene.pass(59);
    assert!(!scene.region.lookup("AAPL").await.unwrap().stale, "it lives as long as its life");
    scene.pass(2);
    scene.source.fail(ErrorKind::Load);
    assert!(scene.region.get("AAPL").await.is_err(), "and no longer");

    let other = Scene::new().await;
    assert_eq!(said(&other.events), 0);
}
