//! What a caller ends on this node: in memory first, then in the tiers, then on the other nodes.

use std::{cell::Cell, sync::Arc};

use cache_core::{
    Entry, Event, Key, Pattern, Removal, Result, Tag, Target, Timestamp, Tombstone, message::Change,
};
use futures_util::future::join_all;

use super::stamps::StampKind;
use crate::{
    engine::{Engine, counters::Count, regions::UntypedRegion},
    region::{Cacheable, Region},
    stats::Removed,
    tier::handle::TierHandle,
};

impl<V: Cacheable> Region<V> {
    /// Ends every entry of this kind.
    pub(crate) async fn clear_kind(&self) -> Result<()> {
        self.engine.clear_kind(self.core.prefix.kind()).await
    }
}

impl Engine {
    /// Ends every entry of a kind, be it open here or not.
    pub(crate) async fn clear_kind(self: &Arc<Self>, kind: &str) -> Result<()> {
        let key = self.stamps().kind_key(StampKind::End, kind)?;
        let at = self.clock().tick_removal();
        self.local_writes().note_all(at);
        let region = self.regions().of_kind(kind);
        region.as_deref().map_or(self.counters(), UntypedRegion::counters).bump(Count::Removal);
        self.regions().clear_kind(kind, at);
        self.observers().tell(&Event::Removed { what: Removal::Kind(kind) });
        let (engine, kind) = (Arc::clone(self), kind.to_owned());
        let clear = async move {
            engine.write_stamps(&[(key, at)]).await;
            engine.announce([Change::KindEnded { kind, at }]).await;
        };
        self.run_to_completion(clear).await;
        Ok(())
    }

    /// Ends every entry that carries `tag`.
    pub(crate) async fn invalidate(self: &Arc<Self>, tag: &Tag) -> Result<()> {
        self.invalidate_until(tag, self.clock().tick_removal()).await
    }

    /// Ends every entry that carries `tag` and was born at `at` or before.
    pub(crate) async fn invalidate_until(self: &Arc<Self>, tag: &Tag, at: Timestamp) -> Result<()> {
        let key = self.stamps().tag_key(StampKind::End, tag)?;
        // What is written from now on is not concerned.
        self.clock().observe(at);
        self.local_writes().note_all(at);
        self.counters().bump(Count::Removal);
        self.stamps().raise(StampKind::End, tag, at);
        self.observers().tell(&Event::Removed { what: Removal::Tag(tag) });
        let (engine, tag) = (Arc::clone(self), tag.clone());
        let invalidation = async move {
            if engine.write_stamps(&[(key, at)]).await {
                engine.stamps().unpin(StampKind::End, &tag, at);
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
            engine.write_stamps(&[(engine.stamps().all_key(StampKind::End).clone(), at)]).await;
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

    /// Writes stamps to every tier. Returns whether all have them.
    pub(super) async fn write_stamps(&self, stamps: &[(Key, Timestamp)]) -> bool {
        let entry = |(key, at): &(Key, Timestamp)| (key.clone(), self.stamps().entry(*at));
        let entries: Vec<(Key, Entry)> = stamps.iter().map(entry).collect();
        self.write(&entries, self.tiers().iter()).await.iter().all(|written| written.everywhere)
    }

    /// Tells the other nodes, if there is a bus.
    pub(crate) async fn announce(&self, changes: impl IntoIterator<Item = Change>) {
        if let Some(bus) = self.bus() {
            bus.announce(changes).await;
        }
    }
}
