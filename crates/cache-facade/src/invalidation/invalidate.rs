//! What a caller ends on this node: in memory first, then in the tiers, then on the other nodes.

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
        self.core.clear(at);
        self.core.overtake(None);
        self.engine.write_stamp(key, at).await;
        self.engine.announce([Change::KindEnded { kind: kind.to_owned(), at }]).await;
        Ok(())
    }
}

impl Engine {
    /// Ends every entry that carries `tag`.
    pub(crate) async fn invalidate(&self, tag: &Tag) -> Result<()> {
        self.invalidate_until(tag, self.clock().tick_removal()).await
    }

    /// Ends every entry that carries `tag` and was born at `at` or before.
    pub(crate) async fn invalidate_until(&self, tag: &Tag, at: Timestamp) -> Result<()> {
        let key = self.stamps().tag_key(tag)?;
        // What is written from now on is not concerned.
        self.clock().observe(at);
        self.local_writes().note_all(at);
        self.counters().bump(Count::Removal);
        self.stamps().raise(tag, at);
        if self.write_stamp(key, at).await {
            self.stamps().unpin(tag, at);
        }
        self.announce([Change::TagEnded { tag: tag.as_str().to_owned(), at }]).await;
        Ok(())
    }

    /// Ends every entry of every kind.
    pub(crate) async fn clear(&self) {
        let at = self.clock().tick_removal();
        self.local_writes().note_all(at);
        self.counters().bump(Count::Removal);
        self.clear_locally(at);
        self.write_stamp(self.stamps().all_key().clone(), at).await;
        self.announce([Change::AllEnded { at }]).await;
    }

    /// Removes every key that matches. Returns how many entries went from the tier that lost most.
    pub(crate) async fn remove_matching(&self, pattern: &Pattern) -> u64 {
        let tombstone = self.tombstone();
        self.local_writes().note_all(tombstone.born);
        self.counters().bump(Count::Removal);
        let from_memory = self.remove_matching_from_memory(pattern, tombstone);
        let target = Target::Matching(pattern);
        let from_tiers = join_all(self.tiers().iter().map(|tier| tier.remove(target, tombstone))).await;
        self.announce([Change::RemovedMatching { pattern: pattern.to_string(), tombstone }]).await;
        from_tiers.into_iter().filter_map(Result::ok).fold(from_memory, u64::max)
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
