//! What a caller ends on this node: in memory first, then in the tiers, then on the other nodes.

use std::sync::Arc;

use cache_core::{Key, Pattern, Result, Tag, Target, Timestamp, Tombstone, message::Change};
use futures_util::future::join_all;

use crate::{
    engine::{Engine, counters::Count, regions::UntypedRegion},
    region::{Cacheable, Region},
};

impl<V: Cacheable> Region<V> {
    /// Ends every entry of this kind.
    pub(crate) async fn clear_kind(&self) -> Result<()> {
        let kind = self.core.prefix.kind();
        let key = self.engine.stamps().kind_key(kind)?;
        let at = self.engine.clock().tick_removal();
        self.engine.local_writes().note_all(at);
        self.engine.counters().bump(Count::Removal);
        self.core.clear(at);
        self.core.overtake(None);
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
        let engine = Arc::clone(self);
        let clear = async move {
            engine.write_stamp(engine.stamps().all_key().clone(), at).await;
            engine.announce([Change::AllEnded { at }]).await;
        };
        self.run_to_completion(clear).await;
    }

    /// Removes every key that matches. Returns how many entries went from the tier that lost most.
    pub(crate) async fn remove_matching(self: &Arc<Self>, pattern: &Pattern) -> u64 {
        let tombstone = self.tombstone();
        self.local_writes().note_all(tombstone.born);
        self.counters().bump(Count::Removal);
        let from_memory = self.remove_matching_from_memory(pattern, tombstone);
        let (engine, pattern) = (Arc::clone(self), pattern.clone());
        let removal = async move {
            let target = Target::Matching(&pattern);
            let removals = engine.tiers().iter().map(|tier| tier.remove(target, tombstone));
            let from_tiers = join_all(removals).await.into_iter().filter_map(Result::ok).max();
            engine.announce([Change::RemovedMatching { pattern: pattern.to_string(), tombstone }]).await;
            from_tiers
        };
        let from_tiers = self.run_to_completion(removal).await.flatten();
        from_tiers.map_or(from_memory, |count| count.max(from_memory))
    }

    /// Removes what matches from memory alone, and overtakes its flights.
    pub(crate) fn remove_matching_from_memory(&self, pattern: &Pattern, tombstone: Tombstone) -> u64 {
        // The tombstone first, then the flights: a flight that begins in between finds the tombstone.
        let removed = self.memory().remove_matching(pattern, tombstone, self.clock().now());
        self.regions().overtake_matching(pattern);
        removed
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

    /// Tells the other nodes, if there is a bus.
    pub(crate) async fn announce(&self, changes: impl IntoIterator<Item = Change>) {
        if let Some(bus) = self.bus() {
            bus.announce(changes).await;
        }
    }
}
