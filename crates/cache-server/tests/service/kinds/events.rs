//! Market events and documents: what an event drops, what it loads anew, and what lives until it.

use std::{fs, time::Duration};

use axum::{body::Body, http::Request};
use serde_json::{Value, json};

use crate::fixture::{in_process::InProcess, upstream::Upstream};

const TEN_DAYS: i64 = 10 * 86_400;

async fn announce(service: &InProcess, event: &Value) -> Value {
    let reply = service.post("/v1/events", event.to_string()).await;
    assert_eq!(reply.status, 200, "{}", String::from_utf8_lossy(&reply.body));
    reply.json()
}

async fn source(service: &InProcess, path: &str) -> Value {
    service.get(path).await.json()["source"].clone()
}

#[tokio::test]
async fn rule_84_earnings_mark_the_documents_stale_that_they_change_and_no_others() {
    let upstream = Upstream::start().await;
    let service = InProcess::open(&upstream.flags()).await;
    let paths = ["/v1/fundamentals/AAPL", "/v1/news/AAPL", "/v1/dividend/AAPL", "/v1/fundamentals/MSFT"];
    for path in paths {
        assert_eq!(source(&service, path).await, "provider");
    }
    service.advance(Duration::from_millis(1));
    let said = announce(&service, &json!({"asset": "AAPL", "event": "earnings"})).await;
    assert_eq!(said["stale"], json!(["fundamentals:AAPL", "news:AAPL"]), "{said}");
    let (before, mut stale) = (upstream.asked().len(), Vec::new());
    for path in paths {
        let answer = service.get(path).await.json();
        assert_eq!(answer["source"], "memory", "{answer}");
        stale.push(answer["stale"].clone());
    }
    assert_eq!(stale, [json!(true), json!(true), json!(false), json!(false)]);
    service.advance(Duration::from_secs(5));
    for path in &paths[..2] {
        service.until(async || service.get(path).await.json()["stale"] == json!(false)).await;
    }
    assert_eq!(upstream.asked().len(), before + 2, "one load each");
}

#[tokio::test]
async fn an_event_that_refreshes_documents_loads_them_and_leaves_alone_what_nobody_offers() {
    let upstream = Upstream::of(&[market_data::DataType::News, market_data::DataType::Price]).await;
    let file = upstream.flags()[1].to_owned();
    let mut configuration: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
    configuration["ttl"] = json!({"rules": {"events": {"touches": {
        "news": {"refresh": ["news", "fundamentals"]}, "halt": {"refresh": ["news"]},
    }}}});
    fs::write(&file, configuration.to_string()).unwrap();
    let service = InProcess::open(&upstream.flags()).await;
    let said = announce(&service, &json!({"asset": "AAPL", "event": "news"})).await;
    assert_eq!(said["failed"], json!([]), "{said}");
    assert_eq!(upstream.asked(), ["/news/AAPL"]);
    assert_eq!(source(&service, "/v1/news/AAPL").await, "memory");

    // What is announced ahead is loaded when it is due.
    let at = jiff::Timestamp::from_microsecond(service.clock.now().as_micros() + 60_000_000).unwrap();
    announce(&service, &json!({"asset": "AAPL", "event": "halt", "at": at.to_string()})).await;
    service.advance(Duration::from_secs(61));
    service.until(async || upstream.asked().len() == 2).await;
    service.until(async || service.get("/v1/news/AAPL").await.json()["stale"] == json!(false)).await;
    assert_eq!(upstream.asked(), ["/news/AAPL", "/news/AAPL"]);
}

/// Announces earnings of AAPL in ten days. Returns the path of the event.
async fn announce_earnings(service: &InProcess) -> String {
    let at = service.clock.now().as_micros() + TEN_DAYS * 1_000_000;
    let at = jiff::Timestamp::from_microsecond(at).unwrap().to_string();
    let said = announce(service, &json!({"asset": "AAPL", "event": "earnings", "at": at})).await;
    format!("/v1/events/{}", said["id"].as_str().unwrap())
}

async fn withdraw(service: &InProcess, path: &str) {
    let request = Request::delete(path).body(Body::empty()).unwrap();
    assert_eq!(service.send(request).await.status, 200);
}

async fn fundamentals(service: &InProcess) -> (Value, i64) {
    let reply = service.get("/v1/fundamentals/AAPL").await;
    let max_age = reply.header("cache-control").split([',', '=']).nth(1).unwrap().parse().unwrap();
    (reply.json(), max_age)
}

#[tokio::test]
async fn fundamentals_live_until_the_earnings_that_are_announced() {
    let upstream = Upstream::start().await;
    let service = InProcess::open(&upstream.flags()).await;
    let path = announce_earnings(&service).await;
    let (_, until_then) = fundamentals(&service).await;
    // Jitter shortens a life by a twentieth at most.
    assert!((TEN_DAYS * 19 / 20 - 1..=TEN_DAYS).contains(&until_then), "{until_then}");

    service.advance(Duration::from_secs(60));
    withdraw(&service, &path).await;
    let (stale, _) = fundamentals(&service).await;
    assert_eq!((&stale["stale"], &stale["source"]), (&json!(true), &json!("memory")), "{stale}");
    service.until(async || upstream.asked().len() == 2).await;
    service.until(async || fundamentals(&service).await.0["stale"] == json!(false)).await;
    let (_, by_the_table) = fundamentals(&service).await;
    assert!(by_the_table <= 86_400, "{by_the_table}");
}

#[tokio::test]
async fn what_is_on_disk_until_earnings_that_were_withdrawn_is_looked_at_again_after_a_restart() {
    let upstream = Upstream::start().await;
    let flags = upstream.flags();
    let service = InProcess::open(&flags).await;
    let path = announce_earnings(&service).await;
    fundamentals(&service).await;
    let service = service.restart(&flags).await;
    service.advance(Duration::from_secs(60));
    withdraw(&service, &path).await;
    let service = service.restart(&flags).await;
    upstream.set_dead(true);
    let (stale, max_age) = fundamentals(&service).await;
    assert_eq!((&stale["stale"], &stale["source"]), (&json!(true), &json!("disk")), "{stale}");
    assert_eq!(max_age, 0, "nobody may take it for fresh");
}
