//! The copies of a value that the tiers hold: read from each, so that a caller can merge those that differ.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use cache_core::{Entry, Key, Meta, Result, ToKey, Ttl, message::Change};
use futures_util::future::join_all;

use super::handle::TierHandle;
use crate::{
    region::{Cacheable, Region},
    write::encode::Encoded,
};

/// What one tier holds of some keys.
#[derive(Debug)]
pub struct TierCopies<V> {
    /// The name of the tier.
    pub tier: &'static str,
    /// The copies, in the order of the keys; `None` for a key of which it holds none that can be read. The error
    /// of a tier that could not be asked.
    pub copies: Result<Vec<Option<V>>>,
}

impl<V: Cacheable> Region<V> {
    /// Returns what each tier behind memory holds of these keys, in the order of the tiers. Of what
    /// [`Region::put_copies`] wrote that is everything, for twice the longest life of the cache: clears and
    /// invalidations of tags don't concern it.
    ///
    /// A read takes the first copy that will do. For values that several nodes add to at the same time, a
    /// caller reads all copies, merges them, and writes the merged value to the tiers that hold another.
    ///
    /// # Errors
    ///
    /// `Limit` or `Config` for an invalid key.
    pub async fn copies<K: ToKey>(&self, keys: &[K]) -> Result<Vec<TierCopies<V>>> {
        let keys = self.keys(keys)?;
        let read = async |tier: &TierHandle| TierCopies {
            tier: tier.name(),
            copies: self.copies_in(tier, &keys).await,
        };
        Ok(join_all(self.engine.tiers_for(&self.policy).map(read)).await)
    }

    /// Writes values to the tier of this name alone, and to no other, nor to memory. If other nodes share the
    /// tier they hear of it: see [`Region::heard`]. Returns whether the tier took them; it gets them later
    /// otherwise.
    ///
    /// # Errors
    ///
    /// `Limit` or `Config` for an invalid key, `Limit` for a value that is too large, `Codec` for one that its
    /// codec can't carry.
    pub async fn put_copies<K: ToKey>(&self, tier: &str, values: Vec<(K, V)>) -> Result<bool> {
        let mut entries = Vec::with_capacity(values.len());
        for (key, value) in values {
            let ttl = Ttl::new(self.engine.longest_life().saturating_mul(2));
            let meta = Meta::new(self.engine.clock().tick(), ttl);
            let blob = match self.encode(&value)? {
                Encoded::Blob(blob) => blob,
                Encoded::MemoryOnly { error, .. } => return Err(error.unwrap_or_else(|| self.memory_only())),
            };
            entries.push((key.to_key(&self.core.prefix)?, Entry::new(blob, meta)));
        }
        let Some(at) = self.engine.tiers().iter().position(|one| one.name() == tier) else {
            return Ok(false);
        };
        let taken = Arc::new(AtomicBool::new(false));
        let (engine, outcome) = (Arc::clone(&self.engine), Arc::clone(&taken));
        let write = async move {
            let tier = &engine.tiers()[at];
            let written = engine.write(&entries, [tier].into_iter()).await;
            outcome.store(written.iter().all(|written| written.everywhere), Ordering::Release);
            if !tier.is_local() {
                let change =
                    |(key, entry): &(Key, Entry)| Change::Put { key: key.into(), born: entry.meta.born };
                engine.announce(entries.iter().map(change)).await;
            }
        };
        self.engine.run_to_completion(write).await;
        Ok(taken.load(Ordering::Acquire))
    }

    /// Returns a number that grows whenever another node wrote or removed a key of this region, or may have:
    /// while it stays the same, and the bus works, the copies are what they were.
    #[must_use]
    pub fn heard(&self) -> u64 {
        self.core.heard()
    }

    async fn copies_in(&self, tier: &TierHandle, keys: &[Key]) -> Result<Vec<Option<V>>> {
        let entries = tier.get(keys).await?;
        let now = self.engine.clock().now();
        let copy = |(key, entry): (&Key, Option<Entry>)| {
            let entry = entry.filter(|entry| now < entry.meta.dead_at)?;
            let decoded = self.decode(&entry.value?);
            decoded.inspect_err(|error| tier.count_corrupt(key, error)).ok()
        };
        Ok(keys.iter().zip(entries).map(copy).collect())
    }

    fn keys<K: ToKey>(&self, keys: &[K]) -> Result<Vec<Key>> {
        keys.iter().map(|key| key.to_key(&self.core.prefix)).collect()
    }
}
