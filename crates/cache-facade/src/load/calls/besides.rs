//! Stores what a load brought under other keys than the one that it was asked for.

use std::{slice, sync::Arc};

use cache_core::{Beside, Entry, Key, Timestamp, Tombstone};

use crate::{
    answer::Found,
    load::{fetch::Fetch, store_loaded::Storable},
    region::{Cacheable, Region},
};

impl<V: Cacheable> Region<V> {
    /// Stores in memory what came beside the value of a fetch, and returns the entries for the tiers. All of it is
    /// born with the load: whatever was removed, written or invalidated since is newer.
    pub(in crate::load) fn store_besides(
        &self,
        fetch: &Fetch<V>,
        besides: Vec<Beside<Arc<V>>>,
        born: Timestamp,
    ) -> Vec<(Key, Entry)> {
        let mut entries = Vec::with_capacity(besides.len());
        for Beside { id, fetched } in besides {
            let stored = self.key(&*id).and_then(|key| {
                let (found, storable) = self.by_policy(&key, || self.fetched(&key, fetched, born))?;
                Ok((self.keep_beside(fetch, &key, &found, &storable), key, found, storable))
            });
            match stored {
                Ok((true, key, Found { meta, .. }, Storable::Everywhere(value))) => {
                    entries.push((key, Entry { value, meta }));
                }
                Ok(_) => {}
                Err(error) => {
                    let beside = fetch.leader.key();
                    tracing::debug!(id = &*id, %beside, %error, "what came beside a value can't be stored");
                }
            }
        }
        entries
    }

    /// Stores it in memory. Returns whether it may be stored in the tiers.
    fn keep_beside(&self, fetch: &Fetch<V>, key: &Key, found: &Found<V>, storable: &Storable) -> bool {
        let now = self.engine.clock().now();
        if matches!(storable, Storable::Nowhere) || !self.judge(key, &found.meta, now).is_servable() {
            return false;
        }
        if let Storable::MemoryOnly(Some(error)) = storable {
            self.report_codec_failure(key, error);
        }
        let kept = self.store_in_memory(key, found.value.clone(), found.meta.clone());
        if kept && (fetch.leader.overtaken() || self.engine.gaps().count() != fetch.gaps) {
            // As with the value itself: what was missed may have ended it.
            let stone = Tombstone { born: found.meta.born, dead_at: now };
            self.engine.memory().remove(slice::from_ref(key), stone, now);
            return false;
        }
        kept
    }
}
