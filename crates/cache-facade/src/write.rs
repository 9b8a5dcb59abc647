//! Writing through: memory, then every tier, the later born winning everywhere.

use std::sync::Arc;

use cache_core::{Entry, Fresh, Freshness, Key, Meta, Result};

use crate::{
    counters::Count,
    region::{Cacheable, Region},
};

impl<V: Cacheable> Region<V> {
    /// Stores values under one birth: all are encoded before any is stored.
    pub(crate) async fn write(&self, values: Vec<(Key, Fresh<V>)>) -> Result<()> {
        self.engine.check_open("put")?;
        let mut sealed = Vec::with_capacity(values.len());
        for (key, fresh) in values {
            let blob = self.encode(&fresh.value)?;
            // A key given twice is written twice, the last time latest.
            let born = self.engine.clock.tick();
            let ttl = self.promise(&key, &fresh, born);
            let mut meta = Meta::new(born, ttl).labelled(&fresh.tags, fresh.etag.as_deref());
            meta.cost = self.cost(&fresh.value, Some(&blob));
            sealed.push((key, Arc::new(fresh.value), blob, meta));
        }
        self.engine.counters.add(Count::Put, sealed.len() as u64);
        let now = self.engine.clock.now();
        let mut entries = Vec::with_capacity(sealed.len());
        for (key, value, blob, meta) in sealed {
            self.core.flights.overtake(&key);
            self.core.throttle.resume(&key);
            if meta.freshness(now) == Freshness::Dead {
                // Never to be served: all that it does is end what was there before.
                self.engine.remove(&[key], self.engine.tombstone_of(meta.born)).await;
                continue;
            }
            self.store_near(&key, Some(value), meta.clone());
            entries.push((key, Entry::new(blob, meta)));
        }
        let slots = self.engine.slots.iter().filter(|slot| !self.policy.skips(slot.name()));
        self.engine.write(&entries, slots).await;
        Ok(())
    }

    /// Removes keys everywhere.
    pub(crate) async fn remove_keys(&self, keys: &[Key]) {
        self.engine.counters.bump(Count::Removal);
        let tombstone = self.engine.tombstone();
        for key in keys {
            self.core.throttle.resume(key);
        }
        // Memory's tombstone is set before flights are overtaken: whoever begins one in between finds it.
        self.engine.memory.remove(keys, tombstone, self.engine.clock.now());
        keys.iter().for_each(|key| self.core.flights.overtake(key));
        self.engine.remove_far(keys, tombstone).await;
    }
}
