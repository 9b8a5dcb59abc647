//! What a caller ends on this node: in memory first, then in the tiers, then on the other nodes.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use cache_core::{Entry, Event, Key, Pattern, Removal, Result, Tag, Timestamp, Tombstone, message::Change};
use cache_memory::EntryRef;
use tokio::task::yield_now;

use super::stamps::StampKind;
use crate::{
    engine::{Engine, counters::Count, regions::UntypedRegion},
    inspect::removed::{Removed, RemovedFromTier},
    region::{Cacheable, Region},
    tier::walks::Walk,
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
        self.memory().note_ended();
        self.observers().tell(&Event::Removed { what: Removal::Kind(kind) });
        let (engine, kind) = (Arc::clone(self), kind.to_owned());
        let clear = async move {
            engine.write_stamps(&[(key, at)]).await;
            engine.announce([Change::KindEnded { kind, at }]).await;
            engine.memory().sweep_pausing(engine.clock().now(), yield_now).await;
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
        self.note_ended();
        self.observers().tell(&Event::Removed { what: Removal::Tag(tag) });
        let (engine, tag) = (Arc::clone(self), tag.clone());
        let invalidation = async move {
            if engine.write_stamps(&[(key, at)]).await {
                engine.stamps().unpin(StampKind::End, &tag, at);
            }
            engine.announce([Change::TagEnded { tag: tag.as_str().to_owned(), at }]).await;
        };
        self.complete_elsewhere(invalidation).await;
        Ok(())
    }

    /// Ends every entry of every kind.
    pub(crate) async fn clear(self: &Arc<Self>) {
        let at = self.clock().tick_removal();
        self.local_writes().note_all(at);
        self.counters().bump(Count::Removal);
        self.regions().clear(at);
        self.observers().tell(&Event::Removed { what: Removal::All });
        let engine = Arc::clone(self);
        let clear = async move {
            engine.clear_memory(at).await;
            engine.write_stamps(&[(engine.stamps().all_key(StampKind::End).clone(), at)]).await;
            engine.announce([Change::AllEnded { at }]).await;
        };
        self.run_to_completion(clear).await;
    }

    /// Removes every key that matches. Returns how many values went that were alive, and what is still under way.
    pub(crate) async fn remove_matching(self: &Arc<Self>, pattern: &Pattern) -> Removed {
        let tombstone = self.tombstone();
        self.local_writes().note_all(tombstone.born);
        self.counters().bump(Count::Removal);
        let (engine, pattern) = (Arc::clone(self), pattern.clone());
        let removal = async move {
            let memory = engine.remove_matching_from_memory(&pattern, tombstone).await;
            engine.observers().tell(&Event::Removed { what: Removal::Matching(&pattern) });
            let walks: Vec<Arc<Walk>> =
                engine.tiers().iter().map(|tier| tier.walk(&pattern, tombstone)).collect();
            engine.walk_for_a_while(&walks).await;
            engine.announce([Change::RemovedMatching { pattern: pattern.to_string(), tombstone }]).await;
            (memory, walks)
        };
        let (memory, walks) = self.run_to_completion(removal).await.unwrap_or_default();
        let parts = self.tiers().iter().zip(walks).map(|(tier, walk)| RemovedFromTier {
            name: tier.name(),
            count: Some(0),
            walks: vec![walk],
        });
        Removed::new(memory, parts.collect())
    }

    /// Removes what matches from memory alone, and overtakes its flights. Returns how many values went that were
    /// alive.
    pub(crate) async fn remove_matching_from_memory(&self, pattern: &Pattern, tombstone: Tombstone) -> u64 {
        let (now, cleared) = (self.clock().now(), self.regions().cleared_by_kind());
        let cleared = |key: &Key| cleared.get(key.kind()).copied().unwrap_or(Timestamp::MIN);
        let alive = AtomicU64::new(0);
        let count = |key: &Key, gone: EntryRef<'_>| {
            let counts = gone.value().is_some() && self.is_alive_in_memory(gone.meta(), cleared(key), now);
            alive.fetch_add(u64::from(counts), Ordering::Relaxed);
        };
        // The tombstone first, then the flights: a flight that begins in between finds the tombstone.
        self.memory().remove_matching_pausing(pattern, tombstone, now, count, yield_now).await;
        self.regions().overtake_matching(pattern);
        alive.into_inner()
    }

    /// Removes from memory what was born at `at` or before.
    pub(super) async fn clear_memory(&self, at: Timestamp) {
        self.memory().clear_pausing(|_, meta| meta.born > at, yield_now).await;
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
