//! Pins undone: a stamp that some tier could not take is pinned until all tiers have it.

use std::{collections::HashMap, hash::Hash};

use cache_core::{Entry, Key, Result, Timestamp};

use super::{StampKind, StampStore, read_entries};
use crate::engine::Engine;

/// How many stamps are looked for in one call.
const STAMPS_A_CALL: usize = 1000;

impl Engine {
    /// Looks which pinned stamps all tiers have by now, and writes the others again: more may have been owed to a
    /// tier than is remembered. Nothing is done while a tier fails or is owed something.
    pub(crate) async fn settle_pins(&self) {
        let (stamps, marks) = (self.stamps(), self.stamps().marks());
        let of_tag = |tag: &_, which| Ok(vec![stamps.tag_key(which, tag)?]);
        self.settle_pins_of(&stamps.tags, of_tag).await;
        // Who reads the last mark of a kind looks for the marks of its keys.
        let of_key = |key: &Key, _| Ok(vec![marks.last_of_kind_key(key.kind())?, marks.mark_key(key)?]);
        self.settle_pins_of(&marks.keys, of_key).await;
    }

    async fn settle_pins_of<K: Clone + Eq + Hash>(
        &self,
        store: &StampStore<K>,
        keys_of: impl Fn(&K, StampKind) -> Result<Vec<Key>>,
    ) {
        loop {
            if self.tiers().iter().any(|tier| tier.is_failing() || tier.has_pending()) {
                return;
            }
            let mut pinned = store.pinned(STAMPS_A_CALL);
            if pinned.is_empty() {
                return;
            }
            let now = self.clock().now();
            // What is as old as that concerns nothing that is still alive.
            let is_past = |at: Timestamp| at.after(self.stamps().life) <= now;
            let mut wanted = HashMap::<Key, Timestamp>::new();
            for (name, which, at) in pinned.iter().filter(|(.., at)| !is_past(*at)) {
                for key in keys_of(name, *which).unwrap_or_default() {
                    wanted.entry(key).and_modify(|latest| *latest = (*at).max(*latest)).or_insert(*at);
                }
            }
            let Ok(missing) = self.write_missing(wanted).await else { return };
            let is_settled = |name: &K, which| {
                keys_of(name, which).unwrap_or_default().iter().all(|key| !missing.contains(key))
            };
            pinned.retain(|(name, which, at)| is_past(*at) || is_settled(name, *which));
            pinned.iter().for_each(|(name, which, at)| store.unpin(*which, name, *at));
            if !missing.is_empty() {
                // Another time.
                return;
            }
        }
    }

    /// Writes those of these stamps that some tier does not have. Returns which some tier still does not have.
    async fn write_missing(&self, wanted: HashMap<Key, Timestamp>) -> Result<Vec<Key>> {
        let (keys, at): (Vec<Key>, Vec<Timestamp>) = wanted.into_iter().unzip();
        let found = read_entries(&keys, self.tiers()).await?;
        let has_all = |entries: &[Entry], at| {
            entries.len() == self.tiers().len() && entries.iter().all(|entry| entry.meta.born >= at)
        };
        let missing = keys.into_iter().zip(at).zip(&found).filter(|((_, at), found)| !has_all(found, *at));
        let missing: Vec<(Key, Entry)> =
            missing.map(|((key, at), _)| (key, self.stamps().entry(at))).collect();
        let written = self.write(&missing, self.tiers().iter()).await;
        let missing = missing.into_iter().zip(written).filter(|(_, written)| !written.everywhere);
        Ok(missing.map(|((key, _), _)| key).collect())
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use ::tests::{FaultyTier, ModelTier, settle};
    use cache_core::{Clock, Tag};

    use super::*;
    use crate::cache::Cache;

    struct World {
        clock: Clock,
        model: Arc<ModelTier>,
        tier: FaultyTier,
        cache: Cache,
    }

    impl World {
        async fn new() -> Self {
            let (clock, model) = (Clock::manual(), Arc::new(ModelTier::new("far")));
            let tier = FaultyTier::over(Arc::clone(&model));
            let cache = Cache::builder().tier(tier.clone()).clock(clock.clone()).build().await.unwrap();
            Self { clock, model, tier, cache }
        }

        async fn pass(&self, seconds: u64) {
            for _ in 0..seconds {
                self.clock.advance(Duration::from_secs(1));
                settle().await;
            }
        }

        /// How many stamps of tags and of keys are pinned.
        fn pinned(&self) -> [usize; 2] {
            let stamps = self.cache.engine.stamps();
            [stamps.tags.pinned(100).len(), stamps.marks().keys.pinned(100).len()]
        }

        async fn mark(&self) {
            self.cache.mark_stale("tag").await.unwrap();
            self.cache.invalidate("other").await.unwrap();
            self.cache.mark_key_stale("kind", "id").await.unwrap();
        }
    }

    #[tokio::test]
    async fn what_a_tier_could_not_take_is_pinned_until_it_has_it() {
        let world = World::new().await;
        world.mark().await;
        assert_eq!(world.pinned(), [0, 0], "the tier has it");
        world.tier.down();
        world.mark().await;
        assert_eq!(world.pinned(), [2, 1]);
        world.pass(31).await;
        assert_eq!(world.pinned(), [2, 1], "it is away still");
        world.tier.up();
        world.pass(31).await;
        assert_eq!(world.pinned(), [0, 0]);
    }

    /// As after more writes than a tier is owed.
    #[tokio::test]
    async fn what_a_tier_is_not_owed_any_more_is_written_again() {
        let world = World::new().await;
        let (engine, at) = (&world.cache.engine, world.clock.tick());
        let (stamps, marks) = (engine.stamps(), engine.stamps().marks());
        let (tag, key) = (Tag::new("tag").unwrap(), Key::new("kind", "id").unwrap());
        stamps.raise(StampKind::Mark, &tag, at);
        marks.keys.raise(StampKind::Mark, &key, at, true);
        world.pass(31).await;
        assert_eq!(world.pinned(), [0, 0]);
        let keys =
            [stamps.tag_key(StampKind::Mark, &tag), marks.mark_key(&key), marks.last_of_kind_key("kind")];
        for key in keys {
            assert_eq!(world.model.entry(&key.unwrap()).unwrap().meta.born, at);
        }
    }
}
