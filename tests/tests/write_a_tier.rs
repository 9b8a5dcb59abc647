//! The tier of `docs/guide/write-a-tier.md`: the page shows parts of this file, and the suite runs on all of it.

use std::{
    collections::{HashMap, HashSet},
    slice,
};

use async_trait::async_trait;
use cache_core::{
    Clock, Entry, Error, ErrorKind, Freshness, Key, PutOutcome, Result, Target, Tier, TierExt, Timestamp,
    Tombstone, Tombstones,
    envelope::{self, Record},
    sync::Mutex,
};
use cache_facade::{Cache, Guard, GuardSettings, Memory};
use cache_tier_suite::{Subject, behaviour_suite};

/// Records longer than this are compressed, in bytes.
const COMPRESS_ABOVE: usize = 4096;

/// How many removed keys are remembered, and how many removed patterns.
const MAX_TOMBSTONES: usize = 4096;

/// A tier that stores records in a map.
#[derive(Debug)]
struct MapTier {
    clock: Clock,
    store: Mutex<Store>,
}

/// What is stored. In place of this map, your database.
#[derive(Debug)]
struct Store {
    records: HashMap<Key, Vec<u8>>,
    removed: Tombstones,
}

impl MapTier {
    /// Makes an empty tier.
    fn new(clock: Clock) -> Self {
        let store = Store { records: HashMap::new(), removed: Tombstones::new(MAX_TOMBSTONES) };
        Self { clock, store: Mutex::new(store) }
    }
}

impl Store {
    /// Returns the entry of a key. A record that can't be read is no entry.
    fn entry(&self, key: &Key) -> Option<Entry> {
        match envelope::open(key, self.records.get(key)?) {
            Ok(Record::Entry(entry)) => Some(entry),
            Ok(Record::Tombstone(_)) | Err(_) => None,
        }
    }

    /// Stores a record, unless it was removed since its birth or loses against what is stored. Returns
    /// whether it was stored.
    fn put(&mut self, key: &Key, born: Timestamp, record: Vec<u8>, now: Timestamp) -> bool {
        let stored = self.entry(key).map_or(Timestamp::MIN, |entry| entry.meta.born);
        let wins = born > stored && !self.removed.refuses(key, born, now);
        if wins {
            self.records.insert(key.clone(), record);
        }
        wins
    }

    /// Removes the entry of a key if it was born no later than `tombstone`. Returns whether there was a value that
    /// was alive.
    fn remove(&mut self, key: &Key, tombstone: Tombstone, now: Timestamp) -> bool {
        let Some(entry) = self.entry(key).filter(|entry| entry.meta.born <= tombstone.born) else {
            return false;
        };
        self.records.remove(key);
        entry.value.is_some() && entry.meta.freshness(now) != Freshness::Dead
    }
}

#[async_trait]
impl Tier for MapTier {
    fn name(&self) -> &'static str {
        "map"
    }

    async fn get(&self, keys: &[Key]) -> Result<Vec<Option<Entry>>> {
        let store = self.store.lock();
        Ok(keys.iter().map(|key| store.entry(key)).collect())
    }

    async fn put(&self, entries: &[(Key, Entry)]) -> Result<Vec<PutOutcome>> {
        let (mut outcomes, mut failed) = (Vec::with_capacity(entries.len()), None);
        for (key, entry) in entries {
            match envelope::seal(key, entry, COMPRESS_ABOVE) {
                Ok(record) => {
                    let stored = self.store.lock().put(key, entry.meta.born, record, self.clock.now());
                    outcomes.push(PutOutcome::stored_if(stored));
                }
                // One entry that is too large keeps none of the others out.
                Err(error) => failed = Some(error),
            }
        }
        failed.map_or(Ok(outcomes), Err)
    }

    async fn remove(&self, target: Target<'_>, tombstone: Tombstone) -> Result<u64> {
        let now = self.clock.now();
        let mut store = self.store.lock();
        store.removed.add_target(target, tombstone, now);
        let keys: HashSet<Key> = match target {
            Target::Keys(keys) => keys.iter().cloned().collect(),
            Target::Matching(pattern) => {
                store.records.keys().filter(|key| pattern.matches(key)).cloned().collect()
            }
        };
        Ok(keys.iter().filter(|key| store.remove(key, tombstone, now)).count() as u64)
    }

    async fn flush(&self) -> Result<()> {
        Ok(())
    }
}

/// Returns the cache's error for one of the map's: one function for each driver.
fn classify(operation: &'static str, error: std::io::Error) -> Error {
    let kind = match error.kind() {
        std::io::ErrorKind::TimedOut => ErrorKind::Timeout,
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::ReadOnlyFilesystem => ErrorKind::Storage,
        _ => ErrorKind::Unavailable,
    };
    Error::caused(kind, operation, "the map can't be reached", error)
}

async fn map() -> Subject {
    let clock = Clock::manual();
    Subject::new(MapTier::new(clock.clone()), clock, ())
}

behaviour_suite!(map_tier, map);

fn guarded(clock: &Clock) -> Guard<MapTier> {
    Guard::new(MapTier::new(clock.clone()), GuardSettings { clock: clock.clone(), ..Default::default() })
}

async fn guarded_map() -> Subject {
    let clock = Clock::manual();
    Subject::new(guarded(&clock), clock, ())
}

behaviour_suite!(map_tier_behind_guard, guarded_map);

#[tokio::test]
async fn a_cache_reads_what_the_tier_holds() -> Result<()> {
    let clock = Clock::manual();
    let cache =
        Cache::builder().clock(clock.clone()).memory(Memory::mib(16)).tier(guarded(&clock)).build().await?;
    let prices = cache.region::<f64>("price").open()?;
    prices.put("AAPL", 190.5).await?;

    // Memory is skipped, so the tier has to answer.
    let found = prices.with(|policy| policy.skip("memory")).lookup("AAPL").await?;
    assert_eq!((found.value.as_deref(), found.source.as_str()), (Some(&190.5), "map"));
    Ok(())
}

#[tokio::test]
async fn a_record_that_can_not_be_read_is_no_entry_and_is_overwritten() -> Result<()> {
    let clock = Clock::manual();
    let tier = MapTier::new(clock.clone());
    let key = Key::new("price", "AAPL")?;
    tier.store.lock().records.insert(key.clone(), b"foreign bytes".to_vec());
    assert_eq!(tier.get_one(&key).await?, None);

    let ttl = std::time::Duration::from_secs(60).into();
    let entry = Entry::absent(cache_core::Meta::new(clock.tick(), ttl));
    tier.put_one(key.clone(), entry.clone()).await?;
    assert_eq!(tier.get(slice::from_ref(&key)).await?, [Some(entry)]);
    Ok(())
}

#[test]
fn errors_of_the_driver_say_whether_to_try_again() {
    let error = classify("get", std::io::ErrorKind::TimedOut.into());
    assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Timeout, true));
}

#[test]
fn the_page_shows_this_file() {
    let page = include_str!("../../docs/guide/write-a-tier.md");
    let blocks: Vec<&str> =
        page.split("```rust\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(blocks.len() >= 8, "{} blocks", blocks.len());
    for block in blocks {
        assert!(block.ends_with('\n'), "a fence does not begin its line:\n{block}");
        assert!(include_str!("write_a_tier.rs").contains(block), "the page shows what is not here:\n{block}");
    }
}
