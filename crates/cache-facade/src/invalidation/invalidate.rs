//! What a caller ends on this node: in memory first, then in the tiers, then on the other nodes.

use std::{cell::Cell, sync::Arc};

use cache_core::{Event, Key, Pattern, Removal, Result, Tag, Target, Timestamp, Tombstone, message::Change};
use futures_util::future::join_all;

use super::stamps;
use crate::{
    engine::{Engine, counters::Count, regions::UntypedRegion},
    region::{Cacheable, Region},
    stats::Removed,
    tier::handle::TierHandle,
};

impl<V: Cacheable> Region<V> {
    /// Ends every entry of this kind.
    pub(crate) async fn clear_kind(&self) -> Result<()> {
        let kind = self.core.prefix.kind();
        let key = self.engine.stamps().kind_key(kind)?;
        let at = self.engine.clock().tick_removal();
        self.engine.local_writes().note_all(at);
        self.core.counters.bump(Count::Removal);
        self.core.clear(at);
        self.core.overtake(None);
        self.engine.observers().tell(&Event::Removed { what: Removal::Kind(kind) });
        let (engine, kind) = (Arc::clone(&self.engine), kind.to_owned());
        let clear = async move {
            engine.write_stamp(key, at).await;
            engine.announce([Change::KindEnded { kind, at }]).await;
        };
        self.engine.run_to_completion(clear).await;
        Ok(())
    }
}

impl Engine {
    /// Ends every entry that carries `tag`.
    pub(crate) async fn invalidate(self: &Arc<Self>, tag: &Tag) -> Result<()> {
        self.invalidate_until(tag, self.clock().tick_removal()).await
    }

    /// Ends every entry that carries `tag` and was born at `at` or before.
    pub(crate) async fn invalidate_until(self: &Arc<Self>, tag: &Tag, at: Timestamp) -> Result<()> {
        let key = self.stamps().tag_key(tag)?;
        // What is written from now on is not concerned.
        self.clock().observe(at);
        self.local_writes().note_all(at);
        self.counters().bump(Count::Removal);
        self.stamps().raise(tag, at);
        self.observers().tell(&Event::Removed { what: Removal::Tag(tag) });
        let (engine, tag) = (Arc::clone(self), tag.clone());
        let invalidation = async move {
            if engine.write_stamp(key, at).await {
                engine.stamps().unpin(&tag, at);
            }
            engine.announce([Change::TagEnded { tag: tag.as_str().to_owned(), at }]).await;
        };
        self.run_to_completion(invalidation).await;
        Ok(())
    }

    /// Ends every entry of every kind.
    pub(crate) async fn clear(self: &Arc<Self>) {
        let at = self.clock().tick_removal();
        self.local_writes().note_all(at);
        self.counters().bump(Count::Removal);
        self.clear_locally(at);
        self.observers().tell(&Event::Removed { what: Removal::All });
        let engine = Arc::clone(self);
        let clear = async move {
            engine.write_stamp(engine.stamps().all_key().clone(), at).await;
            engine.announce([Change::AllEnded { at }]).await;
        };
        self.run_to_completion(clear).await;
    }

    /// Removes every key that matches. Returns how many values went that were alive.
    pub(crate) async fn remove_matching(self: &Arc<Self>, pattern: &Pattern) -> Removed {
        let tombstone = self.tombstone();
        self.local_writes().note_all(tombstone.born);
        self.counters().bump(Count::Removal);
        let memory = self.remove_matching_from_memory(pattern, tombstone);
        self.observers().tell(&Event::Removed { what: Removal::Matching(pattern) });
        let (engine, pattern) = (Arc::clone(self), pattern.clone());
        let removal = async move {
            let target = Target::Matching(&pattern);
            let removals = engine.tiers().iter().map(|tier| tier.remove(target, tombstone));
            let removed = join_all(removals).await;
            engine.announce([Change::RemovedMatching { pattern: pattern.to_string(), tombstone }]).await;
            let names = engine.tiers().iter().map(TierHandle::name);
            names.zip(removed).filter_map(|(name, removed)| Some((name, removed.ok()?))).collect()
        };
        Removed { memory, tiers: self.run_to_completion(removal).await.unwrap_or_default() }
    }

    /// Removes what matches from memory alone, and overtakes its flights. Returns how many values went that were
    /// alive.
    pub(crate) fn remove_matching_from_memory(&self, pattern: &Pattern, tombstone: Tombstone) -> u64 {
        let (now, cleared) = (self.clock().now(), self.regions().cleared_by_kind());
        let cleared = |key: &Key| cleared.get(key.kind()).copied().unwrap_or(Timestamp::MIN);
        let alive = Cell::new(0);
        // The tombstone first, then the flights: a flight that begins in between finds the tombstone.
        self.memory().remove_matching_each(pattern, tombstone, now, |key, gone| {
            let counts = gone.value().is_some() && self.is_alive_in_memory(gone.meta(), cleared(key), now);
            alive.set(alive.get() + u64::from(counts));
        });
        self.regions().overtake_matching(pattern);
        alive.get()
    }

    /// Ends what was born at `at` or before, as far as this process goes.
    pub(crate) fn clear_locally(&self, at: Timestamp) {
        self.regions().clear(at);
        self.memory().clear();
    }

    /// Writes a stamp to every tier. Returns whether all have it.
    async fn write_stamp(&self, key: Key, at: Timestamp) -> bool {
        let entries = [(key, self.stamps().entry(at))];
        self.write(&entries, self.tiers().iter()).await.iter().all(|written| written.everywhere)
    }

    /// Reads the clears of a region by earlier processes from the tiers, unless they are known. Returns whether
    /// they are.
    pub(crate) async fn learn_clears_of(&self, region: &dyn UntypedRegion) -> bool {
        self.learn_clears_of_all(vec![region]).await;
        region.are_clears_known()
    }

    /// Reads the clears of regions by earlier processes from the tiers, in one call a tier, unless they are known.
    pub(crate) async fn learn_clears_of_all(&self, mut regions: Vec<&dyn UntypedRegion>) {
        let stamps = self.stamps();
        let mut kinds = Vec::with_capacity(regions.len());
        regions.retain(|region| {
            let kind = stamps.kind_key(region.kind()).ok().filter(|_| !region.are_clears_known());
            kind.map(|kind| kinds.push(kind)).is_some()
        });
        if regions.is_empty() {
            return;
        }
        let keys: Vec<Key> = std::iter::once(stamps.all_key().clone()).chain(kinds).collect();
        let Ok(cleared) = stamps::read(&keys, self.tiers()).await else { return };
        let Some((all, cleared)) = cleared.split_first() else { return };
        for (region, at) in regions.into_iter().zip(cleared) {
            region.clear((*all).max(*at));
            region.note_clears_known();
        }
    }

    /// Tells the other nodes, if there is a bus.
    pub(crate) async fn announce(&self, changes: impl IntoIterator<Item = Change>) {
        if let Some(bus) = self.bus() {
            bus.announce(changes).await;
        }
    }
}
