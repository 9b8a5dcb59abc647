//! Configured providers: their order, their failover and their statistics.

use std::fs;

use serde_json::json;

use crate::fixture::{
    in_process::InProcess,
    process::{Server, command, refused},
};

/// A provider at a port that refuses connections, and behind it the replay of recorded days.
const TWO: &str = "\
replay: {latency_ms: 0}
providers:
  - name: second
    kind: replay
    priority: 2
  - name: first
    kind: json
    priority: 1
    retries: 0
    options:
      markets: [US]
      quotes: {url: \"http://127.0.0.1:1/quotes?symbols={symbols}\", max_batch: 50, symbol: /s, price: /p}
";

#[tokio::test]
async fn where_the_first_provider_fails_the_second_answers_and_both_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cache.yaml");
    fs::write(&path, TWO).unwrap();
    let server = Server::start(&folder.path().join("data"), &["--config", path.to_str().unwrap()]);
    let quotes = server.json("/v1/quotes?symbols=AAPL,MSFT").await;
    let providers: Vec<_> =
        quotes["quotes"].as_array().unwrap().iter().map(|quote| quote["provider"].clone()).collect();
    assert_eq!(providers, [json!("second"), json!("second")], "{quotes}");

    let stats = server.json("/v1/stats").await["providers"].clone();
    assert_eq!((&stats[0]["name"], &stats[1]["name"]), (&json!("first"), &json!("second")), "by priority");
    assert_eq!((&stats[0]["calls"], &stats[0]["failures"]), (&json!(1), &json!(1)), "{stats}");
    assert_eq!((&stats[1]["calls"], &stats[1]["answered"]), (&json!(1), &json!(2)), "{stats}");
    server.terminate();
}

#[test]
fn what_a_provider_can_not_be_told_is_refused_with_its_name_and_without_keys() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cache.yaml");
    for (entry, part) in [
        (
            "{kind: yahoo, options: {max_bach: 3}}",
            "providers, yahoo: unknown field \"max_bach\": did you mean max_batch?",
        ),
        ("{kind: oanda, name: fx}", "providers, fx: account is missing"),
        ("{kind: csv}", "providers, csv: folder is missing"),
        ("{kind: csv, base_url: http://x}", "unknown field \"base_url\""),
        ("{kind: replay, options: {latency_ms: 3}}", "section replay"),
        ("{kind: alpha_vantage, options: {key: hunter2}}", "providers, alpha_vantage"),
        ("{kind: alpha_vantage, key: {env: NO_SUCH_KEY}}", "NO_SUCH_KEY"),
        ("{kind: yahoo}, {kind: yahoo}", "two providers are named \"yahoo\""),
        ("{kind: yahoo, quota: {per_day: 0}}", "cache.yaml:1:"),
    ] {
        fs::write(&path, format!("providers: [{entry}]\n")).unwrap();
        let flags = ["--listen=127.0.0.1:0", "--config", path.to_str().unwrap()];
        let said = refused(&mut command(&folder.path().join("data"), &flags));
        assert!(said.contains(part) && !said.contains("hunter2"), "{entry}: {said}");
    }
}

#[tokio::test]
async fn statistics_say_how_a_provider_is_and_what_it_said_last() {
    let service = InProcess::open(&["--throttle-ms=0"]).await;
    service.app.replay().faults().fail_next(1);
    service.get("/v1/quotes/AAPL").await;
    service.get("/v1/quotes?symbols=AAPL,NOPE").await;
    let provider = service.get("/v1/stats").await.json()["providers"][0].clone();
    let counts = ["calls", "keys", "answered", "unknown", "failures"].map(|name| provider[name].clone());
    assert_eq!(json!(counts), json!([2, 3, 1, 1, 1]), "{provider}");
    let error = provider["last_error"]["error"].as_str().unwrap();
    assert!(error.contains("replay failed") && provider["healthy"] == json!(true), "{provider}");
}
