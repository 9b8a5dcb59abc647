//! Market events and documents: what an event drops, what it loads anew, and what lives until it.

use std::{fs, time::Duration};

use serde_json::{Value, json};

use crate::fixture::{in_process::InProcess, upstream::Upstream};

async fn announce(service: &InProcess, event: &Value) -> Value {
    let reply = service.post("/v1/events", event.to_string()).await;
    assert_eq!(reply.status, 200, "{}", String::from_utf8_lossy(&reply.body));
    reply.json()
}

async fn source(service: &InProcess, path: &str) -> Value {
    service.get(path).await.json()["source"].clone()
}

#[tokio::test]
async fn earnings_drop_the_documents_that_they_change_and_no_others() {
    let upstream = Upstream::start().await;
    let service = InProcess::open(&upstream.flags()).await;
    let paths = ["/v1/fundamentals/AAPL", "/v1/news/AAPL", "/v1/dividend/AAPL", "/v1/fundamentals/MSFT"];
    for path in paths {
        assert_eq!(source(&service, path).await, "provider");
    }
    service.advance(Duration::from_millis(1));
    announce(&service, &json!({"asset": "AAPL", "event": "earnings"})).await;
    let mut sources = Vec::new();
    for path in paths {
        sources.push(source(&service, path).await);
    }
    assert_eq!(sources, ["provider", "provider", "memory", "memory"]);
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

#[tokio::test]
async fn fundamentals_live_until_the_earnings_that_are_announced() {
    let upstream = Upstream::start().await;
    let service = InProcess::open(&upstream.flags()).await;
    let ten_days = 10 * 86_400;
    let at = service.clock.now().as_micros() + ten_days * 1_000_000;
    let at = jiff::Timestamp::from_microsecond(at).unwrap().to_string();
    let said = announce(&service, &json!({"asset": "AAPL", "event": "earnings", "at": at})).await;
    let max_age = async || -> i64 {
        let reply = service.get("/v1/fundamentals/AAPL").await;
        let control = reply.header("cache-control").to_owned();
        control.split([',', '=']).nth(1).unwrap().parse().unwrap()
    };
    let until_then = max_age().await;
    assert!((ten_days * 19 / 20 - 1..=ten_days).contains(&until_then), "{until_then}");

    service.advance(Duration::from_secs(60));
    let path = format!("/v1/events/{}", said["id"].as_str().unwrap());
    let request = axum::http::Request::delete(&path).body(axum::body::Body::empty()).unwrap();
    assert_eq!(service.send(request).await.status, 200);
    let asked = upstream.asked().len();
    assert_eq!(
        service.get("/v1/fundamentals/AAPL").await.json()["stale"],
        json!(true),
        "it is looked at again"
    );
    service.until(async || upstream.asked().len() > asked).await;
    service.until(async || service.get("/v1/fundamentals/AAPL").await.json()["stale"] == json!(false)).await;
    assert!(max_age().await <= 86_400, "by the table");
}
