//! Signals and narratives end with what happens to their asset.

use std::time::Duration;

use axum::{body::Body, http::Request};
use serde_json::{Value, json};

use super::sending::{get, is_there, open, seconds_fresh, stored};
use crate::fixture::{in_process::InProcess, upstream::Upstream};

async fn announce(service: &InProcess, event: &Value) {
    let request = Request::post("/v1/events").body(Body::from(event.to_string())).unwrap();
    let reply = service.send(request).await;
    assert_eq!(reply.status, 200, "{}", reply.json());
}

/// Puts a signal and a narrative of two assets, and a signal of none.
async fn of_two_assets() -> InProcess {
    let service = open().await;
    for asset in ["AAPL", "MSFT"] {
        let signal = json!({"value": "buy", "asset": asset, "ttl": "1d"});
        let there = stored(&service, &format!("signals/{asset}-1"), &signal).await;
        assert_eq!(there["tags"], json!([asset, format!("signal:{asset}")]));
        let there =
            stored(&service, &format!("narratives/{asset}"), &json!({"value": "up", "ttl": "1d"})).await;
        assert_eq!(there["tags"], json!([asset, format!("narrative:{asset}")]));
    }
    stored(&service, "signals/market-1", &json!({"value": "sell", "ttl": "1d"})).await;
    service
}

#[tokio::test]
async fn an_event_ends_the_signals_and_the_narrative_of_its_asset_alone() {
    for event in ["halt", "earnings", "news", "corporate_action"] {
        let service = of_two_assets().await;
        announce(&service, &json!({"asset": "AAPL", "event": event})).await;
        for (path, there) in [
            ("signals/AAPL-1", false),
            ("narratives/AAPL", false),
            ("signals/MSFT-1", true),
            ("narratives/MSFT", true),
            ("signals/market-1", true),
        ] {
            assert_eq!(is_there(&service, path).await, there, "{event}: {path}");
        }
        let service = service.restart(&[]).await;
        assert!(!is_there(&service, "narratives/AAPL").await && is_there(&service, "narratives/MSFT").await);
        stored(&service, "narratives/AAPL", &json!({"value": "anew"})).await;
        assert!(is_there(&service, "narratives/AAPL").await, "what is put after the event stays");
    }
}

#[tokio::test]
async fn neither_the_life_nor_the_grace_of_an_answer_reaches_past_an_event_that_ends_it() {
    let service = open().await;
    let at = service.clock.now().after(Duration::from_secs(120));
    let at = jiff::Timestamp::from_microsecond(at.as_micros()).unwrap().to_string();
    announce(&service, &json!({"asset": "AAPL", "event": "halt", "at": at})).await;
    let long = json!({"value": 1, "ttl": "10s", "stale_for": "1h"});
    let with = |name: &str, value: Value| {
        let mut body = long.clone();
        body[name] = value;
        body
    };
    stored(&service, "narratives/AAPL", &long).await;
    stored(&service, "signals/1", &with("asset", json!("AAPL"))).await;
    stored(&service, "reports/1", &with("tags", json!(["x", "narrative:AAPL"]))).await;
    stored(&service, "signals/2", &with("asset", json!("MSFT"))).await;
    for (path, is_bound) in
        [("narratives/AAPL", true), ("signals/1", true), ("reports/1", true), ("signals/2", false)]
    {
        let control = get(&service, path).await.header("cache-control").to_owned();
        let grace: u64 = control.split("stale-if-error=").nth(1).unwrap().parse().unwrap();
        assert_eq!(grace <= 120, is_bound, "{path}: {control}");
    }
}

#[tokio::test]
async fn no_life_reaches_past_an_event_ahead_whether_it_was_announced_before_or_after_the_put() {
    for before in [true, false] {
        let service = open().await;
        let at = service.clock.now().after(Duration::from_secs(600));
        let at = jiff::Timestamp::from_microsecond(at.as_micros()).unwrap().to_string();
        let event = json!({"asset": "AAPL", "event": "earnings", "at": at});
        if before {
            announce(&service, &event).await;
        }
        stored(&service, "narratives/AAPL", &json!({"value": "up", "ttl": "1d", "stale_for": "1d"})).await;
        stored(&service, "signals/1", &json!({"value": 1, "asset": "AAPL", "ttl": "1d"})).await;
        stored(&service, "signals/2", &json!({"value": 1, "asset": "MSFT", "ttl": "1d"})).await;
        if !before {
            announce(&service, &event).await;
        }
        for path in ["narratives/AAPL", "signals/1"] {
            let there = get(&service, path).await;
            let fresh_for = there.json()["fresh_for_ms"].as_u64().unwrap();
            assert!(fresh_for <= 600_000, "{path}: {fresh_for}");
            assert!(!there.header("cache-control").contains("max-age=8"), "{path}");
        }
        assert!(get(&service, "signals/2").await.json()["fresh_for_ms"].as_u64().unwrap() > 86_000_000);
        service.advance(Duration::from_secs(601));
        let gone =
            async || !is_there(&service, "narratives/AAPL").await && !is_there(&service, "signals/1").await;
        service.until(gone).await;
        assert!(is_there(&service, "signals/2").await);
    }
}

#[tokio::test]
async fn the_tag_of_an_asset_ends_what_an_application_tagged_so_by_itself() {
    let service = open().await;
    stored(&service, "reports/1", &json!({"value": 1, "tags": ["narrative:AAPL"]})).await;
    announce(&service, &json!({"asset": "AAPL", "event": "halt"})).await;
    assert!(!is_there(&service, "reports/1").await);
}

/// The prices that move are those that the service itself fetches.
#[tokio::test]
async fn a_narrative_lives_shorter_while_the_price_of_its_asset_swings() {
    let upstream = Upstream::start().await;
    let service = InProcess::open_at("2024-07-02T16:00:00Z", &upstream.flags()).await;
    for (risen, lives) in [(0, 900.0), (15, 600.0), (32, 300.0)] {
        upstream.rise(risen);
        service.advance(Duration::from_secs(301));
        let price = 7.0 * (1.0 + f64::from(risen) / 1000.0);
        let quoted = async || service.get("/v1/quotes/AAPL").await.json()["price"].as_f64();
        service.until(async || quoted().await.is_some_and(|quoted| (quoted - price).abs() < 1e-9)).await;
        let there = stored(&service, "narratives/AAPL", &json!({"value": "up"})).await;
        assert_eq!(seconds_fresh(&there), lives, "{risen} tenths of a percent up");
        let other = stored(&service, "narratives/MSFT", &json!({"value": "up"})).await;
        assert_eq!(seconds_fresh(&other), 900.0, "another asset's swing is its own");
    }
}
