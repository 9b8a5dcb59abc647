//! Refreshes that nobody waits for gather, and ride along.

use std::time::Duration;

use cache_core::ErrorKind;
use tests::{Fixture, settle};
use tokio::runtime::Builder;

const WINDOW: Duration = Duration::from_secs(3);

async fn fixture() -> Fixture {
    Fixture::with(|region| region.eager(0.5).refresh_window(WINDOW)).await
}

async fn read_due(fixture: &Fixture, ids: &[&str]) {
    for id in ids {
        assert_eq!(fixture.get(id).await, Some(format!("{id}@1")), "the old value is served");
    }
    settle().await;
}

#[tokio::test]
async fn refreshes_of_a_window_go_in_one_call() {
    let fixture = fixture().await;
    fixture.region.get_many(&["A", "B", "C"]).await.unwrap();
    fixture.pass(31);
    read_due(&fixture, &["A", "B"]).await;
    fixture.pass(2);
    read_due(&fixture, &["C", "A"]).await;
    assert_eq!(fixture.source.batch_sizes(), [3], "they wait");
    fixture.pass(1);
    settle().await;
    assert_eq!(fixture.source.batch_sizes(), [3, 3], "the window is that of the first");
    assert_eq!(fixture.get("C").await.as_deref(), Some("C@2"));
    fixture.pass(31);
    settle().await;
    assert_eq!(fixture.source.calls(), 2, "they went once");
}

#[tokio::test]
async fn rule_88_refreshes_ride_along_in_a_call_that_is_made_meanwhile() {
    let fixture = fixture().await;
    fixture.region.get_many(&["A", "B"]).await.unwrap();
    fixture.pass(31);
    read_due(&fixture, &["A", "B"]).await;
    assert_eq!(fixture.get("X").await.as_deref(), Some("X@1"));
    settle().await;
    assert_eq!(fixture.source.batch_sizes(), [2, 3]);
    assert_eq!(fixture.get("A").await.as_deref(), Some("A@2"));
    fixture.pass(3);
    settle().await;
    assert_eq!(fixture.source.calls(), 2, "nothing is left to go");
}

#[tokio::test]
async fn a_refresh_waits_for_half_the_life_that_is_left_at_most() {
    let fixture = fixture().await;
    fixture.region.get_many(&["A", "B"]).await.unwrap();
    fixture.pass(58);
    read_due(&fixture, &["A"]).await;
    fixture.pass(1);
    settle().await;
    assert_eq!(fixture.source.batch_sizes(), [2, 1]);
    assert_eq!(fixture.get("A").await.as_deref(), Some("A@2"), "it came before the old one died");
}

#[tokio::test]
async fn one_that_can_wait_less_takes_all_along() {
    let fixture = fixture().await;
    fixture.region.get_many(&["A"]).await.unwrap();
    fixture.pass(26);
    fixture.region.get_many(&["B"]).await.unwrap();
    fixture.pass(31);
    read_due(&fixture, &["B"]).await;
    read_due(&fixture, &["A"]).await;
    fixture.clock.advance(Duration::from_millis(1600));
    settle().await;
    assert_eq!(fixture.source.batch_sizes(), [1, 1, 2], "A has three seconds left");
}

/// What is stale already is refreshed at once.
#[tokio::test]
async fn what_is_stale_does_not_wait() {
    let fixture = fixture().await;
    fixture.region.get_many(&["A"]).await.unwrap();
    fixture.pass(61);
    read_due(&fixture, &["A"]).await;
    assert_eq!(fixture.source.batch_sizes(), [1, 1]);
}

/// The task that would have begun them ended with its runtime.
#[test]
fn rule_106_refreshes_that_an_ended_runtime_left_go_with_the_next() {
    let runtime = || Builder::new_current_thread().enable_all().build().unwrap();
    let first = runtime();
    let fixture = first.block_on(async {
        let fixture = fixture().await;
        fixture.region.get_many(&["A", "B"]).await.unwrap();
        fixture.pass(31);
        read_due(&fixture, &["A"]).await;
        fixture
    });
    drop(first);
    runtime().block_on(async {
        fixture.pass(4);
        read_due(&fixture, &["B"]).await;
        assert_eq!(fixture.source.batch_sizes(), [2]);
        fixture.pass(3);
        settle().await;
        assert_eq!(fixture.source.batch_sizes(), [2, 2]);
    });
}

/// Else each miss of an outage would take them along, fail with them, and be made again.
#[tokio::test]
async fn rule_87_refreshes_that_failed_on_their_way_along_pause() {
    for kind in [ErrorKind::Unavailable, ErrorKind::Config] {
        let fixture = fixture().await;
        fixture.region.get_many(&["A", "B"]).await.unwrap();
        fixture.pass(31);
        fixture.source.fail(kind);
        let mut misses = 0;
        for round in 0..4 {
            read_due(&fixture, &["A", "B"]).await;
            let _ = fixture.region.get(&format!("X{round}")).await;
            misses += 1;
            settle().await;
            fixture.pass(1);
        }
        assert_eq!(fixture.source.batch_sizes()[1..], [3, 1, 1, 1, 1][..misses + 1], "{kind:?}");
    }
}
