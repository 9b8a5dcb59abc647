//! A plain store of bytes as a tier: it passes the suite, and keeps its promises over a store that fails.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use cache_core::{Bytes, Clock, Error, ErrorKind, Key, Pattern, Result, sync::Mutex};
use cache_facade::{ByteStore, ByteStoreTier, Cache};
use cache_tier_suite::{Subject, behaviour_suite};

/// A map that fails on demand.
#[derive(Clone, Debug, Default)]
struct Map {
    records: Arc<Mutex<HashMap<Key, Bytes>>>,
    is_down: Arc<AtomicBool>,
}

impl Map {
    fn check(&self) -> Result<()> {
        match self.is_down.load(Ordering::Relaxed) {
            true => Err(Error::new(ErrorKind::Unavailable, "map", "it is down")),
            false => Ok(()),
        }
    }
}

#[async_trait]
impl ByteStore for Map {
    fn name(&self) -> &'static str {
        "map"
    }

    async fn get(&self, keys: &[Key]) -> Result<Vec<Option<Bytes>>> {
        self.check()?;
        let records = self.records.lock();
        Ok(keys.iter().map(|key| records.get(key).cloned()).collect())
    }

    async fn put(&self, records: &[(Key, Bytes)]) -> Result<()> {
        self.check()?;
        self.records.lock().extend(records.iter().cloned());
        Ok(())
    }

    async fn remove(&self, keys: &[Key]) -> Result<()> {
        self.check()?;
        keys.iter().for_each(|key| drop(self.records.lock().remove(key)));
        Ok(())
    }

    async fn matching(&self, pattern: &Pattern) -> Result<Vec<Key>> {
        self.check()?;
        Ok(self.records.lock().keys().filter(|key| pattern.matches(key)).cloned().collect())
    }
}

async fn subject() -> Subject {
    let clock = Clock::manual();
    Subject::new(ByteStoreTier::new(Map::default(), clock.clone()), clock, ())
}

behaviour_suite!(byte_store, subject);

#[tokio::test]
async fn what_a_store_could_not_do_is_done_when_it_works_again() {
    let (clock, map) = (Clock::manual(), Map::default());
    let tier = ByteStoreTier::new(map.clone(), clock.clone());
    let cache = Cache::builder().local_tier(tier).build().await.unwrap();
    let prices = cache.region::<u64>("price").ttl("1h").open().unwrap();
    prices.put("A", 1).await.unwrap();
    prices.put("B", 1).await.unwrap();
    map.is_down.store(true, Ordering::Relaxed);
    prices.put("A", 2).await.unwrap();
    assert!(prices.remove("B").await.unwrap(), "memory had it");
    map.is_down.store(false, Ordering::Relaxed);
    clock.advance(Duration::from_secs(2));
    tests::eventually("the writes", || cache.stats().tiers[0].pending == 0).await;
    let far = prices.with(|policy| policy.skip("memory"));
    assert_eq!((far.get("A").await.unwrap().as_deref(), far.get("B").await.unwrap()), (Some(&2), None));
}

#[tokio::test]
async fn rule_53_a_record_that_can_not_be_read_is_no_entry_counted_and_overwritten() {
    let map = Map::default();
    let tier = ByteStoreTier::new(map.clone(), Clock::manual());
    let cache = Cache::builder().local_tier(tier).build().await.unwrap();
    let prices = cache.region::<u64>("price").open().unwrap();
    let key = prices.key("A").unwrap();
    map.records.lock().insert(key.clone(), Bytes::from_static(b"foreign"));
    assert_eq!(prices.get("A").await.unwrap(), None);
    assert_eq!(cache.stats().tiers[0].corrupt, 1);
    prices.put("A", 1).await.unwrap();
    assert_eq!(prices.with(|policy| policy.skip("memory")).get("A").await.unwrap().as_deref(), Some(&1));
}
