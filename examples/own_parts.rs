//! A tier and an observer of one's own.
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
    Cache, Clock, Entry, Event, Key, Observer, PutOutcome, Result, Target, Tier, Tombstone, Tombstones,
    async_trait,
};

/// Keeps entries in a map. In place of the map, your store: docs/guide/write-a-tier.md says what has to hold then.
#[derive(Debug)]
struct MapTier(Clock, Mutex<Store>);

#[derive(Debug)]
struct Store {
    entries: HashMap<Key, Entry>,
    removed: Tombstones,
}

impl MapTier {
    fn new(clock: Clock) -> Self {
        Self(clock, Mutex::new(Store { entries: HashMap::new(), removed: Tombstones::new(4096) }))
    }

    fn store(&self) -> MutexGuard<'_, Store> {
        self.1.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Tier for MapTier {
    fn name(&self) -> &'static str {
        "map"
    }

    async fn get(&self, keys: &[Key]) -> Result<Vec<Option<Entry>>> {
        let store = self.store();
        Ok(keys.iter().map(|key| store.entries.get(key).cloned()).collect())
    }

    async fn put(&self, puts: &[(Key, Entry)]) -> Result<Vec<PutOutcome>> {
        let (mut store, now) = (self.store(), self.0.now());
        let put = |(key, entry): &(Key, Entry)| {
            let born = entry.meta.born;
            let is_newer = store.entries.get(key).is_none_or(|held| held.meta.born < born);
            let wins = is_newer && !store.removed.refuses(key, born, now);
            if wins {
                store.entries.insert(key.clone(), entry.clone());
            }
            PutOutcome::stored_if(wins)
        };
        Ok(puts.iter().map(put).collect())
    }

    async fn remove(&self, target: Target<'_>, tombstone: Tombstone) -> Result<u64> {
        let (mut store, now) = (self.store(), self.0.now());
        store.removed.add_target(target, tombstone, now);
        let ended = |key: &Key, entry: &mut Entry| entry.meta.born <= tombstone.born && target.contains(key);
        let removed = store.entries.extract_if(ended);
        Ok(removed.filter(|(_, entry)| now < entry.meta.dead_at).count() as u64)
    }

    async fn flush(&self) -> Result<()> {
        Ok(())
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
            Event::Miss { .. } => self.misses.fetch_add(1, Ordering::Relaxed),
            _ => 0,
        };
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let (reads, tier) = (Reads::default(), Arc::new(MapTier::new(Clock::system())));
    for run in ["first", "second"] {
        let cache = Cache::builder().tier(Arc::clone(&tier)).observer(reads.clone()).build().await?;
        let prices = cache.region::<f64>("price").open()?;
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
