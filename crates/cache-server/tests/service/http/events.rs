//! An announced market event invalidates what is cached about its asset, and nothing else.

use std::time::Duration;

use axum::{body::Body, http::Request};
use serde_json::json;

use crate::fixture::in_process::{InProcess, Reply};

async fn announce(service: &InProcess, body: &str) -> Reply {
    service.send(Request::post("/v1/events").body(Body::from(body.to_owned())).unwrap()).await
}

async fn source(service: &InProcess, symbol: &str) -> String {
    let answer = service.get(&format!("/v1/quotes/{symbol}")).await.json();
    answer["source"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn an_event_touches_its_asset_now_and_no_other() {
    let service = InProcess::open(&[]).await;
    for symbol in ["AAPL", "MSFT"] {
        source(&service, symbol).await;
    }
    let calls = service.app.registry().reports()[0].usage.calls;
    let said = announce(&service, r#"{"asset": "AAPL", "event": "halt"}"#).await;
    assert_eq!(said.status, 200, "{}", String::from_utf8_lossy(&said.body));
    let said = said.json();
    let touched = said["dropped"].as_array().unwrap().len() + said["refreshed"].as_array().unwrap().len();
    assert!(touched > 0, "{said}");
    assert!(said.to_string().contains("AAPL") && !said.to_string().contains("MSFT"), "{said}");
    source(&service, "AAPL").await;
    assert!(service.app.registry().reports()[0].usage.calls > calls, "asked anew");
    let calls = service.app.registry().reports()[0].usage.calls;
    assert_eq!(source(&service, "MSFT").await, "memory");
    assert_eq!(service.app.registry().reports()[0].usage.calls, calls);
}

#[tokio::test]
async fn an_event_ahead_ends_lives_when_it_happens() {
    let service = InProcess::open(&["--ttl-price=86400"]).await;
    let at = service.clock.now().after(Duration::from_secs(3600));
    let moment = jiff::Timestamp::from_microsecond(at.as_micros()).unwrap();
    let event = json!({"asset": "AAPL", "event": "earnings", "at": moment.to_string()}).to_string();
    let said = announce(&service, &event).await.json();
    assert_eq!((&said["dropped"], &said["refreshed"]), (&json!([]), &json!([])), "not yet: {said}");
    assert_eq!(source(&service, "AAPL").await, "provider");
    service.advance(Duration::from_secs(3000));
    assert_eq!(source(&service, "AAPL").await, "memory");
    let calls = service.app.registry().reports()[0].usage.calls;
    service.advance(Duration::from_secs(700));
    service
        .until(async || {
            source(&service, "AAPL").await;
            service.app.registry().reports()[0].usage.calls > calls
        })
        .await;
}

#[tokio::test]
async fn what_is_no_event_is_refused_with_what_is_wanted() {
    let service = InProcess::open(&[]).await;
    for (body, part) in [
        ("", "EOF"),
        ("{", "EOF"),
        (r#"{"asset": "A A", "event": "halt"}"#, "holds ' '"),
        (r#"["AAPL", "halt"]"#, "no JSON object"),
        (r#" ["AAPL", "halt", null, null]"#, "no JSON object"),
        (r#""halt""#, "no JSON object"),
        (r#"{"asset": "AAPL", "event": "party"}"#, "party"),
        (r#"{"asset": "AAPL", "event": "halt", "when": 1}"#, "when"),
        (r#"{"asset": "AAPL", "event": "halt", "at": "soon"}"#, "column 48"),
    ] {
        let answer = announce(&service, body).await;
        assert_eq!(answer.status, 422, "{body}");
        let detail = answer.json()["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains(part) && detail.contains("\"event\": \"earnings\""), "{detail}");
    }
    let answer = service.send(Request::put("/v1/events").body(Body::empty()).unwrap()).await;
    assert_eq!((answer.status.as_u16(), answer.header("allow")), (405, "GET, HEAD, POST"));
}
