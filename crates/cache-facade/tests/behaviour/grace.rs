//! Grace: a stale value is served while a new one is fetched, or if none can be had.

use std::time::Duration;

use cache_core::{ErrorKind, Operation, Ttl};
use futures_util::FutureExt;
use tests::{Fixture, GRACE, LIFE, RecordedEvent, Recorder, settle};

const SECOND: Duration = Duration::from_secs(1);

/// A fixture whose value has just become stale, and whose source has just begun to fail.
async fn stale_and_failing() -> Fixture {
    let fixture = Fixture::with(|region| region.throttle(10 * SECOND)).await;
    fixture.get("AAPL").await;
    fixture.pass(61);
    fixture.source.fail(ErrorKind::Load);
    fixture
}

/// Reads, lets the refresh behind it end, and counts the loads so far.
async fn loads_after_read(fixture: &Fixture) -> usize {
    assert_eq!(fixture.get("AAPL").await.as_deref(), Some("AAPL@1"));
    settle().await;
    fixture.source.calls()
}

#[tokio::test]
async fn rule_22_a_stale_value_is_served_when_the_loader_fails_and_the_next_try_waits() {
    let fixture = stale_and_failing().await;
    fixture.pass(100);
    assert_eq!(loads_after_read(&fixture).await, 2);
    fixture.pass(9);
    assert_eq!(loads_after_read(&fixture).await, 2, "the pause counts from the failure");
    fixture.pass(2);
    assert_eq!(loads_after_read(&fixture).await, 3);
    fixture.pass(9);
    assert_eq!(loads_after_read(&fixture).await, 3, "and from the next one again");
    fixture.source.recover();
    fixture.pass(2);
    assert_eq!(loads_after_read(&fixture).await, 4);
    assert_eq!(fixture.get("AAPL").await.as_deref(), Some("AAPL@4"));
}

#[tokio::test]
async fn rule_22_who_waits_for_a_fresh_value_gets_the_stale_one_when_the_load_fails() {
    let fixture = Fixture::with(|region| region.soft_timeout(5 * SECOND)).await;
    fixture.get("AAPL").await;
    fixture.pass(61);
    fixture.source.fail(ErrorKind::Load);
    let found = fixture.region.lookup("AAPL").await.unwrap();
    assert_eq!((found.value.unwrap().as_str(), found.stale), ("AAPL@1", true));
}

#[tokio::test]
async fn rule_22_a_stale_value_from_a_tier_is_served_when_the_loader_fails() {
    let fixture = stale_and_failing().await;
    let elsewhere = fixture.another(|region| region.soft_timeout(5 * SECOND)).await;
    let found = elsewhere.region.lookup("AAPL").await.unwrap();
    assert_eq!((found.value.unwrap().as_str(), found.stale), ("AAPL@1", true));
    assert_eq!(found.source.as_str(), "far");
}

#[tokio::test]
async fn rule_22_each_key_pauses_for_itself() {
    let fixture = stale_and_failing().await;
    loads_after_read(&fixture).await;
    assert_eq!(fixture.region.get("MSFT").await.unwrap_err().kind(), ErrorKind::Load);
    assert_eq!(fixture.source.loads(&fixture.key("MSFT")), 1);
}

#[tokio::test]
async fn rule_23_within_the_throttle_no_load_is_tried() {
    let fixture = stale_and_failing().await;
    for _ in 0..50 {
        assert_eq!(loads_after_read(&fixture).await, 2);
    }
    let patient = fixture.region.with(|policy| policy.soft_timeout(5 * SECOND));
    let answer = patient.get("AAPL").now_or_never().expect("at once: there is nothing to wait for");
    assert_eq!(answer.unwrap().as_deref().map(String::as_str), Some("AAPL@1"));
    assert_eq!(fixture.source.calls(), 2);
}

#[tokio::test]
async fn rule_23_within_the_throttle_a_stale_value_of_a_tier_is_served_without_a_load() {
    let fixture = stale_and_failing().await;
    let elsewhere = fixture.another(|region| region.throttle(10 * SECOND)).await;
    for _ in 0..10 {
        loads_after_read(&elsewhere).await;
    }
    assert_eq!(fixture.source.calls(), 2, "the first load, and one that failed");
}

#[tokio::test]
async fn rule_23_a_put_ends_the_pause() {
    let fixture = stale_and_failing().await;
    loads_after_read(&fixture).await;
    fixture.region.put("AAPL", "put".to_owned()).await.unwrap();
    fixture.source.recover();
    fixture.region.remove("AAPL").await.unwrap();
    assert_eq!(fixture.get("AAPL").await.as_deref(), Some("AAPL@3"));
}

#[tokio::test]
async fn rule_24_past_grace_the_error_is_told_and_the_next_read_tries_again() {
    let fixture = stale_and_failing().await;
    fixture.pass(600);
    assert_eq!(fixture.region.get("AAPL").await.unwrap_err().kind(), ErrorKind::Load);
    fixture.source.recover();
    assert_eq!(fixture.get("AAPL").await.as_deref(), Some("AAPL@3"));
}

#[tokio::test]
async fn rule_24_grace_that_ends_during_the_throttle_is_not_stretched() {
    let fixture = stale_and_failing().await;
    fixture.pass(530);
    loads_after_read(&fixture).await;
    fixture.clock.advance(Duration::from_millis(9500));
    assert_eq!(
        fixture.region.get("AAPL").await.unwrap_err().kind(),
        ErrorKind::Load,
        "600 s after its birth"
    );
}

#[tokio::test]
async fn rule_24_grace_that_ends_during_the_load_is_not_stretched() {
    let fixture = Fixture::with(|region| region.soft_timeout(GRACE).hard_timeout(2 * GRACE)).await;
    fixture.get("AAPL").await;
    fixture.pass(599);
    fixture.source.fail(ErrorKind::Load);
    let gate = fixture.source.gate();
    let caller = fixture.ask("AAPL").await;
    fixture.pass(2);
    gate.open();
    assert_eq!(caller.await.unwrap().unwrap_err().kind(), ErrorKind::Load);
}

#[tokio::test]
async fn rule_25_a_stale_value_is_served_at_once_and_the_load_completes_behind() {
    let fixture = Fixture::new().await;
    fixture.get("AAPL").await;
    fixture.pass(61);
    let gate = fixture.source.gate();
    let answer = fixture.region.lookup("AAPL").now_or_never().expect("at once").unwrap();
    assert_eq!((answer.value.unwrap().as_str(), answer.stale), ("AAPL@1", true));
    gate.open();
    settle().await;
    assert_eq!(fixture.peek("AAPL").as_deref(), Some("AAPL@2"));
    assert_eq!(fixture.held("AAPL").as_deref(), Some("AAPL@2"));
}

#[tokio::test]
async fn rule_25_the_fresh_value_is_waited_for_until_the_soft_timeout() {
    let fixture = Fixture::with(|region| region.soft_timeout(5 * SECOND)).await;
    for id in ["early", "late"] {
        fixture.get(id).await;
    }
    fixture.pass(61);
    let gate = fixture.source.gate();
    let early = fixture.ask("early").await;
    fixture.pass(4);
    settle().await;
    assert!(!early.is_finished(), "still waiting");
    gate.let_pass(1);
    assert_eq!(early.await.unwrap().unwrap().as_deref(), Some("early@2"));

    let late = fixture.ask("late").await;
    fixture.pass(5);
    assert_eq!(late.await.unwrap().unwrap().as_deref(), Some("late@1"));
    gate.open();
    settle().await;
    assert_eq!(fixture.peek("late").as_deref(), Some("late@2"), "the load completed behind");
}

#[tokio::test]
async fn rule_25_who_joins_a_background_refresh_waits_no_longer_than_the_soft_timeout() {
    let fixture = Fixture::with(|region| region.eager(0.5)).await;
    fixture.get("AAPL").await;
    fixture.pass(55);
    let gate = fixture.source.gate();
    fixture.get("AAPL").await;
    gate.reached(1).await;

    fixture.pass(6);
    let patient = fixture.region.with(|policy| policy.soft_timeout(5 * SECOND));
    let caller = fixture.ask_of(&patient, "AAPL").await;
    fixture.pass(5);
    settle().await;
    assert!(caller.is_finished(), "a stale value is at hand, and the soft timeout is over");
    assert_eq!(caller.await.unwrap().unwrap().as_deref(), Some("AAPL@1"));
}

#[tokio::test]
async fn rule_25_the_stale_value_of_a_tier_stands_in_after_the_soft_timeout() {
    let fixture = Fixture::new().await;
    fixture.get("AAPL").await;
    fixture.pass(61);
    let elsewhere = fixture.another(|region| region.soft_timeout(5 * SECOND)).await;
    let gate = fixture.source.gate();
    let caller = elsewhere.ask("AAPL").await;
    fixture.pass(5);
    assert_eq!(caller.await.unwrap().unwrap().as_deref(), Some("AAPL@1"));
    gate.open();
    settle().await;
    assert_eq!(elsewhere.peek("AAPL").as_deref(), Some("AAPL@2"));
}

#[tokio::test]
async fn rule_26_without_a_stale_value_the_wait_lasts_until_the_hard_timeout_and_the_late_result_is_kept() {
    let fixture = Fixture::with(|region| region.soft_timeout(SECOND).hard_timeout(10 * SECOND)).await;
    let gate = fixture.source.gate();
    let caller = fixture.ask("AAPL").await;
    fixture.pass(9);
    settle().await;
    assert!(!caller.is_finished(), "past the soft timeout, and nothing to serve");
    fixture.pass(1);
    assert_eq!(caller.await.unwrap().unwrap_err().kind(), ErrorKind::Timeout);

    settle().await;
    gate.open();
    settle().await;
    assert_eq!(fixture.peek("AAPL").as_deref(), Some("AAPL@1"), "late, and kept");
    assert_eq!(fixture.held("AAPL").as_deref(), Some("AAPL@1"));
    assert_eq!(fixture.source.calls(), 1);
}

#[tokio::test]
async fn rule_26_a_tier_that_hangs_holds_a_caller_no_longer_than_the_hard_timeout() {
    let fixture = Fixture::with(|region| region.hard_timeout(10 * SECOND)).await;
    let _gate = fixture.tier.gate(Operation::Get, tests::Moment::Before);
    let caller = fixture.ask("AAPL").await;
    fixture.pass(10);
    settle().await;
    assert!(caller.is_finished());
    assert_eq!(caller.await.unwrap().unwrap_err().kind(), ErrorKind::Timeout);
}

#[tokio::test]
async fn rule_27_while_grace_serves_no_tier_is_written() {
    let fixture = stale_and_failing().await;
    settle().await;
    let before = fixture.model.records();
    fixture.tier.forget_calls();
    for _ in 0..20 {
        loads_after_read(&fixture).await;
        fixture.pass(11);
    }
    for operation in [Operation::Put, Operation::Remove] {
        assert_eq!(fixture.tier.calls(operation).len(), 0, "{operation:?}");
    }
    assert_eq!(fixture.model.records(), before);
}

#[tokio::test]
async fn rule_28_grace_shorter_than_life_is_normalised_and_said() {
    let fixture = Fixture::with(|region| region.ttl(Ttl::new(LIFE).grace(SECOND))).await;
    let said = |events: &Recorder| {
        events.count(|seen| matches!(seen, RecordedEvent::Normalised { kind, change } if kind == "price" && change.contains("60s")))
    };
    assert_eq!(said(&fixture.events), 1, "{:?}", fixture.events.recorded());
    fixture.get("AAPL").await;
    fixture.pass(59);
    assert!(!fixture.region.lookup("AAPL").await.unwrap().stale, "it lives as long as its life");
    fixture.pass(2);
    fixture.source.fail(ErrorKind::Load);
    assert!(fixture.region.get("AAPL").await.is_err(), "and no longer");

    let other = Fixture::new().await;
    assert_eq!(said(&other.events), 0);
}
