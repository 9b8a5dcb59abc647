//! Writing through: memory, then every tier, the later born winning everywhere.

use std::{sync::Arc, time::Duration};

use cache_core::{Entry, Fetched, Freshness, Key, Prefix, Result, Timestamp, Tombstone, message::Change};

use crate::{
    engine::Engine,
    engine::counters::Count,
    region::{Cacheable, Region},
};

impl<V: Cacheable> Region<V> {
    /// Stores values under one birth: all are encoded before any is stored.
    pub(crate) async fn write(&self, values: Vec<(Key, Fetched<V>)>) -> Result<()> {
        self.engine.check_open("put")?;
        let mut sealed = Vec::with_capacity(values.len());
        for (key, fresh) in values {
            let blob = self.encode(&fresh.value)?;
            // A key given twice is written twice, the last time latest.
            let born = self.engine.clock.tick();
            let ttl = self.promise(&key, &fresh, born);
            let mut meta = self.meta(born, ttl).labelled(&fresh.tags, fresh.etag.as_deref());
            meta.cost = self.cost(&fresh.value, Some(&blob));
            sealed.push((key, Arc::new(fresh.value), blob, meta));
        }
        self.engine.counters.add(Count::Put, sealed.len() as u64);
        let now = self.engine.clock.now();
        let mut writing = Writing::new(&self.engine);
        let mut entries = Vec::with_capacity(sealed.len());
        let mut gone = Vec::new();
        for (key, value, blob, meta) in sealed {
            if meta.freshness(now) == Freshness::Dead {
                // Never to be served: all that it does is end what was there before.
                gone.push((key, self.engine.tombstone_of(meta.born)));
                continue;
            }
            // Marked before flights are overtaken: whoever begins one in between finds the mark.
            writing.begin(&key, meta.born);
            self.core.flights.overtake(&key);
            self.core.throttle.resume(&key);
            self.store_near(&key, Some(value), meta.clone());
            entries.push((key, Entry::new(blob, meta)));
        }
        for (key, tombstone) in gone {
            self.bury(&[key], tombstone).await;
        }
        if entries.is_empty() || self.engine.slots.is_empty() && self.engine.fleet.is_none() {
            return Ok(());
        }
        let (engine, policy) = (Arc::clone(&self.engine), Arc::clone(&self.policy));
        let write = async move {
            let slots = engine.slots.iter().filter(|slot| !policy.skips(slot.name()));
            let taken = engine.write(&entries, slots).await;
            drop(writing);
            let put = |(key, entry): &(Key, Entry)| match entry.meta.born {
                born if taken => Change::Put { key: key.into(), born },
                // Some tier still holds what came before, which others should refuse until it is told.
                born => {
                    Change::Removed { key: key.into(), tombstone: engine.tombstone_of(born.before(TICK)) }
                }
            };
            engine.announce(entries.iter().map(put)).await;
        };
        self.engine.see_through(write).await;
        Ok(())
    }

    /// Removes keys everywhere.
    pub(crate) async fn remove_keys(&self, keys: &[Key]) {
        self.engine.counters.bump(Count::Removal);
        self.bury(keys, self.engine.tombstone()).await;
    }

    async fn bury(&self, keys: &[Key], tombstone: Tombstone) {
        let overtake = |key: &Key| {
            self.core.throttle.resume(key);
            self.core.flights.overtake(key);
        };
        self.engine.bury(keys, tombstone, overtake).await;
    }
}

impl Engine {
    /// Removes a key everywhere, whatever the type of its values.
    pub(crate) async fn remove_key(self: &Arc<Self>, kind: &str, id: &str) -> Result<()> {
        let key = Prefix::new(self.namespace.as_deref(), kind)?.key(id)?;
        self.counters.bump(Count::Removal);
        let overtake = |key: &Key| {
            if let Some(opened) = self.opened().get(kind) {
                opened.shared.overtake_text(&key.into());
            }
        };
        self.bury(&[key], self.tombstone(), overtake).await;
        Ok(())
    }

    /// Removes keys everywhere; `overtake` ends the flight of each.
    async fn bury(self: &Arc<Self>, keys: &[Key], tombstone: Tombstone, overtake: impl Fn(&Key)) {
        // Memory's tombstone is set before flights are overtaken: whoever begins one in between finds it.
        self.memory.remove(keys, tombstone, self.clock.now());
        keys.iter().for_each(overtake);
        let (engine, keys) = (Arc::clone(self), keys.to_vec());
        let removal = async move {
            engine.remove_far(&keys, tombstone).await;
            let removed = |key: &Key| Change::Removed { key: key.into(), tombstone };
            engine.announce(keys.iter().map(removed)).await;
        };
        self.see_through(removal).await;
    }
}

/// By how much births differ at least.
pub(crate) const TICK: Duration = Duration::from_micros(1);

/// Marks writes in memory for as long as tiers may still hold what came before them.
pub(crate) struct Writing {
    engine: Arc<Engine>,
    keys: Vec<(Key, Timestamp)>,
}

impl Writing {
    pub(crate) fn new(engine: &Arc<Engine>) -> Self {
        Self { engine: Arc::clone(engine), keys: Vec::new() }
    }

    pub(crate) fn begin(&mut self, key: &Key, born: Timestamp) {
        self.engine.memory.begin_write(key.clone(), born);
        self.keys.push((key.clone(), born));
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        for (key, born) in &self.keys {
            self.engine.memory.end_write(key, *born);
        }
    }
}
