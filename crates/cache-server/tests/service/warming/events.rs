//! What announced events, and the opening of a market, have fetched beforehand.

use std::time::Duration;

use axum::{body::Body, http::Request};
use serde_json::{Value, json};

use crate::fixture::{in_process::InProcess, upstream::Upstream};

const WITHOUT_POPULAR: &str = "--set=warming.popular=";
const SHORT: [&str; 2] = ["--ttl-price=30", "--grace-price=30"];

/// Runs a strategy by hand, and returns how many keys it picked.
async fn picked(service: &InProcess, strategy: &str) -> Value {
    let reply = service.post("/cache/warming/trigger", json!({ "strategy": strategy }).to_string()).await;
    assert_eq!(reply.status, 200, "{}", reply.json());
    reply.json()["results"][0]["items"].clone()
}

/// Announces earnings in so many minutes. Returns the path of the event.
async fn announce(service: &InProcess, symbol: &str, minutes: i64) -> String {
    let at = service.clock.now().as_micros() + minutes * 60_000_000;
    let at = jiff::Timestamp::from_microsecond(at).unwrap().to_string();
    let event = json!({"asset": symbol, "event": "earnings", "at": at}).to_string();
    let said = service.post("/v1/events", event).await.json();
    format!("/v1/events/{}", said["id"].as_str().unwrap())
}

async fn withdraw(service: &InProcess, path: &str) {
    assert_eq!(service.send(Request::delete(path).body(Body::empty()).unwrap()).await.status, 200);
}

#[tokio::test]
async fn what_an_event_ahead_is_about_is_fetched_until_it_is_withdrawn() {
    let flags = [WITHOUT_POPULAR, SHORT[0], SHORT[1]];
    let service = InProcess::open_at("2024-07-02T15:00:00Z", &flags).await;
    let path = announce(&service, "AAPL", 50).await;
    assert_eq!(picked(&service, "announced").await, 1);
    // It is known again and again that it lies ahead, also after a restart.
    service.advance(Duration::from_secs(600));
    service.until(async || picked(&service, "announced").await == 1).await;
    let service = service.restart(&flags).await;
    service.advance(Duration::from_secs(60));
    service.until(async || picked(&service, "announced").await == 1).await;
    service.advance(Duration::from_secs(60));
    withdraw(&service, &path).await;
    for minutes in [0, 1, 1, 5, 30] {
        service.advance(Duration::from_secs(minutes * 60));
        tokio::time::sleep(Duration::from_millis(250)).await;
        assert_eq!(picked(&service, "announced").await, 0, "after {minutes} minutes more");
    }
}

#[tokio::test]
async fn what_another_event_is_about_is_fetched_still() {
    let service = InProcess::open_at("2024-07-02T15:00:00Z", &[WITHOUT_POPULAR, SHORT[0], SHORT[1]]).await;
    let (first, _second) = (announce(&service, "AAPL", 20).await, announce(&service, "AAPL", 50).await);
    withdraw(&service, &first).await;
    assert_eq!(picked(&service, "announced").await, 1);
    // It is due within the hour, and for an hour after that.
    for minutes in [40, 9, 40, 15] {
        service.advance(Duration::from_secs(minutes * 60));
        service.until(async || picked(&service, "announced").await == 1).await;
    }
    service.advance(Duration::from_secs(10 * 60));
    assert_eq!(picked(&service, "announced").await, 0);
}

#[tokio::test]
async fn all_kinds_are_fetched_that_an_event_concerns() {
    let upstream = Upstream::start().await;
    let service = InProcess::open(&upstream.flags()).await;
    announce(&service, "AAPL", 30).await;
    announce(&service, "MSFT", 300).await;
    assert_eq!(picked(&service, "announced").await, 3);
    let mut asked = upstream.asked();
    asked.sort();
    assert_eq!(asked, ["/fundamentals/AAPL", "/news/AAPL", "/price/AAPL"]);
}

#[tokio::test]
async fn what_is_stale_when_the_market_opens_is_fetched_if_that_is_wanted() {
    for (lasting, expected) in [(0, 0), (60, 1)] {
        let lasting = format!("--set=warming.opening_bell={lasting}");
        let flags = [WITHOUT_POPULAR, SHORT[0], SHORT[1], &lasting];
        let service = InProcess::open_at("2024-07-02T13:28:00Z", &flags).await;
        service.get("/v1/quotes/AAPL").await;
        service.advance(Duration::from_secs(110));
        assert_eq!(picked(&service, "bell").await, 0, "it is not open yet");
        service.advance(Duration::from_secs(15));
        assert_eq!(picked(&service, "bell").await, expected);
        service.advance(Duration::from_secs(90));
        assert_eq!(picked(&service, "bell").await, 0, "it has been open for long");
    }
}
