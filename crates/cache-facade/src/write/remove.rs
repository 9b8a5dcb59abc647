//! Removes keys from memory, from every tier and from the other nodes, and leaves tombstones.

use std::sync::Arc;

use cache_core::{Event, Key, Prefix, Removal, Result, Target, Timestamp, ToKey, Tombstone, message::Change};
use futures_util::future::join_all;

use super::remove_counted::{Counted, Seen};
use crate::{
    engine::{Engine, counters::Count, regions::UntypedRegion},
    region::{Cacheable, Region},
    tier::handle::REMINDED_FOR,
};

/// How many values a removal by key ended that were alive.
pub(crate) struct RemovedByTier {
    pub(crate) memory: u64,
    /// In the order of the tiers; an error of one that removes them later.
    pub(crate) tiers: Vec<Result<u64>>,
}

impl<V: Cacheable> Region<V> {
    /// Removes a key from memory and every tier. The result of a load that is under way goes to those who wait
    /// for it, and is not stored. Returns whether a value was removed that was alive: fresh or in grace in
    /// memory or any tier, and not ended by a tag or a clear that this process knows of. The knowledge that
    /// there is no value is none. Of several who remove a key at once, one is told `true` as a rule; a tier that
    /// fails counts for what is pending for it.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> cache_facade::Result<()> {
    /// # let cache = cache_facade::Cache::builder().build().await?;
    /// let prices = cache.region::<f64>("price").open()?;
    /// prices.put("AAPL", 190.5).await?;
    /// assert!(prices.remove("AAPL").await?);
    /// assert!(!prices.remove("AAPL").await?);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// `Limit` or `Config` for an invalid key. A tier that fails is an event.
    pub async fn remove<K: ToKey + ?Sized>(&self, key: &K) -> Result<bool> {
        self.engine.enter_though_closed("remove")?;
        Ok(self.remove_keys(&[key.to_key(&self.core.prefix)?]).await > 0)
    }

    /// Removes many keys, in one or two calls per tier. Returns of how many of them a value was removed that was
    /// alive, as of [`Region::remove`]; a key that is given twice counts once. With several tiers, those of which
    /// memory holds nothing are looked up first, to be counted.
    ///
    /// # Errors
    ///
    /// As [`Region::remove`]; nothing is removed then.
    pub async fn remove_many<K: ToKey>(&self, keys: &[K]) -> Result<u64> {
        self.engine.enter_though_closed("remove many")?;
        Ok(self.remove_keys(&self.distinct_keys(keys)?).await)
    }

    /// Removes keys everywhere. Returns how many were alive.
    async fn remove_keys(&self, keys: &[Key]) -> u64 {
        self.core.counters.bump(Count::Removal);
        let region: Arc<dyn UntypedRegion> = self.core.clone();
        let overtake = |key: &Key| {
            self.core.overtake_key(key);
        };
        self.engine.remove_counted(keys, &overtake, Some(region)).await
    }

    /// Removes keys from memory at once, under a given tombstone. Returns what removes them from the tiers and
    /// the other nodes.
    pub(super) fn remove_under(
        &self,
        keys: &[Key],
        tombstone: Tombstone,
    ) -> impl Future<Output = ()> + Send + use<V> {
        let engine = Arc::clone(&self.engine);
        let overtake = |key: &Key| {
            self.core.overtake_key(key);
        };
        engine.begin_removal(keys, tombstone, &overtake, |_, _| {});
        let (keys, in_tiers) = (keys.to_vec(), !self.is_memory_only());
        async move {
            let done = !in_tiers || engine.remove_from_tiers(&keys, tombstone).await;
            engine.announce_removed(&keys, tombstone, done).await;
        }
    }
}

impl Engine {
    /// Removes a key everywhere, whatever the type of its values. Returns whether it was alive.
    pub(crate) async fn remove_key(self: &Arc<Self>, kind: &str, id: &str) -> Result<bool> {
        let key = Prefix::new(self.namespace(), kind)?.key(id)?;
        let region = self.regions().of_kind(kind);
        region.as_deref().map_or(self.counters(), UntypedRegion::counters).bump(Count::Removal);
        let overtake = |key: &Key| self.regions().overtake(kind, key);
        Ok(self.remove_counted(&[key], &overtake, region).await > 0)
    }

    /// Removes keys from memory at once; `overtake` overtakes the flight of each. Returns what removes them from
    /// the tiers and the other nodes, to its end even if it is dropped, and says how many were alive.
    fn remove_counted(
        self: &Arc<Self>,
        keys: &[Key],
        overtake: &dyn Fn(&Key),
        region: Option<Arc<dyn UntypedRegion>>,
    ) -> impl Future<Output = u64> + Send + use<> {
        let (tombstone, now) = (self.tombstone(), self.clock().now());
        let cleared = self.cleared(region.as_deref());
        let mut alive = vec![false; keys.len()];
        self.begin_removal(keys, tombstone, overtake, |at, gone| {
            alive[at] = gone.value().is_some() && self.is_alive_in_memory(gone.meta(), cleared, now);
        });
        for key in keys {
            self.observers().tell(&Event::Removed { what: Removal::Key(key) });
        }
        let (engine, keys) = (Arc::clone(self), keys.to_vec());
        let removal = {
            let engine = Arc::clone(self);
            async move {
                let seen = Seen { keys: &keys, alive };
                let Counted { alive, done } = match region {
                    Some(region) if region.is_memory_only() => seen.counted(),
                    region => engine.remove_seen(seen, tombstone, region).await,
                };
                engine.announce_removed(&keys, tombstone, done).await;
                alive
            }
        };
        async move { engine.complete_elsewhere(removal).await.unwrap_or(0) }
    }

    /// Removes keys of any kinds everywhere, those `in_tiers` from tiers too. Returns how many values went that
    /// were alive, from each place.
    pub(crate) async fn remove_counted_by_tier(
        self: &Arc<Self>,
        keys: &[Key],
        in_tiers: Vec<Key>,
    ) -> RemovedByTier {
        self.counters().bump(Count::Removal);
        let (tombstone, now) = (self.tombstone(), self.clock().now());
        let mut memory = 0;
        let cleared = |key: &Key| self.cleared(self.regions().of_kind(key.kind()).as_deref());
        let cleared: Vec<Timestamp> = keys.iter().map(cleared).collect();
        let overtake = |key: &Key| self.regions().overtake(key.kind(), key);
        self.begin_removal(keys, tombstone, &overtake, |at, gone| {
            let alive = gone.value().is_some() && self.is_alive_in_memory(gone.meta(), cleared[at], now);
            memory += u64::from(alive);
        });
        for key in keys {
            self.observers().tell(&Event::Removed { what: Removal::Key(key) });
        }
        let (engine, keys) = (Arc::clone(self), keys.to_vec());
        let removal = async move {
            let target = Target::Keys(&in_tiers);
            let removals = engine.tiers().iter().map(|tier| tier.remove(target, tombstone));
            let tiers = join_all(removals).await;
            engine.announce_removed(&keys, tombstone, tiers.iter().all(Result::is_ok)).await;
            tiers
        };
        RemovedByTier { memory, tiers: self.complete_elsewhere(removal).await.unwrap_or_default() }
    }

    /// Removes keys from memory, then from every tier, and tells nobody: a load ended what was stored.
    pub(crate) async fn remove_here(&self, keys: &[Key], tombstone: Tombstone) {
        // Memory first: a reader in between finds its tombstone.
        self.memory().remove(keys, tombstone, self.clock().now());
        self.remove_from_tiers(keys, tombstone).await;
    }

    /// Removes keys from memory, and shows what was there to `gone`; `overtake` overtakes the flight of each.
    fn begin_removal(
        &self,
        keys: &[Key],
        tombstone: Tombstone,
        overtake: &dyn Fn(&Key),
        gone: impl FnMut(usize, cache_memory::EntryRef<'_>),
    ) {
        keys.iter().for_each(|key| self.local_writes().note(key, tombstone.born));
        // Memory's tombstone is set before flights are overtaken: a flight that begins in between finds it.
        self.memory().remove_each(keys, tombstone, self.clock().now(), gone);
        keys.iter().for_each(overtake);
    }

    /// Tells the other nodes of removed keys, of which all tiers are rid if the removal is `done`.
    async fn announce_removed(&self, keys: &[Key], tombstone: Tombstone, done: bool) {
        let mut told = tombstone;
        if !done {
            // Until they are reminded, should a tier go on to hold it.
            told.dead_at = told.dead_at.after(REMINDED_FOR);
        }
        let removed = |key: &Key| Change::Removed { key: key.into(), tombstone: told };
        self.announce(keys.iter().map(removed)).await;
    }

    /// Removes keys from the tiers behind memory. Returns whether all have done it; a tier that fails is an event.
    async fn remove_from_tiers(&self, keys: &[Key], tombstone: Tombstone) -> bool {
        let removals = self.tiers().iter().map(|tier| tier.remove(Target::Keys(keys), tombstone));
        join_all(removals).await.iter().all(Result::is_ok)
    }
}
