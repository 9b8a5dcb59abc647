//! What survives a restart, and how the process stops.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::fixture::process::Server;

const QUICK: &[&str] = &["--provider-latency-ms=20"];
const QUOTES: &str = "/v1/quotes?symbols=AAPL,MSFT";

fn sources(body: &Value) -> Vec<&str> {
    body["quotes"].as_array().unwrap().iter().map(|quote| quote["source"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn the_provider_answers_once_then_memory_then_after_a_restart_disk() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), QUICK);
    let first = server.json(QUOTES).await;
    assert_eq!(sources(&first), ["provider", "provider"]);
    assert_eq!(sources(&server.json(QUOTES).await), ["memory", "memory"]);
    assert_eq!(server.json("/v1/bars/AAPL").await["source"], "provider");
    assert_eq!(server.provider_calls().await, 2);
    server.terminate();

    let server = Server::start(data.path(), QUICK);
    let again = server.json(QUOTES).await;
    assert_eq!(sources(&again), ["disk", "disk"]);
    assert_eq!(again["quotes"][0]["price"], first["quotes"][0]["price"]);
    assert!(
        again["quotes"][0]["age_ms"].as_u64() > first["quotes"][0]["age_ms"].as_u64(),
        "it goes on ageing"
    );
    assert_eq!(server.json("/v1/bars/AAPL").await["source"], "disk");
    assert_eq!(sources(&server.json(QUOTES).await), ["memory", "memory"]);
    assert_eq!(server.provider_calls().await, 0);
    server.terminate();
}

#[tokio::test]
async fn what_was_written_survives_kill_9() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), QUICK);
    server.json(QUOTES).await;
    server.until("both quotes on disk", |stats| stats["disk"]["entries"].as_u64() >= Some(2)).await;
    server.kill();

    let server = Server::start(data.path(), QUICK);
    assert_eq!(sources(&server.json(QUOTES).await), ["disk", "disk"]);
    assert_eq!(server.provider_calls().await, 0);
}

#[tokio::test]
async fn a_request_under_way_is_answered_before_the_end() {
    for signal in ["-TERM", "-INT"] {
        let data = tempfile::tempdir().unwrap();
        let mut server = Server::start(data.path(), &["--provider-latency-ms=800"]);
        let (client, url) = (server.client.clone(), format!("{}{QUOTES}", server.url));
        let waiting = tokio::spawn(async move { client.get(url).send().await });
        server.until("a call under way", |stats| stats["providers"][0]["calls"] == json!(1)).await;
        server.signal(signal);
        let answer = waiting.await.unwrap().unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(sources(&answer.json().await.unwrap()), ["provider", "provider"]);
        let (status, took) = server.ended();
        assert!(status.success() && took < Duration::from_secs(5), "{signal}: {status} after {took:?}");

        // Values loaded just before are kept too.
        let server = Server::start(data.path(), QUICK);
        assert_eq!(sources(&server.json(QUOTES).await), ["disk", "disk"]);
    }
}

#[tokio::test]
async fn a_provider_that_takes_for_ever_does_not_hold_up_the_end() {
    let data = tempfile::tempdir().unwrap();
    let mut server =
        Server::start(data.path(), &["--provider-latency-ms=600000", "--load-timeout-ms=600000"]);
    let (client, url) = (Arc::new(server.client.clone()), format!("{}{QUOTES}", server.url));
    let waiting = tokio::spawn(async move { client.get(url).send().await });
    server.until("a call under way", |stats| stats["providers"][0]["calls"] == json!(1)).await;
    server.signal("-TERM");
    let (status, took) = server.ended();
    assert!(status.success() && took < Duration::from_secs(5), "{status} after {took:?}");
    assert!(waiting.await.unwrap().is_err(), "cut off");
}

/// For how many seconds the service says that a quote is fresh.
async fn max_age(server: &Server, symbol: &str) -> u64 {
    let answer = server.get(&format!("/v1/quotes/{symbol}")).await;
    let text = answer.headers()["cache-control"].to_str().unwrap().to_owned();
    let age = text.split([',', ' ']).find_map(|part| part.strip_prefix("max-age="));
    age.unwrap_or_else(|| panic!("{text}")).parse().unwrap()
}

#[tokio::test]
async fn rule_76_an_announced_event_survives_kill_9_and_bounds_what_comes_from_disk() {
    let data = tempfile::tempdir().unwrap();
    let flags = [QUICK, &["--ttl-price=86400"]].concat();
    let server = Server::start(data.path(), &flags);
    server.json(QUOTES).await;
    // The market's next change bounds it, so how long it is depends on when the test runs.
    let (asked, before) = (Instant::now(), max_age(&server, "MSFT").await);
    server.until("both quotes on disk", |stats| stats["disk"]["entries"].as_u64() >= Some(2)).await;
    let at = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(600);
    let event = json!({"asset": "AAPL", "event": "corporate_action", "at": at.to_string()});
    let said = server.client.post(format!("{}/v1/events", server.url)).json(&event).send().await.unwrap();
    let id = said.json::<Value>().await.unwrap()["id"].as_str().unwrap().to_owned();
    server.kill();

    let server = Server::start(data.path(), &flags);
    assert_eq!(server.json("/v1/events").await["events"][0]["id"], json!(id));
    assert!(max_age(&server, "AAPL").await <= 700, "fresh until the event at most");
    let passed = asked.elapsed().as_secs() + 2;
    assert!(
        max_age(&server, "MSFT").await + passed >= before,
        "another asset's event is none of its concern"
    );
    let path = format!("{}/v1/events/{id}", server.url);
    assert_eq!(server.client.delete(&path).send().await.unwrap().status(), StatusCode::OK);
    server.kill();
    let server = Server::start(data.path(), &flags);
    assert_eq!(server.json("/v1/events").await["events"], json!([]));
}
