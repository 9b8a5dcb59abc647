//! Puts values into memory and every tier, the later born winning everywhere.

use std::sync::Arc;

use cache_core::{Entry, Fetched, Freshness, Key, Result, message::Change};
use futures_util::future::join_all;

use super::{
    in_progress::{TICK, WritesInProgress},
    outbid::Written,
};
use crate::{
    engine::{Engine, counters::Count},
    region::{Cacheable, Region},
    tier::handle::TierHandle,
};

impl<V: Cacheable> Region<V> {
    /// Puts values. All are encoded before any is stored, so that one that can't be leaves nothing behind.
    pub(crate) async fn put_all(&self, values: Vec<(Key, Fetched<V>)>) -> Result<()> {
        self.engine.check_open("put")?;
        let mut encoded = Vec::with_capacity(values.len());
        for (key, fetched) in values {
            let blob = self.encode(&fetched.value)?;
            // Each has a birth of its own: of a key that is given twice the last value wins.
            let born = self.engine.clock().tick();
            let ttl = self.ttl_of(&key, &fetched, born);
            let meta = self.meta(born, ttl).labelled(&fetched.tags, fetched.etag.as_deref());
            let mut meta = self.engine.bound_life(&key, meta);
            meta.cost = self.cost(&fetched.value, Some(&blob));
            encoded.push((key, Arc::new(fetched.value), blob, meta));
        }
        self.engine.counters().add(Count::Put, encoded.len() as u64);
        let now = self.engine.clock().now();
        let mut in_progress = WritesInProgress::new(&self.engine);
        let mut entries = Vec::with_capacity(encoded.len());
        let mut values = Vec::with_capacity(encoded.len());
        let mut lifeless = Vec::new();
        for (key, value, blob, meta) in encoded {
            if meta.freshness(now) == Freshness::Dead {
                // It is never served, so all that the put does is remove what was there before.
                lifeless.push((key, self.engine.tombstone_born(meta.born)));
                continue;
            }
            // Marked before flights are overtaken: a flight that begins in between finds the mark.
            in_progress.begin(&key, meta.born);
            self.engine.local_writes().note(&key, meta.born);
            self.core.flights.overtake(&key);
            self.core.throttle.resume(&key);
            self.store_in_memory(&key, Some(Arc::clone(&value)), meta.clone());
            entries.push((key, Entry::new(blob, meta)));
            values.push(value);
        }
        for (key, tombstone) in lifeless {
            self.remove_under(&[key], tombstone).await;
        }
        if entries.is_empty() || self.engine.tiers().is_empty() && self.engine.bus().is_none() {
            return Ok(());
        }
        let region = self.clone();
        let write = async move {
            let engine = &region.engine;
            let mut written = engine.write(&entries, engine.tiers_for(&region.policy)).await;
            if !written.outdated.is_empty() {
                region.outbid(&mut entries, &values, &mut written, &mut in_progress).await;
            }
            let taken = written.taken;
            drop(in_progress);
            let change = |(key, entry): &(Key, Entry)| match entry.meta.born {
                born if taken => Change::Put { key: key.into(), born },
                // Some tier still holds what came before, which other nodes should refuse until it is written.
                born => {
                    let tombstone = engine.tombstone_born(born.before(TICK));
                    Change::Removed { key: key.into(), tombstone }
                }
            };
            engine.announce(entries.iter().map(change)).await;
        };
        self.engine.run_to_completion(write).await;
        Ok(())
    }
}

impl Engine {
    /// Writes entries to tiers. Returns what became of them; a tier that fails is an event.
    pub(crate) async fn write<'a>(
        &self,
        entries: &[(Key, Entry)],
        tiers: impl Iterator<Item = &'a TierHandle>,
    ) -> Written {
        if entries.is_empty() {
            return Written::of(&[]);
        }
        let put = async |tier: &'a TierHandle| (tier.name(), tier.put(entries).await);
        Written::of(&join_all(tiers.map(put)).await)
    }
}
