//! What was asked for most is in memory again before the service says that it is ready.

use std::{
    fs::{self, File},
    path::Path,
    time::Duration,
};

use cache_core::{Clock, Codec};
use cache_server::{App, Config};
use serde_json::{Value, json};

use crate::fixture::{
    in_process::InProcess,
    process::{Server, command},
};

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

/// Opens the service on a folder, has it keep this as its history, and stops it.
async fn keep(data: &Path, history: &str) {
    let own = ["cache-server", "--data-dir", data.to_str().unwrap()];
    let config = Config::from_flags(own.iter().chain(FLAGS)).unwrap();
    let app = App::open(&config, Clock::system()).await.unwrap();
    let region = app.cache().region::<String>("warming_history").codec(Codec::Json).ttl("1d").open().unwrap();
    region.put("latest", history.to_owned()).await.unwrap();
    // Nothing was asked for, so the stop saves none.
    app.close(Duration::from_secs(20)).await.unwrap();
}

#[tokio::test]
async fn rule_89_a_damaged_history_is_left_alone_with_one_warning() {
    for damaged in ["", "{\"at\": 1}", "[1, 2]"] {
        let data = tempfile::tempdir().unwrap();
        let (folder, log) = (data.path().join("data"), data.path().join("log"));
        keep(&folder, damaged).await;
        let server = Server::run(command(&folder, FLAGS).stderr(File::create(&log).unwrap()));
        assert_eq!(sources(&server.json(QUOTES).await), ["provider", "provider"]);
        server.terminate();
        let lines = fs::read_to_string(&log).unwrap();
        let warnings: Vec<&str> = lines.lines().filter(|line| line.contains("WARN")).collect();
        assert!(warnings.len() == 1 && warnings[0].contains("history"), "{lines}");
        let server = Server::start(&folder, FLAGS);
        assert_eq!(sources(&server.json(QUOTES).await), ["memory", "memory"], "there is a sound one again");
    }
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
