//! A tier made of a plain store of bytes, which knows nothing of births and removals.

use std::{
    collections::{HashMap, HashSet},
    fmt::Debug,
    sync::atomic::{AtomicU64, Ordering},
};

use async_trait::async_trait;
use cache_core::{
    Bytes, Clock, Entry, Error, ErrorKind, Key, ListCursor, ListItem, ListPage, Pattern, PutOutcome, Result,
    Target, Tier, Timestamp, Tombstone, Tombstones,
    envelope::{self, Record},
};
use tokio::sync::Mutex;

/// Records longer than this are compressed, in bytes.
const COMPRESS_ABOVE: usize = 4096;

/// How many removed keys are remembered, and as many patterns. Past that more is refused, never less.
const MAX_TOMBSTONES: usize = 16_384;

/// A plain store of bytes by key, of which [`ByteStoreTier`] makes a tier: an embedded database, a bucket, a
/// map. An error says that the store could not do its work; see [`ErrorKind`](crate::ErrorKind) for what is
/// tried again.
#[async_trait]
pub trait ByteStore: Debug + Send + Sync + 'static {
    /// Returns the name shown in statistics and as the source of a value.
    fn name(&self) -> &'static str;

    /// Returns what is stored. Item `i` of the result belongs to `keys[i]`.
    async fn get(&self, keys: &[Key]) -> Result<Vec<Option<Bytes>>>;

    /// Stores bytes in place of what was there. Each key is there once. A record is stored whole or not at all.
    async fn put(&self, records: &[(Key, Bytes)]) -> Result<()>;

    /// Removes what is stored.
    async fn remove(&self, keys: &[Key]) -> Result<()>;

    /// Returns the keys that are stored and match.
    async fn matching(&self, pattern: &Pattern) -> Result<Vec<Key>>;

    /// Makes all that was stored as durable as the store can.
    async fn flush(&self) -> Result<()> {
        Ok(())
    }
}

/// A tier over a [`ByteStore`] that this process alone writes. It keeps what every tier promises: of two writes
/// the later born stays, what was removed is refused while a load may still bring it, and bytes that can't be
/// read are no entry. Writes go one at a time.
///
/// Removals are remembered by the process, so a store that several processes write needs a tier of its own.
///
/// ```
/// use std::collections::HashMap;
/// use cache_facade::{ByteStore, ByteStoreTier, Bytes, Cache, Clock, Key, Pattern, Result, async_trait};
/// use std::sync::{Mutex, MutexGuard, PoisonError};
///
/// #[derive(Debug, Default)]
/// struct Map(Mutex<HashMap<Key, Bytes>>);
///
/// impl Map {
///     fn lock(&self) -> MutexGuard<'_, HashMap<Key, Bytes>> {
///         self.0.lock().unwrap_or_else(PoisonError::into_inner)
///     }
/// }
///
/// #[async_trait]
/// impl ByteStore for Map {
///     fn name(&self) -> &'static str {
///         "map"
///     }
///
///     async fn get(&self, keys: &[Key]) -> Result<Vec<Option<Bytes>>> {
///         Ok(keys.iter().map(|key| self.lock().get(key).cloned()).collect())
///     }
///
///     async fn put(&self, records: &[(Key, Bytes)]) -> Result<()> {
///         Ok(self.lock().extend(records.iter().cloned()))
///     }
///
///     async fn remove(&self, keys: &[Key]) -> Result<()> {
///         Ok(keys.iter().for_each(|key| drop(self.lock().remove(key))))
///     }
///
///     async fn matching(&self, pattern: &Pattern) -> Result<Vec<Key>> {
///         Ok(self.lock().keys().filter(|key| pattern.matches(key)).cloned().collect())
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<()> {
/// let tier = ByteStoreTier::new(Map::default(), Clock::system());
/// let cache = Cache::builder().local_tier(tier).build().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct ByteStoreTier<S> {
    store: S,
    clock: Clock,
    /// Held while the store is written.
    removed: Mutex<Tombstones>,
    /// How many records were found that can't be read.
    corrupt: AtomicU64,
}

impl<S: ByteStore> ByteStoreTier<S> {
    /// Makes a tier of a store. The cache goes by the same clock.
    pub fn new(store: S, clock: Clock) -> Self {
        Self {
            store,
            clock,
            removed: Mutex::new(Tombstones::new(MAX_TOMBSTONES)),
            corrupt: AtomicU64::new(0),
        }
    }

    async fn entries(&self, keys: &[Key]) -> Result<Vec<Option<Entry>>> {
        let entry = |key: &Key, bytes: Option<Bytes>| match envelope::open(key, &bytes?) {
            Ok(Record::Entry(entry)) => Some(entry),
            Ok(Record::Tombstone(_)) => None,
            Err(_) => {
                self.corrupt.fetch_add(1, Ordering::Relaxed);
                None
            }
        };
        let stored = self.store.get(keys).await?;
        Ok(keys.iter().zip(stored).map(|(key, bytes)| entry(key, bytes)).collect())
    }
}

#[async_trait]
impl<S: ByteStore> Tier for ByteStoreTier<S> {
    fn name(&self) -> &'static str {
        self.store.name()
    }

    async fn get(&self, keys: &[Key]) -> Result<Vec<Option<Entry>>> {
        self.entries(keys).await
    }

    async fn put(&self, entries: &[(Key, Entry)]) -> Result<Vec<PutOutcome>> {
        let removed = self.removed.lock().await;
        let keys: Vec<Key> = entries.iter().map(|(key, _)| key.clone()).collect();
        let born = |entry: Option<Entry>| entry.map_or(Timestamp::MIN, |entry| entry.meta.born);
        let stored = self.entries(&keys).await?.into_iter().map(born);
        let mut latest: HashMap<&Key, Timestamp> = keys.iter().zip(stored).collect();
        let now = self.clock.now();
        let mut records: HashMap<&Key, Vec<u8>> = HashMap::with_capacity(entries.len());
        let (mut outcomes, mut refusal) = (Vec::with_capacity(entries.len()), None);
        for (key, entry) in entries {
            let born = entry.meta.born;
            let record = match envelope::seal(key, entry, COMPRESS_ABOVE) {
                Ok(record) => record,
                // One that is too large keeps none of the others out.
                Err(error) => {
                    refusal = Some(error);
                    continue;
                }
            };
            let wins =
                latest.get(key).is_none_or(|latest| *latest < born) && !removed.refuses(key, born, now);
            if wins {
                latest.insert(key, born);
                records.insert(key, record);
            }
            outcomes.push(PutOutcome::stored_if(wins));
        }
        if !records.is_empty() {
            let records: Vec<(Key, Bytes)> =
                records.into_iter().map(|(key, record)| (key.clone(), record.into())).collect();
            self.store.put(&records).await?;
        }
        refusal.map_or(Ok(outcomes), Err)
    }

    async fn remove(&self, target: Target<'_>, tombstone: Tombstone) -> Result<u64> {
        let mut removed = self.removed.lock().await;
        let now = self.clock.now();
        removed.add_target(target, tombstone, now);
        let keys: HashSet<Key> = match target {
            Target::Keys(keys) => keys.iter().cloned().collect(),
            Target::Matching(pattern) => self.store.matching(pattern).await?.into_iter().collect(),
        };
        let keys: Vec<Key> = keys.into_iter().collect();
        let stored = self.entries(&keys).await?;
        let mut ended = Vec::with_capacity(keys.len());
        let mut alive = 0;
        for (key, entry) in keys.into_iter().zip(stored) {
            let Some(entry) = entry.filter(|entry| entry.meta.born <= tombstone.born) else { continue };
            alive += u64::from(entry.value.is_some() && now < entry.meta.dead_at);
            ended.push(key);
        }
        if !ended.is_empty() {
            self.store.remove(&ended).await?;
        }
        Ok(alive)
    }

    async fn flush(&self) -> Result<()> {
        self.store.flush().await
    }

    /// Lists in the order of the keys. Each page asks the store for all keys that match, and reads its own
    /// records.
    async fn list(
        &self,
        pattern: &Pattern,
        after: Option<&ListCursor>,
        limit: usize,
    ) -> Result<Option<ListPage>> {
        let from = match after.map(|after| str::from_utf8(after.as_bytes())) {
            None => "",
            Some(Ok(from)) => from,
            Some(Err(_)) => {
                let message = "the cursor is not one of this tier: begin anew";
                return Err(Error::new(ErrorKind::Config, "list", message));
            }
        };
        let mut keys = self.store.matching(pattern).await?;
        keys.retain(|key| pattern.matches(key) && key.as_str() >= from);
        keys.sort_unstable_by(|a, b| a.as_str().cmp(b.as_str()));
        let next = keys.get(limit.max(1)).map(|key| ListCursor::new(key.as_str().as_bytes()));
        keys.truncate(limit.max(1));
        let entries = self.entries(&keys).await?;
        let items = keys.iter().zip(entries);
        let items = items.filter_map(|(key, entry)| Some(ListItem::of_entry(key.as_str(), &entry?)));
        Ok(Some(ListPage::new(items.collect(), next)))
    }

    fn corrupt(&self) -> u64 {
        self.corrupt.load(Ordering::Relaxed)
    }

    fn clock(&self) -> Option<&Clock> {
        Some(&self.clock)
    }
}
