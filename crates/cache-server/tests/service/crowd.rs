//! Many clients with different keys cost few calls to the provider.

use std::sync::Arc;

use serde_json::json;
use tokio::{sync::Barrier, task::JoinSet};

use crate::fixture::process::Server;

const CLIENTS: usize = 300;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_hundred_clients_with_a_symbol_each_cost_as_many_calls_as_their_symbols_fill() {
    let folder = tempfile::tempdir().unwrap();
    let server = Arc::new(Server::start(folder.path(), &["--provider-batch=50"]));
    let together = Arc::new(Barrier::new(CLIENTS));
    let mut clients = JoinSet::new();
    for client in 0..CLIENTS {
        let (server, together) = (Arc::clone(&server), Arc::clone(&together));
        clients.spawn(async move {
            together.wait().await;
            let symbol = format!("S{client}");
            let answer = server.json(&format!("/v1/quotes?symbols={symbol}")).await;
            assert_eq!(answer["unknown"], json!([symbol]), "{answer}");
        });
    }
    while let Some(client) = clients.join_next().await {
        client.unwrap();
    }
    let provider = server.json("/v1/stats").await["providers"][0].clone();
    println!("{provider}");
    assert_eq!(provider["keys"], json!(CLIENTS), "{provider}");
    let calls = provider["calls"].as_u64().unwrap();
    assert!(calls <= CLIENTS.div_ceil(50) as u64 + 2, "{provider}");
}
