//! What the service tells of reads, in figures and as a table.

use std::time::Duration;

use axum::{body::Body, http::Request};
use cache_server::Config;
use market_data::DataType;
use serde_json::json;

use crate::fixture::{in_process::InProcess, upstream::Upstream};

#[tokio::test]
async fn the_report_counts_reads_by_kind_and_source_and_says_why_they_missed() {
    let upstream = Upstream::start().await;
    let service = InProcess::open_at("2024-07-02T16:00:00Z", &upstream.flags()).await;
    assert_eq!(service.get("/cache/metrics").await.json()["hit_rate"], json!(null), "nobody asked");
    for _ in 0..3 {
        assert_eq!(service.get("/v1/quotes/AAPL").await.status, 200);
    }
    assert_eq!(service.get("/v1/quotes/BAD").await.status, 400);
    let report = service.get("/cache/report").await.json();
    let price = &report["kinds"][0];
    assert_eq!((&price["kind"], &price["since_start"]["reads"]), (&json!("price"), &json!(4)), "{report}");
    assert_eq!(price["since_start"]["failed"], 1);
    assert_eq!((&price["sources"][0]["name"], &price["sources"][0]["hits"]), (&json!("memory"), &json!(2)));
    assert_eq!(price["sources"][0]["misses"]["never_there"], 2);
    assert_eq!(price["last_minute"]["reads"], 4);
    assert_eq!(report["advice"], json!([]), "too little was asked to tell");
    let saved = &price["since_start"]["saved"];
    assert_eq!((&price["since_start"]["calls_saved"], &saved["by_cache"]), (&json!(2), &json!(2)));
    let money = &price["money"];
    assert_eq!(
        (&money["price_per_call"], &money["spent"], &money["saved"]),
        (&json!(0.5), &json!(1.0), &json!(1.0))
    );
    let acme = &report["providers"][0];
    assert_eq!(
        (&acme["name"], &acme["calls"], &acme["failed_calls"]),
        (&json!("acme"), &json!(2), &json!(1))
    );
    assert_eq!(
        (&report["memory"]["all"]["entries"], &report["tiers"][0]["name"]),
        (&json!(1), &json!("disk"))
    );
    let hot = &report["memory"]["hot_keys"][0]["key"];
    assert_eq!(hot, "price:AAPL", "as keys are asked for: {report}");
    assert_eq!(service.get("/cache/keys/price:AAPL").await.status, 200);
    let metrics = service.get("/cache/metrics").await.json();
    assert_eq!((&metrics["hit_rate"], &metrics["error_rate"]), (&json!(50.0), &json!(25.0)));
    assert_eq!((&metrics["hits"], &metrics["misses"], &metrics["errors"]), (&json!(2), &json!(2), &json!(1)));
    let text = service.get("/cache/report?format=text").await;
    assert_eq!(text.header("content-type"), "text/plain; charset=utf-8");
    let text = String::from_utf8(text.body.to_vec()).unwrap();
    assert!(text.lines().any(|line| line.starts_with("price") && line.contains("50.0%")), "{text}");
    assert!(
        text.contains("money: spent 1.00, saved about 1.00") && text.contains("provider acme: 2 calls"),
        "{text}"
    );
    assert_eq!(service.get("/cache/report?format=xml").await.status, 400);
}

/// Without a cache they would not have been made at all.
#[tokio::test]
async fn reads_that_may_load_nothing_save_nothing() {
    let upstream = Upstream::start().await;
    let service = InProcess::open_at("2024-07-02T16:00:00Z", &upstream.flags()).await;
    for _ in 0..5 {
        let asked = Request::get("/v1/quotes/AAPL").header("cache-control", "only-if-cached");
        assert_eq!(service.send(asked.body(Body::empty()).unwrap()).await.status, 504);
    }
    let since_start = &service.get("/cache/report").await.json()["since_start"];
    assert_eq!((&since_start["reads"], &since_start["misses"]), (&json!(5), &json!(5)));
    assert_eq!((&since_start["calls_saved"], &since_start["saved"]["ahead"]), (&json!(0), &json!(0)));
}

/// Values that an application owns, and those that are computed from others, cost what was loaded for them:
/// nothing.
#[tokio::test]
async fn what_no_provider_is_paid_for_costs_nothing_and_what_is_spent_is_what_the_providers_cost() {
    let upstream = Upstream::computing(&[DataType::Price, DataType::Ohlcv]).await;
    let service = InProcess::open_at("2020-01-02T16:00:00Z", &upstream.flags()).await;
    let own = Request::put("/v1/cache/users/17").header("content-type", "application/json");
    assert_eq!(service.send(own.body(Body::from(r#"{"value": "Ada"}"#)).unwrap()).await.status, 201);
    for _ in 0..3 {
        for path in ["cache/users/17", "technical/AAPL?function=SMA&period=1", "quotes/AAPL", "quotes/MSFT"] {
            let reply = service.get(&format!("/v1/{path}")).await;
            assert_eq!(reply.status, 200, "{path}: {}", String::from_utf8_lossy(&reply.body));
        }
    }
    service.get("/v1/quotes/BAD").await;
    let report = service.get("/cache/report").await.json();
    let kinds = report["kinds"].as_array().unwrap();
    let money = |kind: &str| &kinds.iter().find(|told| told["kind"] == kind).unwrap()["money"];
    assert_eq!((money("users"), money("technical")), (&json!(null), &json!(null)), "{report}");
    assert_eq!((&money("price")["spent"], &money("ohlcv")["spent"]), (&json!(1.5), &json!(0.5)));
    let asked = upstream.asked().len() as f64;
    assert_eq!(report["money"]["spent"], json!(0.5 * asked), "all of {:?} were paid for", upstream.asked());
    assert_eq!(report["providers"][0]["calls_by_kind"], json!({"ohlcv": 1, "price": 3}));
}

#[tokio::test]
async fn refreshes_are_counted_by_the_phase_of_the_market_and_groups_of_keys_by_their_pattern() {
    let upstream = Upstream::start().await;
    let [config, file] = upstream.flags();
    let flags = [config, file, "--set=analytics.key_groups=price:A*", "--set=analytics.log_minutes=1"];
    // At noon in New York.
    let service = InProcess::open_at("2024-07-02T16:00:00Z", &flags).await;
    service.get("/v1/quotes/AAPL").await;
    service.clock.advance(Duration::from_secs(600));
    let mut phases = json!([]);
    for round in 0..200 {
        service.get("/v1/quotes/AAPL").await;
        // It takes as long as the refresh behind the other.
        service.get(&format!("/v1/quotes/S{round}")).await;
        phases = service.get("/cache/report").await.json()["kinds"][0]["phases"].clone();
        if phases != json!([]) {
            break;
        }
    }
    assert_eq!((&phases[0]["phase"], &phases[0]["refreshes"]), (&json!("open"), &json!(1)));
    assert_eq!(phases[0]["unchanged"], json!(1.0));
    let report = service.get("/cache/report").await.json();
    assert_eq!(report["key_groups"][0]["group"], "price:A*");
    let metrics = String::from_utf8(service.get("/metrics").await.body).unwrap();
    for name in ["cache_phase_refreshes_total", "cache_key_group_reads_total", "cache_calls_saved_total"] {
        assert!(metrics.lines().any(|line| line.starts_with(name)), "{name} is not in:\n{metrics}");
    }
}

#[tokio::test]
async fn a_price_that_can_be_none_and_patterns_that_are_none_or_too_many_are_refused() {
    let error = |text: &str| {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("cache.yaml");
        std::fs::write(&file, text).unwrap();
        Config::from_flags(["cache-server", "--config", file.to_str().unwrap()]).unwrap_err().to_string()
    };
    let price = error("providers: [{kind: yahoo, price_per_call: -1}]");
    assert!(price.contains("price_per_call is -1: give 0 or more"), "{price}");
    let pattern = error("analytics: {key_groups: ['a\\']}");
    assert!(pattern.contains("analytics.key_groups"), "{pattern}");
    let groups = |count: usize| vec!["price:A*"; count].join(", ");
    let many = error(&format!("analytics: {{key_groups: ['{}']}}", groups(33).replace(", ", "', '")));
    assert!(many.contains("analytics.key_groups has 33 patterns: give 32 at most"), "{many}");
}

#[tokio::test]
async fn prometheus_reads_counts_that_agree_with_the_report_under_the_prefix_that_is_set() {
    let upstream = Upstream::start().await;
    let [config, file] = upstream.flags();
    let flags = [config, file, "--set=metrics_prefix=fiml_cache"];
    let service = InProcess::open_at("2024-07-02T16:00:00Z", &flags).await;
    for symbol in ["AAPL", "AAPL", "MSFT", "BAD"] {
        service.get(&format!("/v1/quotes/{symbol}")).await;
    }
    for _ in 0..2 {
        let reply = service.get("/metrics").await;
        assert_eq!(reply.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
        let text = String::from_utf8(reply.body).unwrap();
        for line in [
            r#"fiml_cache_hits_total{data_type="price",cache_level="memory"} 1"#,
            r#"fiml_cache_misses_total{data_type="price",cache_level="memory",reason="never_there"} 3"#,
            r#"fiml_cache_reads_total{data_type="price",outcome="failed"} 1"#,
            r#"fiml_cache_latency_seconds_count{data_type="price",operation="read"} 3"#,
            r#"fiml_cache_hit_rate{data_type="price"} 0.25"#,
            "# TYPE fiml_cache_hits_total counter",
        ] {
            assert!(text.lines().any(|told| told == line), "{line} is not in:\n{text}");
        }
    }
}
