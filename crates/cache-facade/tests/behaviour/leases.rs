//! Two nodes with leases: one load for both, and nobody waits for a holder that died.

use std::time::Duration;

use cache_core::Operation;
use tests::{Fixture, LocalLease, RecordedEvent, eventually, settle};

async fn two() -> (LocalLease, Fixture, Fixture) {
    // The lease goes by the clock of the fixture, which has to be made first.
    let first = Fixture::new().await;
    let lease = LocalLease::new(first.clock.clone());
    let a = first.another_built(|cache| cache.lease(lease.clone()), |region| region).await;
    let b = first.another_built(|cache| cache.lease(lease.clone()), |region| region).await;
    (lease, a, b)
}

/// Advances the clock in small steps.
async fn pass(fixture: &Fixture, span: Duration) {
    let step = Duration::from_millis(50);
    for _ in 0..span.as_millis() / step.as_millis() {
        fixture.clock.advance(step);
        settle().await;
    }
}

#[tokio::test]
async fn rule_09_two_nodes_that_miss_load_once_and_the_other_reads_the_tier() {
    let (lease, a, b) = two().await;
    let gate = a.source.gate();
    let one = a.ask("AAPL").await;
    let other = b.ask("AAPL").await;
    pass(&b, Duration::from_secs(2)).await;
    assert_eq!((a.source.calls(), lease.held()), (1, 1));
    gate.open();
    assert_eq!(one.await.unwrap().unwrap().as_deref(), Some("AAPL@1"));
    pass(&b, Duration::from_secs(1)).await;
    assert_eq!(other.await.unwrap().unwrap().as_deref(), Some("AAPL@1"));
    assert_eq!(a.source.calls(), 1);
    eventually("the lease is given up", || lease.held() == 0).await;
}

#[tokio::test]
async fn rule_09_a_node_that_gets_the_lease_just_after_the_value_came_does_not_load() {
    let (_lease, a, b) = two().await;
    // So that what it looks at next is the key itself.
    b.region.get("other").await.unwrap();
    let loads = a.source.calls();
    let look = b.tier.gate(Operation::Get, tests::Moment::After);
    let other = b.ask("AAPL").await;
    b.tier.ungate(Operation::Get, tests::Moment::After);
    assert_eq!(a.get("AAPL").await.as_deref(), Some("AAPL@1"));
    look.open();
    pass(&b, Duration::from_secs(1)).await;
    assert_eq!(other.await.unwrap().unwrap().as_deref(), Some("AAPL@1"));
    assert_eq!(a.source.calls() - loads, 1);
}

#[tokio::test]
async fn rule_09_a_batch_loads_what_nobody_loads_and_waits_for_the_rest() {
    let (_lease, a, b) = two().await;
    let gate = a.source.gate();
    let one = a.ask("AAPL").await;
    let region = b.region.clone();
    let many = tokio::spawn(async move { region.get_many(&["AAPL", "MSFT"]).await });
    settle().await;
    a.source.ungate();
    pass(&b, Duration::from_secs(1)).await;
    gate.open();
    pass(&b, Duration::from_secs(1)).await;
    let values = many.await.unwrap().unwrap();
    assert_eq!(values.iter().flatten().count(), 2);
    one.await.unwrap().unwrap();
    assert_eq!((a.source.loads(&a.key("AAPL")), a.source.loads(&a.key("MSFT"))), (1, 1));
}

#[tokio::test]
async fn rule_10_the_lease_of_a_dead_node_lapses_and_its_load_is_taken_over() {
    let (lease, _a, b) = two().await;
    lease.take_for_the_dead(&b.key("AAPL"), Duration::from_secs(5));
    let caller = b.ask("AAPL").await;
    pass(&b, Duration::from_secs(4)).await;
    assert!(!caller.is_finished());
    pass(&b, Duration::from_secs(2)).await;
    assert_eq!(caller.await.unwrap().unwrap().as_deref(), Some("AAPL@1"));
}

#[tokio::test]
async fn rule_10_who_lives_keeps_its_lease_however_long_it_loads() {
    let (lease, a, _b) = two().await;
    let gate = a.source.gate();
    let caller = a.ask("AAPL").await;
    pass(&a, Duration::from_secs(20)).await;
    assert_eq!(lease.held(), 1);
    gate.open();
    caller.await.unwrap().unwrap();
}

#[tokio::test]
async fn rule_26_nobody_waits_for_another_nodes_load_past_the_hard_timeout() {
    let (lease, _a, b) = two().await;
    lease.take_for_the_dead(&b.key("AAPL"), Duration::from_secs(3600));
    let caller = b.ask("AAPL").await;
    pass(&b, Duration::from_secs(31)).await;
    assert!(caller.await.unwrap().is_err());
    eventually("the flight ends", || b.cache.stats().flights == 0).await;
}

#[tokio::test]
async fn a_lease_that_cannot_be_asked_is_done_without_and_that_is_said() {
    let (lease, a, _b) = two().await;
    lease.down();
    assert_eq!(a.get("AAPL").await.as_deref(), Some("AAPL@1"));
    assert_eq!(a.events.count(|seen| matches!(seen, RecordedEvent::LeaseFailed { .. })), 1);
}

#[tokio::test]
async fn rule_10_a_lease_that_was_granted_though_its_answer_was_lost_is_given_up() {
    let (lease, a, b) = two().await;
    lease.lose_answers(true);
    assert_eq!(a.get("AAPL").await.as_deref(), Some("AAPL@1"));
    lease.lose_answers(false);
    eventually("the lease is given up", || lease.held() == 0).await;
    a.region.remove("AAPL").await.unwrap();
    assert_eq!(b.get("AAPL").await.as_deref(), Some("AAPL@2"), "at once");
}
