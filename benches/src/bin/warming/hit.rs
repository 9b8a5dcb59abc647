//! What the access history costs a hit in memory.

use std::{sync::Arc, time::Instant};

use anyhow::Result;
use benches::timing::median;
use cache_facade::{Cache, Region};
use cache_warming::{Coverage, Warming};
use serde_json::{Value, json};

const KEYS: usize = 1000;
const READS: usize = 400_000;
const ROUNDS: usize = 9;

/// Measures a hit with and without a history, in turns, and returns the medians in nanoseconds.
pub(crate) async fn measure() -> Result<Value> {
    let warming = Warming::builder().build();
    let plain = open(Cache::builder().build().await?).await?;
    let watched = open(Cache::builder().observer(Arc::clone(&warming)).build().await?).await?;
    warming.cover(Arc::new(watched.clone()), Coverage::default());
    // Keys are known from their second second on.
    read(&watched).await?;
    warming.history().settle();
    let (mut without, mut with) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        without.push(read(&plain).await?);
        with.push(read(&watched).await?);
        warming.history().settle();
    }
    let (without, with) = (median(without), median(with));
    Ok(
        json!({ "without_ns": without, "with_ns": with, "history_ns": with - without, "met": with - without <= 20.0 }),
    )
}

async fn open(cache: Cache) -> Result<Region<u64>> {
    let region = cache.region::<u64>("hit").ttl("1h").open()?;
    for key in 0..KEYS as u64 {
        region.put(&key.to_string(), key).await?;
    }
    Ok(region)
}

async fn read(region: &Region<u64>) -> Result<f64> {
    let ids: Vec<String> = (0..KEYS).map(|key| key.to_string()).collect();
    let begun = Instant::now();
    for n in 0..READS {
        std::hint::black_box(region.get(ids[n % KEYS].as_str()).await?);
    }
    Ok(begun.elapsed().as_nanos() as f64 / READS as f64)
}
