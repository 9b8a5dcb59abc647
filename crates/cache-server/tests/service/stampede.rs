//! Many concurrent requests for one key load it once.

use std::sync::Arc;

use reqwest::StatusCode;
use tokio::task::JoinSet;

use crate::fixture::process::Server;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_requests_for_one_cold_symbol_are_one_provider_call() {
    // The client side of a thousand connections has a thousand descriptors too.
    rlimit::increase_nofile_limit(u64::MAX).unwrap();
    let data = tempfile::tempdir().unwrap();
    let server = Arc::new(Server::start(data.path(), &["--provider-latency-ms=1000"]));
    let mut requests = JoinSet::new();
    for _ in 0..1000 {
        let server = server.clone();
        requests.spawn(async move { server.get("/v1/quotes?symbols=AAPL").await });
    }
    while let Some(answer) = requests.join_next().await {
        let answer = answer.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        let body: serde_json::Value = answer.json().await.unwrap();
        assert_eq!(body["quotes"][0]["symbol"], "AAPL");
    }
    assert_eq!(server.provider_calls().await, 1);
}
