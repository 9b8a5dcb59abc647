//! Nodes on a bus of Redis: until when all have heard of many puts, with how many regions, and what they keep
//! beside a large batch.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use cache_facade::{Cache, Memory, Region};
use servers::{Redis, RedisOptions};
use tokio::{runtime::Builder, time::sleep};

use crate::{figures::Figures, pause::millis};

/// How many puts the others hear of.
const PUTS: u64 = 10_000;
/// How many entries each other node holds that nobody touches.
const UNTOUCHED: u64 = 200;
/// How long the others may take to hear of it all.
const PATIENCE: Duration = Duration::from_secs(60);

pub(super) fn measure() -> Result<Figures> {
    let mut figures = Figures::default();
    let redis = Redis::start(&RedisOptions::default())?;
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        for nodes in [2, 5, 20] {
            eprintln!("bus: {nodes} nodes");
            let nodes_open = Nodes::open(&redis, &format!("nodes{nodes}"), nodes, 1).await?;
            figures.linear("heard_by_all", "us", nodes, nodes_open.heard(100).await?);
        }
        for regions in [1, 10, 100, 1_000, 10_000] {
            eprintln!("bus: {regions} regions");
            let nodes = Nodes::open(&redis, &format!("regions{regions}"), 2, regions).await?;
            figures.flat("heard_with_regions", "us", regions, nodes.heard(100).await?);
        }
        for batch in [10, 1_000, 10_000, 100_000] {
            eprintln!("bus: a batch of {batch}");
            let nodes = Nodes::open(&redis, &format!("batch{batch}"), 2, 1).await?;
            figures.share("untouched_kept_beside_a_batch", batch, nodes.kept_beside(batch).await?, 1.0);
        }
        anyhow::Ok(())
    })?;
    Ok(figures)
}

/// Nodes that share a Redis.
struct Nodes {
    writer: Region<u64>,
    others: Vec<Region<u64>>,
    _caches: Vec<Cache>,
    _regions: Vec<Region<u64>>,
}

impl Nodes {
    /// Opens so many, each with so many regions.
    async fn open(redis: &Redis, namespace: &str, nodes: u64, regions: u64) -> Result<Self> {
        let (mut caches, mut opened, mut all) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..nodes {
            let cache = Cache::builder()
                .namespace(namespace)
                .memory(Memory::entries(1 << 20))
                .redis(redis.url().as_str())?
                .build()
                .await?;
            opened.push(cache.region::<u64>("heard").ttl("1h").open()?);
            for at in 1..regions {
                all.push(cache.region::<u64>(&format!("kind{at}")).ttl("1h").open()?);
            }
            caches.push(cache);
        }
        let others = opened.split_off(1);
        let writer = opened.remove(0);
        let nodes = Self { writer, others, _caches: caches, _regions: all };
        nodes.writer.put(&LAST, 0).await?;
        for other in &nodes.others {
            for id in 0..UNTOUCHED {
                nodes.writer.put(&(FIRST_UNTOUCHED + id), id).await?;
            }
            let begun = Instant::now();
            while other.get(&LAST).await?.is_none() {
                ensure!(begun.elapsed() < PATIENCE, "a node reads nothing");
            }
        }
        Ok(nodes)
    }

    /// Puts many in batches of so many, and returns what each took until all had heard, in microseconds.
    async fn heard(&self, batch: u64) -> Result<f64> {
        let begun = Instant::now();
        for first in (0..PUTS).step_by(batch as usize) {
            self.writer.put_many((first..first + batch).map(|id| (id, id))).await?;
        }
        self.until_heard(1).await?;
        Ok(millis(begun) * 1e3 / PUTS as f64)
    }

    /// Puts one more, and waits until all others hold it no longer as it was.
    async fn until_heard(&self, value: u64) -> Result<()> {
        self.writer.put(&LAST, value).await?;
        let begun = Instant::now();
        for other in &self.others {
            while other.peek(&LAST).is_some_and(|held| *held != value) {
                ensure!(begun.elapsed() < PATIENCE, "a node did not hear within {PATIENCE:?}");
                sleep(Duration::from_micros(200)).await;
            }
        }
        Ok(())
    }

    /// Returns which share of what nobody touched the others still hold in memory after one batch of so many.
    async fn kept_beside(&self, batch: u64) -> Result<f64> {
        let untouched: Vec<u64> = (FIRST_UNTOUCHED..FIRST_UNTOUCHED + UNTOUCHED).collect();
        for other in &self.others {
            let found = other.get_many(&untouched).await?;
            ensure!(found.iter().all(Option::is_some), "a node does not find what is there");
        }
        self.writer.put_many((0..batch).map(|id| (id, id))).await?;
        self.until_heard(2).await?;
        let held = |other: &Region<u64>| untouched.iter().filter(|id| other.peek(*id).is_some()).count();
        let held: usize = self.others.iter().map(held).sum();
        Ok(held as f64 / (untouched.len() * self.others.len()) as f64)
    }
}

/// The key by which it is told that all was heard, and the first of those that nobody touches.
const LAST: u64 = u64::MAX;
const FIRST_UNTOUCHED: u64 = u64::MAX / 2;
