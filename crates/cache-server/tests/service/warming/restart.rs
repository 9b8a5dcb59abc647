//! What was asked for most is in memory again before the service says that it is ready.

use cache_core::Codec;
use serde_json::{Value, json};

use crate::fixture::{in_process::InProcess, process::Server};

const FLAGS: &[&str] = &[
    "--provider-latency-ms=20",
    "--ttl-price=86400",
    "--set=warming.enabled=true",
    "--set=warming.popular=",
    "--set=warming.save_interval=1",
];
const QUOTES: &str = "/v1/quotes?symbols=AAPL,MSFT";

fn sources(body: &Value) -> Vec<&str> {
    body["quotes"].as_array().unwrap().iter().map(|quote| quote["source"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn rule_89_after_kill_9_hot_keys_are_in_memory_before_it_is_ready_and_no_provider_is_asked() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), FLAGS);
    server.json(QUOTES).await;
    server
        .until("both quotes and the history on disk", |stats| stats["disk"]["entries"].as_u64() >= Some(3))
        .await;
    server.kill();

    let server = Server::start(data.path(), FLAGS);
    let stats = server.json("/v1/stats").await;
    assert!(stats["memory"]["entries"].as_u64() >= Some(3), "{}", stats["memory"]);
    assert_eq!(sources(&server.json(QUOTES).await), ["memory", "memory"]);
    assert_eq!(server.provider_calls().await, 0);
    server.terminate();
}

#[tokio::test]
async fn rule_89_after_a_stop_hot_keys_are_in_memory_and_no_provider_is_asked() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), FLAGS);
    server.json(QUOTES).await;
    server.terminate();
    let server = Server::start(data.path(), FLAGS);
    assert_eq!(sources(&server.json(QUOTES).await), ["memory", "memory"]);
    assert_eq!(server.provider_calls().await, 0);
}

#[tokio::test]
async fn rule_89_a_damaged_history_is_left_alone() {
    let flags = &FLAGS[1..];
    let service = InProcess::open(flags).await;
    // Nothing was asked for, so the stop saves none.
    let history =
        service.app.cache().region::<String>("warming_history").codec(Codec::Json).ttl("1d").open().unwrap();
    for damaged in ["", "{\"at\": 1}", "[1, 2]"] {
        history.put("latest", damaged.to_owned()).await.unwrap();
    }
    let service = service.restart(flags).await;
    assert_eq!(service.get("/v1/quotes/AAPL").await.json()["source"], "provider");
    let service = service.restart(flags).await;
    assert_eq!(service.get("/v1/quotes/AAPL").await.json()["source"], "memory", "there is a sound one again");
}

#[tokio::test]
async fn the_ids_of_users_and_sessions_are_in_no_history() {
    let service = InProcess::open(&FLAGS[1..]).await;
    service.get("/v1/cache/sessions/secret-of-a-session").await;
    service.get("/v1/cache/sessions/secret-of-a-session").await;
    service.get("/v1/quotes/AAPL").await;
    let metrics = service.get("/cache/warming/metrics").await.json();
    assert_eq!(metrics["tracked"], json!(1), "{metrics}");
}
