//! Filling a service with an application's values.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use anyhow::Result;
use reqwest::Client;
use serde_json::json;
use tokio::task::JoinSet;

/// How many values are put at once.
const WRITERS: usize = 16;

/// Puts so many values of so many bytes, each under a key of its own. Returns how many were put a second.
pub(crate) async fn fill(address: &str, values: u64, value_bytes: u64) -> Result<f64> {
    let client = Client::builder().no_proxy().build()?;
    let (begun, next) = (Instant::now(), Arc::new(AtomicU64::new(0)));
    let mut putting = JoinSet::new();
    for _ in 0..WRITERS {
        let (client, url, next) =
            (client.clone(), format!("http://{address}/v1/cache/users"), Arc::clone(&next));
        putting.spawn(async move {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= values {
                    return Ok::<_, anyhow::Error>(());
                }
                // Letters at random, which compress as little as tokens do.
                let random = std::iter::repeat_with(fastrand::alphanumeric);
                let value: String = random.take(value_bytes as usize).collect();
                let put = client.put(format!("{url}/{number}")).json(&json!({ "value": value }));
                put.send().await?.error_for_status()?.bytes().await?;
            }
        });
    }
    while let Some(done) = putting.join_next().await {
        done??;
    }
    Ok(values as f64 / begun.elapsed().as_secs_f64())
}
