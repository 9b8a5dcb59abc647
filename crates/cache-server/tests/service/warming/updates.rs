//! Updates that are sent in batches.

use std::time::Duration;

use serde_json::{Value, json};

use crate::fixture::in_process::InProcess;

const UPDATES: &str = "/cache/warming/updates";
const LONG: &str = "--ttl-price=86400";

async fn schedule(service: &InProcess, updates: Value) -> Value {
    let reply = service.post(UPDATES, json!({ "updates": updates }).to_string()).await;
    assert_eq!(reply.status, 200, "{}", reply.json());
    reply.json()["updates"].clone()
}

fn statuses(answers: &Value) -> Vec<&str> {
    answers.as_array().unwrap().iter().map(|answer| answer["status"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn rule_90_an_update_that_waits_already_or_is_fresh_is_sent_once_or_not_at_all() {
    let service = InProcess::open(&[LONG]).await;
    let calls = || service.app.registry().reports()[0].usage.calls;
    service.get("/v1/quotes/MSFT").await;
    let answers = schedule(
        &service,
        json!([
            {"symbol": "AAPL", "kind": "quote", "priority": "high"},
            {"symbol": "AAPL", "kind": "price"},
            {"symbol": "MSFT", "kind": "quote"},
            {"symbol": "JPM", "kind": "quote", "priority": "high"},
            {"symbol": "AAPL", "kind": "technical", "parameters": {"function": "SMA", "period": 3}},
            {"symbol": "AAPL", "kind": "cheese"},
        ]),
    )
    .await;
    assert_eq!(
        statuses(&answers),
        ["queued", "already_queued", "fresh", "queued", "invalid", "invalid"],
        "{answers}"
    );
    assert!(answers[4]["error"].as_str().unwrap().contains("is computed"), "{answers}");
    assert_eq!(calls(), 1);
    // Read meanwhile, so it is fresh by the time of its batch.
    service.get("/v1/quotes/JPM").await;
    service.advance(Duration::from_secs(61));
    service
        .until(async || service.get("/cache/warming/metrics").await.json()["updates"]["updated"] == 1)
        .await;
    assert_eq!(calls(), 3, "one for each read, and one for the batch");
    assert_eq!(service.get("/v1/quotes/AAPL").await.json()["source"], "memory");
    let updates = service.get("/cache/warming/metrics").await.json()["updates"].clone();
    assert_eq!((&updates["calls"], &updates["pending"]), (&json!(1), &json!(0)), "{updates}");
}

#[tokio::test]
async fn rule_90_updates_that_wait_are_sent_before_the_end() {
    let service = InProcess::open(&[LONG]).await;
    let answers = schedule(&service, json!([{"symbol": "AAPL", "kind": "quote", "priority": "low"}])).await;
    assert_eq!(statuses(&answers), ["queued"]);
    let service = service.restart(&[LONG]).await;
    assert_eq!(service.get("/v1/quotes/AAPL").await.json()["source"], "disk");
}

#[tokio::test]
async fn rule_90_a_provider_that_hangs_does_not_hold_up_the_end() {
    let service = InProcess::open(&[LONG]).await;
    service.app.replay().faults().hang();
    schedule(&service, json!([{"symbol": "AAPL", "kind": "quote", "priority": "critical"}])).await;
    service.until(async || service.app.registry().reports()[0].usage.calls == 1).await;
    let begun = std::time::Instant::now();
    let _ = service.app.close(Duration::from_secs(1)).await;
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn what_is_no_list_of_updates_is_refused_and_none_is_taken_while_they_are_off() {
    let service = InProcess::open(&[]).await;
    for body in [
        "",
        "[]",
        "{}",
        r#"{"updates": []}"#,
        r#"{"updates": [{"symbol": "AAPL"}]}"#,
        r#"{"updates": [{"symbol": "AAPL", "kind": "quote", "priority": "urgent"}]}"#,
    ] {
        let refused = service.post(UPDATES, body).await;
        assert_eq!(refused.status, 400, "{body}");
        assert!(refused.json()["detail"].as_str().unwrap().contains("\"priority\": \"high\""), "{body}");
    }
    let service = InProcess::open(&["--set=batch.enabled=false"]).await;
    let refused = service.post(UPDATES, r#"{"updates": [{"symbol": "AAPL", "kind": "quote"}]}"#).await;
    assert_eq!(refused.status, 409);
    assert_eq!(refused.json()["type"], "urn:problem-type:cache:updates-off");
}
