//! The demo load: real requests, at once, and none where they would cost.

use serde_json::Value;

use crate::fixture::process::{Server, command, refused};

#[tokio::test]
async fn a_newcomer_sees_counts_move() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &["--demo-load"]);
    let reads = |stats: &Value| {
        let hits = stats["hits"].as_object().unwrap().values().filter_map(Value::as_u64).sum::<u64>();
        hits + stats["misses"].as_u64().unwrap()
    };
    server.until("first reads", |stats| reads(stats) >= 20).await;
    server
        .until("more of them, and hits", |stats| {
            reads(stats) >= 60 && stats["hits"]["memory"].as_u64() > Some(10)
        })
        .await;
    server.terminate();
}

#[test]
fn it_is_refused_where_it_would_spend_a_quota() {
    let data = tempfile::tempdir().unwrap();
    let file = data.path().join("cache.yaml");
    std::fs::write(&file, "providers: [{kind: yahoo, name: paid, quota: {per_day: 100}}]").unwrap();
    let said = refused(command(data.path(), &["--demo-load", "--config"]).arg(&file));
    for part in ["--demo-load can't be used", "paid (yahoo)", "spend its quota", "leave out --demo-load"] {
        assert!(said.contains(part), "{part:?}: {said}");
    }
}
