//! Management: what is held of keys, and what an invalidation ends or would end, by tier.

use std::{collections::BTreeSet, time::Duration};

use axum::{body::Body, http::Request};
use futures_util::StreamExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::{
    fixture::{in_process::InProcess, upstream::Upstream},
    http::hang_up::hang_up_after,
};

const SYMBOLS: [&str; 5] = ["AAPL", "AMZN", "MSFT", "NVDA", "GOOG"];

/// A service that holds the quote of each symbol, in memory and on disk.
async fn holding(upstream: &Upstream) -> InProcess {
    let service = InProcess::open_at("2024-07-02T16:00:00Z", &upstream.flags()).await;
    for symbol in SYMBOLS {
        assert_eq!(service.get(&format!("/v1/quotes/{symbol}")).await.status, 200, "{symbol}");
    }
    service.until(async || held(&service, "price:*", "disk").await.len() == SYMBOLS.len()).await;
    service
}

/// The keys that a place holds, found by pages of two.
async fn held(service: &InProcess, pattern: &str, place: &str) -> BTreeSet<String> {
    let (mut keys, mut after) = (BTreeSet::new(), String::new());
    loop {
        let page = service.get(&format!("/cache/keys?pattern={pattern}&limit=2&after={after}")).await.json();
        for key in page["keys"].as_array().unwrap() {
            let is_there = |told: &Value| told["name"] == place && told["held"] == true;
            if key["places"].as_array().unwrap().iter().any(is_there) {
                assert!(keys.insert(key["key"].as_str().unwrap().to_owned()), "{key} is told twice");
            }
        }
        match page["next"].as_str() {
            Some(next) => after = next.to_owned(),
            None => return keys,
        }
    }
}

async fn invalidate(service: &InProcess, body: Value) -> Value {
    let reply = service.post("/cache/invalidate", body.to_string()).await;
    assert_eq!(reply.status, 200, "{body}: {}", String::from_utf8_lossy(&reply.body));
    reply.json()
}

#[tokio::test]
async fn a_dry_run_counts_by_tier_what_the_invalidation_then_ends_whatever_it_names() {
    let upstream = Upstream::start().await;
    for (what, ended) in [
        (json!({"keys": ["price:AAPL", "price:NONE"]}), &["AAPL"][..]),
        (json!({"keys": "price:MSFT"}), &["MSFT"]),
        (json!({"patterns": ["price:A*"]}), &["AAPL", "AMZN"]),
        (json!({"assets": ["NVDA", "goog"]}), &["NVDA", "GOOG"]),
        (json!({"tags": ["AAPL"], "keys": ["price:AMZN"]}), &["AAPL", "AMZN"]),
        (json!({"kinds": ["price"]}), &SYMBOLS),
        (json!({"all": true}), &SYMBOLS),
        (json!({"users": ["17"]}), &[]),
    ] {
        let service = holding(&upstream).await;
        let count = ended.len();
        let mut dry = what.clone();
        dry["dry_run"] = json!(true);
        let told = invalidate(&service, dry).await;
        assert_eq!(told["removed"], json!({"memory": count, "disk": count}), "{what}: {told}");
        assert_eq!((&told["dry_run"], &told["complete"]), (&json!(true), &json!(true)), "{told}");
        let kept: BTreeSet<String> = held(&service, "price:*", "memory").await;
        assert_eq!(kept.len(), SYMBOLS.len(), "a dry run ends nothing");

        let done = invalidate(&service, what.clone()).await;
        assert_eq!(done["removed"], told["removed"], "{what}");
        assert_eq!((&done["at_least"], &done["at_most"]), (&json!(count), &json!(2 * count)), "{done}");
        for symbol in SYMBOLS {
            let source = service.get(&format!("/v1/quotes/{symbol}")).await.json()["source"].clone();
            assert_eq!(source == "provider", ended.contains(&symbol), "{what}: {symbol} is from {source}");
        }
    }
}

#[tokio::test]
async fn rule_84_what_is_invalidated_softly_is_served_flagged_while_the_provider_is_down() {
    let upstream = Upstream::start().await;
    for what in [json!({"assets": ["AAPL"]}), json!({"keys": ["price:AAPL"]}), json!({"kinds": ["price"]})] {
        let service = holding(&upstream).await;
        let mut soft = what.clone();
        soft["mode"] = json!("soft");
        upstream.set_dead(true);
        let told = invalidate(&service, soft).await;
        assert_eq!(told["soft"], true, "{told}");
        assert!(told["at_least"].as_u64() >= Some(1), "{what}: {told}");
        let quote = service.get("/v1/quotes/AAPL").await;
        assert_eq!((quote.status.as_u16(), &quote.json()["stale"]), (200, &json!(true)), "{what}");
        upstream.set_dead(false);
        service.advance(Duration::from_secs(60));
        service.get("/v1/quotes/AAPL").await;
        service.until(async || service.get("/v1/quotes/AAPL").await.json()["stale"] == false).await;
    }
}

#[tokio::test]
async fn what_is_held_of_a_key_is_told_of_each_place() {
    let upstream = Upstream::start().await;
    let service = holding(&upstream).await;
    let told = service.get("/cache/keys/price:AAPL").await.json();
    assert_eq!(
        (&told["kind"], &told["id"], &told["served_from"]),
        (&json!("price"), &json!("AAPL"), &json!("memory"))
    );
    let places = told["places"].as_array().unwrap();
    assert_eq!(places.iter().map(|place| &place["name"]).collect::<Vec<_>>(), ["memory", "disk"]);
    for place in places {
        assert_eq!((&place["held"], &place["entry"]["state"]), (&json!(true), &json!("fresh")), "{place}");
        assert!(place["entry"]["fresh_for_ms"].as_u64().is_some_and(|left| left > 0), "{place}");
        assert!(place["entry"]["tags"].as_array().unwrap().contains(&json!("AAPL")), "{place}");
    }
    service.post("/cache/invalidate", r#"{"tags": ["AAPL"]}"#).await;
    let ended = service.get("/cache/keys/price:AAPL").await;
    let told = if ended.status == 404 { json!({}) } else { ended.json() };
    assert_eq!(told.get("served_from"), None, "{told}");
    for (path, status) in [
        ("/cache/keys/price:NONE", 404),
        ("/cache/keys/price", 400),
        ("/cache/keys/:AAPL", 400),
        ("/cache/keys?limit=0", 400),
        ("/cache/keys?limit=1001", 400),
        ("/cache/keys?after=nonsense", 400),
        ("/cache/keys?unknown=1", 400),
    ] {
        let reply = service.get(path).await;
        assert_eq!(reply.status, status, "{path}");
        assert_eq!(reply.header("content-type"), "application/problem+json", "{path}");
    }
}

#[tokio::test]
async fn what_names_nothing_or_too_much_or_is_misspelt_is_refused_and_ends_nothing() {
    let upstream = Upstream::start().await;
    let service = holding(&upstream).await;
    let many: Vec<String> = (0..101).map(|n| format!("price:S{n}")).collect();
    for body in [
        json!({}),
        json!([]),
        json!({"tags": []}),
        json!({"all": false}),
        json!({"all": "true"}),
        json!({"tags": [1]}),
        json!({"tags": [""]}),
        json!({"tag": ["AAPL"]}),
        json!({"keys": ["AAPL"]}),
        json!({"kinds": [""]}),
        json!({"kinds": ["prices"]}),
        json!({"keys": ["prices:AAPL"]}),
        json!({"assets": ["not an asset"]}),
        json!({"tags": ["AAPL"], "dry_run": 1}),
        json!({"tags": ["AAPL"], "mode": "gentle"}),
        json!({"keys": many}),
    ] {
        let reply = service.post("/cache/invalidate", body.to_string()).await;
        assert_eq!(reply.status, 400, "{body}: {}", String::from_utf8_lossy(&reply.body));
        assert_eq!(reply.header("content-type"), "application/problem+json", "{body}");
    }
    let twice =
        service.post("/cache/invalidate", r#"{"all": true, "dry_run": true, "dry_run": false}"#).await;
    assert_eq!(twice.status, 400);
    assert_eq!(held(&service, "price:*", "memory").await.len(), SYMBOLS.len());
}

#[tokio::test]
async fn rule_105_an_invalidation_whose_client_hangs_up_ends_all_that_it_names_or_nothing() {
    let upstream = Upstream::start().await;
    for most in 0..12 {
        let service = holding(&upstream).await;
        let body = json!({"kinds": ["price"], "keys": ["price:AAPL"]}).to_string();
        let request = Request::post("/cache/invalidate").body(Body::from(body)).unwrap();
        if hang_up_after(&service, request, most).await {
            return;
        }
        let is_whole = async || {
            let mut sources = BTreeSet::new();
            for symbol in SYMBOLS {
                let told = service.get(&format!("/cache/keys/price:{symbol}")).await;
                let is_served = told.status == 200 && told.json().get("served_from").is_some();
                sources.insert(is_served);
            }
            sources.len() == 1
        };
        service.until(is_whole).await;
    }
}

#[tokio::test]
async fn health_is_told_in_full_and_in_a_few_words() {
    let upstream = Upstream::start().await;
    let service = holding(&upstream).await;
    let full = service.get("/health").await.json();
    assert_eq!(full["status"], "healthy", "{full}");
    let brief = service.get("/cache/health").await.json();
    assert_eq!(
        (&brief["status"], &brief["connection_healthy"]),
        (&json!("healthy"), &json!(true)),
        "{brief}"
    );
    assert_eq!(brief["metrics"]["total_operations"], SYMBOLS.len(), "{brief}");
}

#[tokio::test]
async fn whoever_follows_events_is_told_of_each_change_with_what_was_asked_for_and_what_came_of_it() {
    let upstream = Upstream::start().await;
    let service = holding(&upstream).await;
    let request = Request::get("/cache/events").body(Body::empty()).unwrap();
    let mut followed = service.router.clone().oneshot(request).await.unwrap().into_body().into_data_stream();
    let at = json!({"asset": "AAPL", "event": "earnings", "at": "2026-01-28T21:30:00Z"});
    let announced = service.post("/v1/events", at.to_string()).await.json();
    let id = announced["id"].as_str().unwrap();
    let withdrawal = Request::delete(format!("/v1/events/{id}")).body(Body::empty()).unwrap();
    assert_eq!(service.send(withdrawal).await.status, 200);
    for (path, body) in [
        ("/v1/invalidate", json!({"tags": ["AMZN"]})),
        ("/cache/invalidate", json!({"keys": ["price:MSFT"], "dry_run": true})),
        ("/cache/invalidate", json!({"keys": ["price:MSFT"]})),
        ("/cache/warming/updates", json!({"updates": [{"symbol": "AAPL", "kind": "quote"}]})),
        ("/cache/warming/trigger", json!({})),
        ("/v1/config/reload", json!({})),
    ] {
        let reply = service.post(path, body.to_string()).await;
        assert_eq!(reply.status, 200, "{path}: {}", String::from_utf8_lossy(&reply.body));
    }
    // A refusal changes nothing.
    assert_eq!(service.post("/v1/invalidate", "{}").await.status, 400);
    let mut told: Vec<Value> = Vec::new();
    let expected = [
        ("announce", "/request/asset", json!("AAPL")),
        ("withdraw", "/request/id", json!(id)),
        ("invalidate", "/outcome/ended", json!(["AMZN"])),
        ("invalidate", "/outcome/removed/memory", json!(1)),
        ("schedule", "/request/updates", json!(1)),
        ("warm", "/request/strategy", json!(null)),
        ("reload", "/outcome/changed", json!([])),
    ];
    while told.len() < expected.len() {
        let part = followed.next().await.unwrap().unwrap();
        let text = String::from_utf8(part.to_vec()).unwrap();
        let changes = text.split("\n\n").filter_map(|event| event.strip_prefix("event: change\ndata: "));
        told.extend(changes.map(|data| serde_json::from_str::<Value>(data).unwrap()));
    }
    for (change, (action, place, value)) in told.iter().zip(&expected) {
        assert_eq!((&change["action"], change.pointer(place)), (&json!(action), Some(value)), "{told:?}");
    }
    assert_eq!(told.len(), expected.len(), "{told:?}");
}

#[tokio::test]
async fn an_invalidation_names_the_tiers_that_have_yet_to_take_it() {
    let upstream = Upstream::start().await;
    let redis = "--redis-url=redis://127.0.0.1:1";
    let flags = upstream.flags();
    let flags: Vec<&str> = flags.iter().map(AsRef::as_ref).chain([redis]).collect();
    let service = InProcess::open_at("2024-07-02T16:00:00Z", &flags).await;
    assert_eq!(service.get("/v1/quotes/AAPL").await.status, 200);
    for mode in ["soft", "hard"] {
        let told = invalidate(&service, json!({"keys": ["price:AAPL"], "mode": mode})).await;
        assert!(told["pending"]["redis"].as_u64() >= Some(1), "{told}");
        assert_eq!(told["pending"].get("disk"), None, "{told}");
    }
}
