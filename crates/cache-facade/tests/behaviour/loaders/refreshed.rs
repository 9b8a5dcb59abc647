//! A refresh says which keys failed, and with what, also where a value in grace stands in for readers.

use cache_core::{Error, ErrorKind, Refresh};
use tests::{Answer, Fixture, settle};
use tokio::spawn;

use super::SECOND;

fn refused() -> Error {
    let cause = std::io::Error::other("connection refused");
    Error::caused(ErrorKind::Unavailable, "load", "quotes.example", cause)
}

#[tokio::test]
async fn a_refresh_names_the_keys_that_failed_and_why() {
    let fixture = Fixture::new().await;
    for id in ["STALE", "FRESH", "WELL"] {
        fixture.pass(if id == "FRESH" { 61 } else { 0 });
        fixture.get(id).await;
    }
    for id in ["STALE", "FRESH"] {
        fixture.source.answer(&fixture.key(id), Answer::FailWith(refused()));
    }
    fixture.source.answer(&fixture.key("COLD"), Answer::Fail(ErrorKind::Timeout));
    fixture.source.answer(&fixture.key("NONE"), Answer::Absent);
    let refreshed =
        fixture.region.refresh(&["COLD", "WELL", "STALE", "NONE", "FRESH", "COLD"]).await.unwrap();
    assert_eq!(refreshed.loaded, 2, "that there is none is an answer too");
    let failed: Vec<_> = refreshed.failed.iter().map(|(key, error)| (key.id(), error.kind())).collect();
    let (cold, unavailable) = (("COLD", ErrorKind::Timeout), ErrorKind::Unavailable);
    assert_eq!(failed, [cold, ("STALE", unavailable), ("FRESH", unavailable)]);
    let cause = refreshed.failed[1].1.cause().expect("the loader's own cause").to_string();
    assert_eq!(cause, "connection refused");
    assert_eq!(refreshed.all().unwrap_err().kind(), ErrorKind::Timeout);
    assert_eq!(fixture.peek("STALE").as_deref(), Some("STALE@1"), "readers still get it");
}

#[tokio::test]
async fn rule_05_a_refresh_that_joins_a_load_that_fails_gets_its_error_and_makes_no_other() {
    let fixture = Fixture::new().await;
    fixture.get("AAPL").await;
    fixture.pass(61);
    fixture.source.answer(&fixture.key("AAPL"), Answer::FailWith(refused()));
    let gate = fixture.source.gate();
    assert_eq!(fixture.get("AAPL").await.as_deref(), Some("AAPL@1"), "refreshed behind");
    gate.reached(1).await;
    let region = fixture.region.clone();
    let refreshing = spawn(async move { region.refresh(&["AAPL"]).await });
    settle().await;
    gate.open();
    let refreshed = refreshing.await.unwrap().unwrap();
    assert_eq!((refreshed.loaded, refreshed.failed.len()), (0, 1));
    assert_eq!(refreshed.failed[0].1.to_string(), refused().to_string());
    assert_eq!(fixture.source.calls(), 2);
}

/// As where the runtime that the load is on stands still. What is offered meanwhile is no load.
#[tokio::test]
async fn rule_106_a_refresh_takes_over_a_load_that_is_as_old_as_one_may_be() {
    let fixture = Fixture::new().await;
    fixture.get("AAPL").await;
    fixture.pass(61);
    let gate = fixture.source.gate();
    assert_eq!(fixture.get("AAPL").await.as_deref(), Some("AAPL@1"), "refreshed behind");
    gate.reached(1).await;
    fixture.pass(600);
    gate.open();
    let refreshed = fixture.region.refresh(&["AAPL"]).await.unwrap();
    assert_eq!((refreshed.loaded, refreshed.failed.len()), (1, 0), "{:?}", refreshed.failed);
}

#[tokio::test]
async fn a_refresh_fails_as_a_whole_if_none_of_its_keys_is_asked_for() {
    let fixture = Fixture::new().await;
    let without = fixture.cache.region::<u64>("other").open().unwrap();
    assert_eq!(without.refresh(&["AAPL"]).await.unwrap_err().kind(), ErrorKind::Config, "no loader");
    fixture.cache.shutdown(SECOND).await.unwrap();
    let keys = [fixture.key("AAPL")];
    assert_eq!(Refresh::refresh(&fixture.region, &keys).await.unwrap_err().kind(), ErrorKind::Closed);
    assert_eq!(fixture.source.calls(), 0);
}
