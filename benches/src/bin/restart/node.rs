//! The node that is killed.

use std::{
    collections::HashSet,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::Result;
use async_trait::async_trait;
use benches::zipf::Zipf;
use cache_core::{Key, Loaded, Loader, Request, Ttl, Warm};
use cache_facade::{Cache, Region, Source};
use cache_warming::{Coverage, SavedHistory, Warming};
use serde_json::{Value, json};
use tokio::time::sleep;

const KEYS: usize = 20_000;
const READERS: usize = 8;
const BATCH: usize = 50;
const PROVIDER: Duration = Duration::from_millis(20);

/// How long values live: longer than all runs together.
const LIFE: Duration = Duration::from_secs(600);

/// The provider, which notes loads of keys that were on disk at the start.
struct Counting {
    calls: Arc<AtomicU64>,
    of_held: Arc<AtomicU64>,
    held: Arc<HashSet<Key>>,
}

#[async_trait]
impl Loader<u64> for Counting {
    fn max_batch(&self) -> usize {
        BATCH
    }

    async fn load(&self, requests: &[Request<u64>]) -> cache_core::Result<Vec<Loaded<u64>>> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let of_held = requests.iter().filter(|request| self.held.contains(&request.key)).count();
        self.of_held.fetch_add(of_held as u64, Ordering::Relaxed);
        sleep(PROVIDER).await;
        Ok(requests.iter().map(|_| 1.into()).collect())
    }
}

/// Reads and hits so far.
#[derive(Default)]
struct Reads {
    all: AtomicU64,
    memory: AtomicU64,
}

/// Runs until it is killed, and tells what it did, a line a second.
pub(crate) async fn run(folder: &Path, warm: bool) -> Result<()> {
    let held = held_on_disk(folder).await?;
    let begun = Instant::now();
    let warming = Warming::builder().max_tracked(KEYS).build();
    let cache = Cache::builder().disk(folder.join("cache"))?.observer(Arc::clone(&warming)).build().await?;
    let history = cache.region::<SavedHistory>("history").ttl(Duration::from_secs(86_400)).open()?;
    let (calls, of_held) = (Arc::<AtomicU64>::default(), Arc::<AtomicU64>::default());
    let loader =
        Counting { calls: Arc::clone(&calls), of_held: Arc::clone(&of_held), held: Arc::clone(&held) };
    let region =
        cache.region::<u64>("demand").ttl(Ttl::new(LIFE)).batch_window("2ms").loader(loader).open()?;
    warming.cover(Arc::new(region.clone()), Coverage::default().life(LIFE));
    let saved = history.get("saved").await?;
    let mut start = None;
    if let (Some(saved), true) = (saved, warm) {
        warming.history().restore(&saved);
        start = Some(warming.warm_start(KEYS, Duration::from_secs(5)).await);
    }
    let ready = begun.elapsed();
    let reads: Arc<Reads> = Arc::default();
    for reader in 0..READERS {
        tokio::spawn(read(region.clone(), Arc::clone(&reads), reader as u64));
    }
    let mut first: Option<Value> = None;
    let mut last = (0, 0);
    for second in 1_u64.. {
        sleep(Duration::from_secs(1)).await;
        warming.tick().await;
        history.put("saved", warming.history().saved(KEYS)).await?;
        let now = (reads.all.load(Ordering::Relaxed), reads.memory.load(Ordering::Relaxed));
        let ratio = |hits: u64, all: u64| hits as f64 / all.max(1) as f64;
        if second == 10 {
            first = Some(json!({
                "hit_ratio": ratio(now.1, now.0),
                "loads_of_held_keys": of_held.load(Ordering::Relaxed),
                "provider_calls": calls.load(Ordering::Relaxed),
            }));
        }
        println!(
            "{}",
            json!({
                "seconds": second,
                "ready_after_ms": ready.as_millis() as u64,
                "warm_start": start,
                "held_on_disk": held.len(),
                "reads": now.0,
                // Of the last second.
                "hit_ratio": ratio(now.1 - last.1, now.0 - last.0),
                "provider_calls": calls.load(Ordering::Relaxed),
                "first_ten_seconds": first,
            })
        );
        last = now;
    }
    Ok(())
}

/// Which of all keys the disk has, found out by a cache of its own.
async fn held_on_disk(folder: &Path) -> Result<Arc<HashSet<Key>>> {
    let cache = Cache::builder().disk(folder.join("cache"))?.build().await?;
    let region = cache.region::<u64>("demand").ttl(Ttl::new(LIFE)).open()?;
    let keys: Vec<Key> = (0..KEYS).map(|n| region.key(&n)).collect::<cache_core::Result<_>>()?;
    let there = region.lift(&keys).await?;
    cache.shutdown(Duration::from_secs(5)).await?;
    Ok(Arc::new(keys.into_iter().zip(there).filter(|(_, there)| *there).map(|(key, _)| key).collect()))
}

async fn read(region: Region<u64>, reads: Arc<Reads>, seed: u64) {
    let mut zipf = Zipf::new(KEYS, 1.0, seed);
    loop {
        for key in zipf.take(20) {
            if let Ok(found) = region.lookup(&key).await {
                reads.all.fetch_add(1, Ordering::Relaxed);
                reads.memory.fetch_add(u64::from(found.source == Source::Memory), Ordering::Relaxed);
            }
        }
        sleep(Duration::from_millis(5)).await;
    }
}
