//! The settings of memory and their effect in the statistics.

use std::{fs, path::Path, process::Command, time::Duration};

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::fixture::{
    in_process::InProcess,
    process::{Server, command, refused},
};

const POLICIES: [&str; 5] = ["lru", "lfu", "fifo", "ttl", "hybrid"];
const SYMBOLS: [&str; 13] =
    ["AAPL", "AMZN", "BABA", "BAC", "DIS", "FB", "GE", "GOOG", "INTC", "JPM", "MSFT", "PG", "T"];

/// Returns the statistics of memory.
async fn memory(service: &InProcess) -> Value {
    service.get("/v1/stats").await.json()["memory"].clone()
}

/// Returns the command with environment variables.
fn with(data: &Path, environment: &[(&str, &str)], flags: &[&str]) -> Command {
    let mut command = command(data, flags);
    command.arg("--provider-latency-ms=0").envs(environment.iter().copied());
    command
}

#[tokio::test]
async fn every_policy_serves_and_is_named_in_the_statistics() {
    for policy in POLICIES {
        let data = tempfile::tempdir().unwrap();
        let server = Server::run(&mut with(data.path(), &[], &["--memory-policy", policy]));
        for source in ["provider", "memory"] {
            let body = server.json("/v1/quotes?symbols=AAPL,MSFT").await;
            assert_eq!(
                (&body["quotes"][0]["source"], &body["quotes"][1]["source"]),
                (&json!(source), &json!(source))
            );
        }
        let stats = server.json("/v1/stats").await;
        let memory = &stats["memory"];
        assert_eq!((&memory["policy"], &memory["entries"]), (&json!(policy), &json!(2)));
        assert_eq!(stats["hits"]["memory"], json!(2), "{policy}");
    }
}

#[tokio::test]
async fn memory_is_set_by_the_environment_and_a_flag_wins_over_it() {
    let data = tempfile::tempdir().unwrap();
    let environment = [
        ("CACHE_MEMORY_MIB", "8"),
        ("CACHE_MEMORY_POLICY", "FIFO"),
        ("CACHE_MEMORY_PROTECTED_SHARE", "0.5"),
        ("CACHE_MEMORY_PROTECT", "price:AAPL*,ohlcv:*"),
    ];
    let server = Server::run(&mut with(data.path(), &environment, &[]));
    server.json("/v1/quotes?symbols=AAPL,MSFT").await;
    server.json("/v1/bars/T").await;
    let memory = server.json("/v1/stats").await["memory"].clone();
    assert_eq!((&memory["policy"], &memory["budget"]), (&json!("fifo"), &json!(8 << 20)));
    // The bars are several entries: what is under way, and years that are over.
    let (entries, protected) = (memory["entries"].as_u64().unwrap(), memory["protected"].as_u64().unwrap());
    assert!(entries > 3 && protected == entries - 1, "all but MSFT: {memory}");
    server.terminate();

    let flags = ["--memory-policy=ttl", "--memory-protect=price:NONE"];
    let server = Server::run(&mut with(data.path(), &environment, &flags));
    server.json("/v1/quotes?symbols=AAPL,MSFT").await;
    let memory = server.json("/v1/stats").await["memory"].clone();
    assert_eq!((&memory["policy"], &memory["protected"]), (&json!("ttl"), &json!(0)));
}

#[tokio::test]
async fn protected_keys_stay_in_memory_while_others_make_room() {
    for policy in POLICIES {
        let flags = [
            "--memory-mib=1",
            "--memory-policy",
            policy,
            "--memory-protect=price:AAPL*",
            "--ttl-unknown=300",
        ];
        let service = InProcess::open(&flags).await;
        service.get("/v1/quotes?symbols=AAPL,MSFT").await;
        let before = memory(&service).await;
        assert_eq!((&before["protected"], &before["entries"]), (&json!(1), &json!(2)), "{policy}");
        for symbol in SYMBOLS {
            assert_eq!(
                service.get(&format!("/v1/bars/{symbol}?from=2017-09-01")).await.status,
                StatusCode::OK
            );
        }
        for hundred in 0..15 {
            let unknown: Vec<String> = (0..100).map(|id| format!("X{}", hundred * 100 + id)).collect();
            service.get(&format!("/v1/quotes?symbols={}", unknown.join(","))).await;
        }
        let after = memory(&service).await;
        assert!(after["evictions"]["size"].as_u64() > Some(0), "{policy}: {after}");
        assert!(after["weight"].as_u64() <= after["budget"].as_u64(), "{policy}: {after}");
        assert_eq!(
            (&after["protected"], &after["protected_weight"]),
            (&json!(1), &before["protected_weight"]),
            "{policy}"
        );
        assert!(after["protected_weight"].as_u64() > Some(0), "{policy}: {after}");
        let aapl = service.get("/v1/quotes/AAPL").await.json();
        assert_eq!(aapl["source"], json!("memory"), "{policy}");
    }
}

#[test]
fn what_memory_can_not_be_told_is_refused_with_the_value_and_what_is_allowed() {
    let data = tempfile::tempdir().unwrap();
    let (policies, share, empty) = (
        "give one of lru, lfu, fifo, ttl, hybrid",
        "give a share from 0 to 1, such as",
        "is empty: write '*'",
    );
    for (flag, name, value, allowed) in [
        ("--memory-policy", "CACHE_MEMORY_POLICY", "mru", policies),
        ("--memory-policy", "CACHE_MEMORY_POLICY", "", policies),
        ("--memory-protected-share", "CACHE_MEMORY_PROTECTED_SHARE", "1.5", share),
        ("--memory-protected-share", "CACHE_MEMORY_PROTECTED_SHARE", "-0.1", share),
        ("--memory-protected-share", "CACHE_MEMORY_PROTECTED_SHARE", "half", share),
        ("--memory-protect", "CACHE_MEMORY_PROTECT", "price:\\", "ends in a lone '\\': write '\\\\'"),
        ("--memory-protect", "CACHE_MEMORY_PROTECT", "price:AAPL,,ohlcv:*", empty),
        ("--memory-mib", "CACHE_MEMORY_MIB", "0", "1..=1048576"),
    ] {
        // Of a list, the error names the invalid pattern.
        let named = if allowed == empty { "''".to_owned() } else { format!("'{value}'") };
        let by_flag = refused(&mut command(data.path(), &[&format!("{flag}={value}")]));
        let by_environment = refused(command(data.path(), &[]).env(name, value));
        for said in [by_flag, by_environment] {
            assert!(said.contains(flag) && said.contains(&named) && said.contains(allowed), "{said}");
        }
    }
}

#[test]
fn keys_to_protect_without_a_share_are_refused_and_say_which_setting_to_change() {
    let data = tempfile::tempdir().unwrap();
    let flags = ["--listen=127.0.0.1:0", "--memory-protect=price:AAPL*", "--memory-protected-share=0"];
    let said = refused(&mut command(data.path(), &flags));
    for part in ["price:AAPL* can't be protected", "--memory-protected-share", "is 0:", "such as 0.25"] {
        assert!(said.contains(part), "{part:?} is not in {said}");
    }
    assert!(!said.contains("--data-dir"), "the folder is not to blame: {said}");
}

#[tokio::test]
async fn a_protected_key_without_room_is_served_and_warned_of() {
    let data = tempfile::tempdir().unwrap();
    let log = data.path().join("log");
    let flags = ["--memory-protect=price:*", "--memory-protected-share=0.000001", "--log=warn"];
    let mut command = with(data.path(), &[("NO_COLOR", "1")], &flags);
    let server = Server::run(command.stderr(fs::File::create(&log).unwrap()));
    assert_eq!(server.get("/v1/quotes/AAPL").await.status(), StatusCode::OK);
    let memory = server.json("/v1/stats").await["memory"].clone();
    assert_eq!(
        (&memory["entries"], &memory["protected"]),
        (&json!(1), &json!(0)),
        "it is kept like any other"
    );
    server.terminate();
    let said = fs::read_to_string(&log).unwrap();
    assert!(said.contains("WARN") && said.contains("price:AAPL") && said.contains("is full"), "{said}");
}

#[tokio::test]
async fn the_hottest_keys_are_those_most_asked_for() {
    let service = InProcess::open(&[]).await;
    assert_eq!(memory(&service).await["hottest"], json!([]), "nothing was asked");
    for turn in 0..2000 {
        let symbol = if turn % 4 == 0 { "MSFT" } else { "AAPL" };
        service.get(&format!("/v1/quotes/{symbol}")).await;
    }
    let hottest = memory(&service).await["hottest"].clone();
    let hottest = hottest.as_array().unwrap();
    assert_eq!(hottest.len(), 2, "{hottest:?}");
    for (hot, (symbol, share)) in hottest.iter().zip([("AAPL", 0.75), ("MSFT", 0.25)]) {
        assert!(hot["key"].as_str().unwrap().ends_with(&format!("price:{symbol}")), "{hot}");
        assert!((hot["share"].as_f64().unwrap() - share).abs() < 0.15, "{hot}");
        assert!((hot["estimated_reads"].as_f64().unwrap() - 2000.0 * share).abs() < 300.0, "{hot}");
    }
    // Of many more keys, ten are listed.
    for _ in 0..30 {
        service.get(&format!("/v1/quotes?symbols={}", SYMBOLS.join(","))).await;
        let unknown: Vec<String> = (0..80).map(|id| format!("X{id}")).collect();
        service.get(&format!("/v1/quotes?symbols={}", unknown.join(","))).await;
    }
    assert_eq!(memory(&service).await["hottest"].as_array().unwrap().len(), 10);
}

#[tokio::test]
async fn the_hottest_key_is_found_among_the_threads_of_a_real_process() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::run(&mut with(data.path(), &[], &[]));
    for _ in 0..300 {
        server.get("/v1/quotes/AAPL").await;
    }
    let hottest = server.json("/v1/stats").await["memory"]["hottest"].clone();
    assert!(hottest[0]["key"].as_str().unwrap().ends_with("price:AAPL"), "{hottest}");
    assert_eq!(hottest[0]["share"], json!(1.0), "{hottest}");
}

#[tokio::test]
async fn what_left_memory_is_told_by_cause() {
    for policy in POLICIES {
        let service =
            InProcess::open(&["--memory-policy", policy, "--ttl-price=300", "--grace-price=600"]).await;
        let evictions = async || memory(&service).await["evictions"].clone();
        let none = json!({"size": 0, "expired": 0, "removed": 0, "replaced": 0, "oversized": 0});
        assert_eq!(evictions().await, none, "{policy}");

        // Stale, so that a read refreshes it in the background.
        service.get("/v1/quotes/AAPL").await;
        service.advance(Duration::from_secs(301));
        service.get("/v1/quotes/AAPL").await;
        service.until(async || evictions().await["replaced"] == json!(1)).await;

        // Dead and not read, so that a sweep removes it.
        service.advance(Duration::from_secs(631));
        service.until(async || evictions().await["expired"] == json!(1)).await;
        let expected = json!({"size": 0, "expired": 1, "removed": 0, "replaced": 1, "oversized": 0});
        assert_eq!(evictions().await, expected, "{policy}");
        let memory = memory(&service).await;
        assert_eq!((&memory["entries"], &memory["weight"]), (&json!(0), &json!(0)), "{policy}");
    }
}
