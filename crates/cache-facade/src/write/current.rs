//! What an update sees of its key: in memory, and in the tiers that may know of something newer.

use std::slice;

use cache_core::{Entry, Key, Timestamp};
use cache_memory::drop_value;
use futures_util::future::join_all;

use super::{in_progress::TICK, update::Updated};
use crate::{
    answer::{Found, Source},
    read::{
        memory_lookup::MemoryLookup,
        servable::{Servable, Unservable},
    },
    region::{Cacheable, Region},
    tier::handle::TierHandle,
};

/// What is there when an update looks.
pub(crate) struct Current<V: Send + Sync + 'static> {
    pub(crate) found: Option<Found<V>>,
    /// Whether it is within its life.
    pub(crate) fresh: bool,
    /// The birth of what memory holds, whatever its age; `None` if memory holds nothing. Neither if memory takes
    /// no part.
    pub(super) held: Option<Option<Timestamp>>,
    /// Whether what a tier holds is refused: it was removed, or a write of the key was under way.
    pub(super) refused: bool,
}

impl<V: Send + Sync + 'static> Current<V> {
    /// What is there after an update that changed nothing.
    pub(super) fn kept(mut self) -> Updated<V> {
        let found = self.found.take_if(|found| found.source != Source::Nowhere);
        let born = found.as_ref().map(|found| found.meta.born);
        Updated { changed: false, value: found.and_then(|found| found.value), born }
    }
}

/// Whoever updates a key may be the last to know its old value, whose `drop` may panic.
impl<V: Send + Sync + 'static> Drop for Current<V> {
    fn drop(&mut self) {
        self.found.take().and_then(|found| found.value).into_iter().for_each(|value| drop_value(value));
    }
}

impl<V: Cacheable> Region<V> {
    /// Looks what is there: in memory, and in the tiers that may know of something newer.
    pub(crate) async fn current(&self, key: &Key) -> Current<V> {
        let engine = &self.engine;
        let asks_memory = !self.policy.skips("memory") && engine.memory_in_use();
        // Before the closer look: what is written in between is noticed when the update is stored.
        let held = asks_memory.then(|| engine.memory().born(key));
        let (mut found, mut fresh) = match self.look_in_memory(key, engine.clock().now()) {
            MemoryLookup::Fresh(found) | MemoryLookup::Due(found) => (Some(found), true),
            MemoryLookup::Stale(found) => (Some(found), false),
            MemoryLookup::Replaced(_) | MemoryLookup::Miss(_) => (None, false),
        };
        let mut refused = false;
        let at_hand = held.flatten().unwrap_or(Timestamp::MIN);
        let asks_tiers = found.is_none() || engine.tiers_for(&self.policy).any(|tier| !tier.is_local());
        let in_tiers = if asks_tiers { self.latest_in_tiers(key).await } else { None };
        if let Some((tier, entry)) = in_tiers.filter(|(_, entry)| entry.meta.born > at_hand) {
            // Another node wrote it, as this one learns only now.
            let older = engine.tombstone_born(entry.meta.born.before(TICK));
            engine.memory().replace_elsewhere(key, older, engine.clock().now());
            let servable;
            (found, servable) = self.found_in_tier(tier, key, at_hand, Some(&entry));
            refused = servable == Servable::No(Unservable::Removed);
            fresh = matches!(servable, Servable::Fresh | Servable::Due);
        }
        Current { found, fresh, held, refused }
    }

    /// Asks all tiers of this handle at once. Returns the entry that was born last, and its tier.
    async fn latest_in_tiers(&self, key: &Key) -> Option<(&TierHandle, Entry)> {
        let keys = slice::from_ref(key);
        let tiers: Vec<&TierHandle> = self.engine.tiers_for(&self.policy).collect();
        if tiers.is_empty() {
            return None;
        }
        let stamps_known = self.learn_stamps().await;
        let look = async |tier: &TierHandle| match stamps_known {
            true => tier.get(keys).await.ok().and_then(|mut entries| entries.pop()),
            false => None,
        };
        let looked = join_all(tiers.iter().map(|tier| look(tier))).await;
        let mut latest: Option<(&TierHandle, Entry)> = None;
        for (tier, answer) in tiers.iter().zip(&looked) {
            // What this node wrote and the tier does not have yet is known all the same.
            let pending = || tier.pending(keys).pop().flatten();
            let Some(entry) = answer.clone().unwrap_or_else(pending) else { continue };
            // Another tier took what is pending here, and knows whether it was removed since.
            let is_later = |held: &Entry| held.meta.born > entry.meta.born;
            let knows = |answer: &Option<Option<Entry>>| match answer {
                Some(held) => held.as_ref().is_none_or(is_later),
                None => false,
            };
            let gone = tier.is_stored_elsewhere(key, entry.meta.born) && looked.iter().any(knows);
            if !gone && latest.as_ref().is_none_or(|(_, latest)| latest.meta.born < entry.meta.born) {
                latest = Some((tier, entry));
            }
        }
        let (stamps, last) = (self.engine.stamps(), self.core.stamps().last_key_mark);
        let metas = || latest.iter().map(|(_, entry)| &entry.meta);
        let maybe_marked = metas().filter(|meta| stamps.marks().is_unknown(key, meta.born, last));
        stamps.learn(metas(), maybe_marked.map(|_| key).collect(), self.engine.tiers()).await;
        latest
    }
}
