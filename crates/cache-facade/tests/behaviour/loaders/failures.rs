//! A failed load may say for how long not to ask again, and that no cached value may stand in for it.

use std::{fmt, time::Duration};

use cache_core::{Error, ErrorKind, Operation, Ttl};
use tests::{Answer, Fixture, LocalBus, Moment, settle};

use super::SECOND;

fn busy(pause: Duration) -> Error {
    Error::new(ErrorKind::Unavailable, "load", "quotes.example answered 429").with_retry_after(pause)
}

fn withdrawn() -> Error {
    Error::new(ErrorKind::Load, "load", "the licence has ended").forbid_stale()
}

/// A fixture with a stale value, and a source that fails like this from now on.
async fn stale_and_failing(error: Error) -> Fixture {
    let lives = Ttl::new(60 * SECOND).grace(100_000 * SECOND);
    let fixture = Fixture::with(|region| region.throttle(10 * SECOND).ttl(lives)).await;
    fixture.get("AAPL").await;
    fixture.pass(61);
    fixture.source.answer(&fixture.key("AAPL"), Answer::FailWith(error));
    fixture
}

/// Reads, lets the refresh behind it end, and counts the loads so far.
async fn loads_after_read(fixture: &Fixture) -> usize {
    assert_eq!(fixture.get("AAPL").await.as_deref(), Some("AAPL@1"));
    settle().await;
    fixture.source.calls()
}

#[tokio::test]
async fn rule_22_the_pause_that_a_source_asks_for_replaces_the_throttle_and_is_bounded() {
    for (asked, pause) in [(100, 100), (2, 2), (1_000_000, 3600)] {
        let fixture = stale_and_failing(busy(Duration::from_secs(asked))).await;
        assert_eq!(loads_after_read(&fixture).await, 2);
        fixture.pass(pause - 1);
        assert_eq!(loads_after_read(&fixture).await, 2, "{asked}");
        fixture.pass(2);
        assert_eq!(loads_after_read(&fixture).await, 3, "{asked}");
    }
}

#[tokio::test]
async fn rule_24_without_a_value_the_pause_that_a_source_asks_for_holds_too() {
    let fixture = Fixture::new().await;
    fixture.source.answer(&fixture.key("AAPL"), Answer::FailWith(busy(100 * SECOND)));
    for _ in 0..3 {
        let error = fixture.region.get("AAPL").await.unwrap_err();
        assert_eq!((error.kind(), error.retry_after()), (ErrorKind::Unavailable, Some(100 * SECOND)));
        assert_eq!(fixture.source.calls(), 1);
        fixture.pass(33);
    }
    assert_eq!(fixture.get("MSFT").await.as_deref(), Some("MSFT@1"), "of this key alone");
    fixture.pass(2);
    fixture.region.get("AAPL").await.unwrap_err();
    assert_eq!(fixture.source.calls(), 3);
    assert_eq!(fixture.region.refresh(&["AAPL"]).await.unwrap().failed.len(), 1);
    assert_eq!(fixture.source.calls(), 4, "whoever asks for a refresh gets one");
    fixture.region.remove("AAPL").await.unwrap();
    fixture.source.answer(&fixture.key("AAPL"), Answer::Made);
    assert!(fixture.get("AAPL").await.is_some(), "a removal ends the pause");
}

#[tokio::test]
async fn rule_24_a_clock_that_is_set_back_prolongs_no_pause() {
    let fixture = Fixture::new().await;
    fixture.source.answer(&fixture.key("AAPL"), Answer::FailWith(busy(5 * SECOND)));
    fixture.region.get("AAPL").await.unwrap_err();
    fixture.source.answer(&fixture.key("AAPL"), Answer::Made);
    fixture.clock.shift_wall(-3_600_000_000);
    assert!(fixture.get("AAPL").await.is_some());
}

#[tokio::test]
async fn rule_24_what_another_node_loaded_is_served_within_the_pause() {
    let fixture = Fixture::new().await;
    fixture.source.answer(&fixture.key("AAPL"), Answer::FailWith(busy(100 * SECOND)));
    fixture.region.get("AAPL").await.unwrap_err();
    let elsewhere = fixture.another(|region| region).await;
    elsewhere.region.put("AAPL", "put".to_owned()).await.unwrap();
    assert_eq!(fixture.get("AAPL").await.as_deref(), Some("put"));
}

#[tokio::test]
async fn an_error_that_forbids_stale_values_is_told_and_ends_what_is_cached() {
    let fixture = stale_and_failing(withdrawn()).await;
    let patient = fixture.region.with(|policy| policy.soft_timeout(5 * SECOND));
    let error = patient.get("AAPL").await.unwrap_err();
    assert!(error.forbids_stale() && error.to_string().ends_with("the licence has ended"), "{error}");
    settle().await;
    assert_eq!((fixture.peek("AAPL"), fixture.held("AAPL")), (None, None), "in every tier");
    assert!(fixture.region.get("AAPL").await.is_err(), "and not only for who waited");
}

#[tokio::test]
async fn a_refresh_behind_a_read_that_forbids_stale_values_ends_the_one_it_served() {
    let fixture = stale_and_failing(withdrawn()).await;
    assert_eq!(fixture.get("AAPL").await.as_deref(), Some("AAPL@1"), "not known yet");
    settle().await;
    assert_eq!((fixture.peek("AAPL"), fixture.held("AAPL")), (None, None));
    assert!(fixture.region.get("AAPL").await.is_err());
}

#[tokio::test]
async fn an_error_that_forbids_stale_values_reaches_other_nodes_and_leaves_a_later_put() {
    let bus = LocalBus::default();
    let here = Fixture::built(|cache| cache.bus(bus.clone()), |region| region).await;
    let there = here.another_built(|cache| cache.bus(bus.clone()), |region| region).await;
    settle().await;
    for id in ["AAPL", "MSFT"] {
        here.get(id).await;
        assert!(there.get(id).await.is_some());
        here.source.answer(&here.key(id), Answer::FailWith(withdrawn()));
    }
    let gate = here.source.gate();
    let region = here.region.clone();
    let refreshing = tokio::spawn(async move { region.refresh(&["AAPL", "MSFT"]).await });
    gate.reached(1).await;
    here.region.put("MSFT", "put".to_owned()).await.unwrap();
    gate.open();
    assert_eq!(refreshing.await.unwrap().unwrap().failed.len(), 2, "their fresh values stand in for nothing");
    settle().await;
    assert_eq!((here.peek("AAPL"), there.peek("AAPL")), (None, None));
    assert_eq!(here.peek("MSFT").as_deref(), Some("put"));
    assert_eq!(here.held("MSFT").as_deref(), Some("put"));
    there.tier.down();
    there.source.fail(ErrorKind::Unavailable);
    assert!(there.region.get("AAPL").await.is_err(), "nor does it bridge an outage");
}

/// However long the tiers take with the other keys of its call.
#[tokio::test]
async fn who_learns_that_stale_values_are_forbidden_is_served_none_afterwards() {
    let fixture = stale_and_failing(withdrawn()).await;
    let gate = fixture.tier.gate(Operation::Put, Moment::Before);
    let patient = fixture.region.with(|policy| policy.soft_timeout(5 * SECOND));
    let caller = tokio::spawn(async move { patient.lookup_many(&["MSFT", "AAPL"]).await.pop().unwrap() });
    gate.reached(1).await;
    assert!(caller.await.unwrap().unwrap_err().forbids_stale());
    assert_eq!(fixture.peek("AAPL"), None);
    gate.open();
}

/// An error of a user's own, which holds one of the cache.
#[derive(Debug)]
struct Own(Error);

impl fmt::Display for Own {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no quote")
    }
}

impl std::error::Error for Own {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

#[tokio::test]
async fn what_an_error_says_survives_closures_wrapping_and_shared_flights() {
    let told = || {
        let cause = std::io::Error::other("reset by peer");
        let error = Error::caused(ErrorKind::Timeout, "load", "quotes.example failed", cause);
        error.with_retry_after(9 * SECOND).forbid_stale()
    };
    for wrapped in [false, true] {
        let fixture = Fixture::new().await;
        let load = move || async move {
            tokio::task::yield_now().await;
            let error: Box<dyn std::error::Error + Send + Sync> = match wrapped {
                true => Box::new(Own(told())),
                false => Box::new(told()),
            };
            Err::<String, _>(error)
        };
        let both = tokio::join!(
            fixture.region.get_or_load("AAPL", load),
            fixture.region.get_or_load("AAPL", move || async move { Ok::<_, Own>("not called".to_owned()) }),
        );
        for error in [both.0.unwrap_err(), both.1.unwrap_err()] {
            assert_eq!(error.kind(), ErrorKind::Timeout);
            assert_eq!((error.retry_after(), error.forbids_stale()), (Some(9 * SECOND), true));
            assert!(error.cause().is_some());
        }
        let again =
            fixture.region.get_or_load("AAPL", move || async move { Ok::<_, Own>("made".to_owned()) });
        assert!(again.await.is_err(), "within the pause no closure is called");
    }
}
