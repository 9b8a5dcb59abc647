//! Removes keys from memory, from every tier and from the other nodes, and leaves tombstones.

use std::sync::Arc;

use cache_core::{Key, Prefix, Result, Target, Tombstone, message::Change};
use futures_util::future::join_all;

use crate::{
    engine::{Engine, counters::Count},
    region::{Cacheable, Region},
    tier::handle::REMINDED_FOR,
};

impl<V: Cacheable> Region<V> {
    /// Removes keys everywhere.
    pub(crate) async fn remove_keys(&self, keys: &[Key]) {
        self.engine.counters().bump(Count::Removal);
        let removal = self.remove_under(keys, self.engine.tombstone());
        self.engine.run_to_completion(removal).await;
    }

    /// Removes keys from memory at once, under a given tombstone. Returns what removes them from the tiers and
    /// the other nodes.
    pub(super) fn remove_under(
        &self,
        keys: &[Key],
        tombstone: Tombstone,
    ) -> impl Future<Output = ()> + Send + use<V> {
        let overtake = |key: &Key| {
            self.core.overtake_key(key);
        };
        self.engine.begin_removal(keys, tombstone, &overtake)
    }
}

impl Engine {
    /// Removes a key everywhere, whatever the type of its values.
    pub(crate) async fn remove_key(self: &Arc<Self>, kind: &str, id: &str) -> Result<()> {
        let key = Prefix::new(self.namespace(), kind)?.key(id)?;
        self.counters().bump(Count::Removal);
        let overtake = |key: &Key| self.regions().overtake(kind, key);
        let removal = self.begin_removal(&[key], self.tombstone(), &overtake);
        self.run_to_completion(removal).await;
        Ok(())
    }

    /// Removes keys from memory, then from every tier, and tells nobody: a load ended what was stored.
    pub(crate) async fn remove_here(&self, keys: &[Key], tombstone: Tombstone) {
        // Memory first: a reader in between finds its tombstone.
        self.memory().remove(keys, tombstone, self.clock().now());
        self.remove_from_tiers(keys, tombstone).await;
    }

    /// Removes keys from memory; `overtake` overtakes the flight of each. Returns what removes them from the
    /// tiers and the other nodes.
    fn begin_removal(
        self: &Arc<Self>,
        keys: &[Key],
        tombstone: Tombstone,
        overtake: &dyn Fn(&Key),
    ) -> impl Future<Output = ()> + Send + use<> {
        keys.iter().for_each(|key| self.local_writes().note(key, tombstone.born));
        // Memory's tombstone is set before flights are overtaken: a flight that begins in between finds it.
        self.memory().remove(keys, tombstone, self.clock().now());
        keys.iter().for_each(overtake);
        let (engine, keys) = (Arc::clone(self), keys.to_vec());
        async move {
            let mut told = tombstone;
            if !engine.remove_from_tiers(&keys, tombstone).await {
                // Until they are reminded, should a tier go on to hold it.
                told.dead_at = told.dead_at.after(REMINDED_FOR);
            }
            let removed = |key: &Key| Change::Removed { key: key.into(), tombstone: told };
            engine.announce(keys.iter().map(removed)).await;
        }
    }

    /// Removes keys from the tiers behind memory. Returns whether all have done it; a tier that fails is an event.
    async fn remove_from_tiers(&self, keys: &[Key], tombstone: Tombstone) -> bool {
        let removals = self.tiers().iter().map(|tier| tier.remove(Target::Keys(keys), tombstone));
        join_all(removals).await.iter().all(Result::is_ok)
    }
}
