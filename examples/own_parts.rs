//! A tier over a store of one's own, and an observer.
//! docs/guide/write-a-tier.md writes a tier whose store several nodes share.
//!
//! `cargo run -p examples --bin own_parts`

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use cache_facade::{
    ByteStore, ByteStoreTier, Bytes, Cache, Clock, Event, Key, Observer, Pattern, Region, Result, async_trait,
};

/// Keeps bytes in a map. In place of the map, your store.
#[derive(Clone, Debug, Default)]
struct Map(Arc<Mutex<HashMap<Key, Bytes>>>);

impl Map {
    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Bytes>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl ByteStore for Map {
    fn name(&self) -> &'static str {
        "map"
    }

    async fn get(&self, keys: &[Key]) -> Result<Vec<Option<Bytes>>> {
        Ok(keys.iter().map(|key| self.lock().get(key).cloned()).collect())
    }

    async fn put(&self, records: &[(Key, Bytes)]) -> Result<()> {
        self.lock().extend(records.iter().cloned());
        Ok(())
    }

    async fn remove(&self, keys: &[Key]) -> Result<()> {
        self.lock().retain(|key, _| !keys.contains(key));
        Ok(())
    }

    async fn matching(&self, pattern: &Pattern) -> Result<Vec<Key>> {
        Ok(self.lock().keys().filter(|key| pattern.matches(key)).cloned().collect())
    }
}

/// Counts what is read, and from where.
#[derive(Clone, Debug, Default)]
struct Reads {
    hits: Arc<AtomicU64>,
    misses: Arc<AtomicU64>,
}

impl Observer for Reads {
    fn on(&self, event: &Event<'_>) {
        match event {
            Event::Hit { .. } => self.hits.fetch_add(1, Ordering::Relaxed),
            Event::Miss { source: "memory", .. } => self.misses.fetch_add(1, Ordering::Relaxed),
            _ => 0,
        };
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let (reads, map) = (Reads::default(), Map::default());
    for run in ["first", "second"] {
        let tier = ByteStoreTier::new(map.clone(), Clock::system());
        let cache = Cache::builder().local_tier(tier).observer(reads.clone()).build().await?;
        let prices: Region<f64> = cache.region("price").open()?;
        if run == "first" {
            prices.put("AAPL", 190.5).await?;
        }
        let found = prices.lookup("AAPL").await?;
        println!("{run}: {:?} from {}", found.value, found.source);
        assert_eq!(found.source.as_str(), if run == "first" { "memory" } else { "map" });
    }
    println!("{reads:?}");
    assert!(reads.hits.load(Ordering::Relaxed) >= 2);
    Ok(())
}

#[test]
fn an_own_tier_outlives_a_cache_and_an_own_observer_sees_its_reads() {
    main().unwrap();
}
