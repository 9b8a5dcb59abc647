//! The data of responses and their source.

use std::time::Duration;

use axum::http::StatusCode;
use serde_json::json;

use crate::fixture::in_process::InProcess;

#[tokio::test]
async fn quotes_come_in_the_order_asked_for_each_once_and_the_unknown_are_named() {
    let service = InProcess::open(&[]).await;
    let answer = service.get("/v1/quotes?symbols=MSFT,nope,aapl,MSFT,ZZZZ,AAPL").await;
    assert_eq!(answer.status, StatusCode::OK);
    let body = answer.json();
    let symbols: Vec<&str> =
        body["quotes"].as_array().unwrap().iter().map(|quote| quote["symbol"].as_str().unwrap()).collect();
    assert_eq!(symbols, ["MSFT", "AAPL"]);
    assert_eq!((&body["unknown"], &body["failed"]), (&json!(["NOPE", "ZZZZ"]), &json!([])));
    let usage = service.app.replay().usage();
    assert_eq!((usage.calls, usage.keys), (1, 4), "four symbols in one call");
}

#[tokio::test]
async fn a_quote_is_the_last_recorded_close_with_its_circumstances() {
    let service = InProcess::open(&[]).await;
    let quote = json!({
        "symbol": "AAPL", "price": 164.050003, "previous_close": 164.0, "change": 0.050003,
        "change_percent": 0.0305, "open": 164.800003, "high": 164.940002, "low": 163.630005,
        "volume": 16_552_800, "as_of": "2017-09-01", "time": null, "currency": null, "bid": null, "ask": null,
        "provider": "replay", "source": "provider", "age_ms": 0, "stale": false,
    });
    assert_eq!(service.get("/v1/quotes/aapl").await.json(), quote);

    service.advance(Duration::from_millis(1234));
    let again = service.get("/v1/quotes/AAPL").await.json();
    assert_eq!((&again["source"], &again["age_ms"]), (&json!("memory"), &json!(1234)));
    assert_eq!(service.get("/v1/quotes?symbols=AAPL").await.json()["quotes"][0], again);
}

#[tokio::test]
async fn an_unknown_symbol_is_remembered_as_long_as_it_says() {
    let service = InProcess::open(&["--ttl-unknown=60"]).await;
    let answer = service.get("/v1/quotes/NOPE").await;
    assert_eq!((answer.status, answer.json()["symbol"].clone()), (StatusCode::NOT_FOUND, json!("NOPE")));
    let calls = || service.app.replay().usage().calls;
    for _ in 0..3 {
        service.get("/v1/quotes/NOPE").await;
    }
    assert_eq!(calls(), 1);
    service.advance(Duration::from_secs(61));
    service.get("/v1/quotes/NOPE").await;
    assert_eq!(calls(), 2);
}

#[tokio::test]
async fn bars_are_cut_from_one_cached_series_and_both_days_are_included() {
    let service = InProcess::open(&[]).await;
    let dates = async |query: &str| {
        let body = service.get(&format!("/v1/bars/T{query}")).await.json();
        assert_eq!(
            (&body["symbol"], &body["interval"], &body["stale"]),
            (&json!("T"), &json!("1d"), &json!(false))
        );
        let bars = body["bars"].as_array().unwrap().clone();
        bars.iter().map(|bar| bar["date"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(dates("?interval=1d&from=2017-08-30&to=2017-08-31").await, ["2017-08-30", "2017-08-31"]);
    assert_eq!(dates("?from=2017-09-01").await, ["2017-09-01"]);
    assert_eq!(dates("?to=2012-09-04").await, ["2012-09-04"]);
    assert_eq!(dates("?from=2017-08-26&to=2017-08-27").await, [""; 0], "a weekend");
    assert_eq!(dates("").await.len(), 1258);
    assert_eq!(service.app.replay().usage().calls, 1);
}

#[tokio::test]
async fn an_empty_interval_or_end_of_a_range_is_as_good_as_none() {
    let service = InProcess::open(&[]).await;
    let all = service.get("/v1/bars/AAPL").await.json()["bars"].clone();
    assert_eq!(all.as_array().unwrap().len(), 1258);
    for query in ["interval=1d&from=&to=", "interval=&from&to=", "interval"] {
        let answer = service.get(&format!("/v1/bars/AAPL?{query}")).await;
        assert_eq!((answer.status, &answer.json()["bars"]), (StatusCode::OK, &all), "{query}");
    }
}

#[tokio::test]
async fn assets_of_one_symbol_are_told_apart_by_market_and_type() {
    let service = InProcess::open(&[]).await;
    let body = service.get("/v1/quotes?symbols=t,T@XLON,T@US.etf,T@us.equity,T@US").await.json();
    assert_eq!(body["quotes"].as_array().unwrap().len(), 1, "what is usual need not be said: {body}");
    assert_eq!(
        (&body["quotes"][0]["symbol"], &body["unknown"]),
        (&json!("T"), &json!(["T@XLON", "T@US.etf"]))
    );
    let answer = service.get("/v1/bars/T@XLON").await;
    assert_eq!((answer.status, &answer.json()["symbol"]), (StatusCode::NOT_FOUND, &json!("T@XLON")));
}

#[tokio::test]
async fn statistics_count_hits_by_source_and_calls_by_provider() {
    let service = InProcess::open(&[]).await;
    service.get("/v1/quotes?symbols=AAPL,MSFT").await;
    service.get("/v1/quotes?symbols=AAPL,MSFT").await;
    let stats = service.get("/v1/stats").await.json();
    assert_eq!(stats["hits"], json!({"memory": 2, "disk": 0}));
    assert_eq!((&stats["misses"], &stats["hit_rate"]), (&json!(2), &json!(0.5)));
    assert_eq!(
        stats["providers"],
        json!([{
            "name": "replay", "priority": 0, "healthy": true, "unhealthy_reason": null, "calls": 1, "keys": 2,
            "keys_per_call": 2.0, "answered": 2, "unknown": 0, "failed_keys": 0, "failures": 0, "refused": 0,
            "retries": 0, "last_error": null, "silent_until_unix_ms": null, "calls_left": null, "implausible": 0,
            "quotas": [], "quota_counter": null,
        }])
    );
    assert_eq!(stats["memory"]["entries"], json!(2));
    let price = stats["regions"].as_array().unwrap().iter().find(|region| region["kind"] == "price").unwrap();
    let of_price = json!({
        "kind": "price", "hits": 2, "tier_hits": 0, "stale": 0, "misses": 2, "coalesced": 0, "loads": 1,
        "loaded_keys": 2, "load_failures": 0, "puts": 0, "removals": 0,
    });
    assert_eq!(*price, of_price);
}

#[tokio::test]
async fn health_names_every_tier() {
    let service = InProcess::open(&[]).await;
    let healthy = json!({"status": "healthy", "tiers": [
        {"name": "memory", "healthy": true}, {"name": "disk", "healthy": true}]});
    assert_eq!(service.get("/health").await.json(), healthy);
}

#[tokio::test]
async fn while_the_disk_fails_the_service_says_so_and_answers() {
    let service = InProcess::open(&[]).await;
    service.app.disk().close().await.unwrap();
    let answer = service.get("/v1/quotes/AAPL").await;
    assert_eq!((answer.status, &answer.json()["source"]), (StatusCode::OK, &json!("provider")));
    assert_eq!(service.get("/v1/quotes/AAPL").await.json()["source"], "memory");

    let answer = service.get("/health").await;
    assert_eq!((answer.status, &answer.json()["status"]), (StatusCode::OK, &json!("degraded")));
    let disk = answer.json()["tiers"][1].clone();
    assert_eq!((&disk["name"], &disk["healthy"]), (&json!("disk"), &json!(false)));
    assert!(!disk["error"].as_str().unwrap().is_empty());
}
