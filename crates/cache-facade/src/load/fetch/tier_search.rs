//! Looks for keys in the tiers in order: those of one region, or those of several in one call a tier.

use std::sync::Arc;

use cache_core::{Blob, Entry, Key, Meta, Timestamp};
use tracing::Instrument;

use super::{Fetch, LookupScope};
use crate::{
    answer::{FlightResult, Found, Source},
    engine::{Engine, counters::Count, regions::UntypedRegion},
    load::flight::Leader,
    read::servable::{Servable, Unservable},
    region::{Cacheable, Region},
    tier::handle::TierHandle,
};

/// The search of one region's keys, as the engine conducts it: whatever the type of the values.
pub(crate) trait Search: Send {
    /// The region.
    fn region(&self) -> Arc<dyn UntypedRegion>;

    /// Whether no key is missing.
    fn is_done(&self) -> bool;

    /// The keys to ask this tier for.
    fn keys(&mut self, tier: &TierHandle) -> Vec<Key>;

    /// Takes what the tier of this place in the order has of the keys, in their order; or what is pending for it,
    /// if it could not be asked.
    fn take(&mut self, depth: usize, tier: &TierHandle, entries: Vec<Option<Entry>>, could_look: bool);

    /// Takes what is pending for tiers that could not be asked, once all were tried.
    fn finish(&mut self);
}

/// The search of some keys of a region: which are still missing.
pub(crate) struct TierSearch<V> {
    region: Region<V>,
    scope: LookupScope,
    missing: Vec<Fetch<V>>,
}

impl Engine {
    /// Looks into the tiers in order, with one call a tier for all searches. The first of them is told first what
    /// a tier has.
    pub(crate) async fn search_tiers(self: &Arc<Self>, searches: &mut [&mut dyn Search]) {
        if self.tiers().is_empty() {
            return;
        }
        let regions: Vec<_> =
            searches.iter().filter(|search| !search.is_done()).map(|search| search.region()).collect();
        self.learn_stamps_of_all(regions.iter().map(|region| &**region).collect()).await;
        let marks = self.stamps().marks();
        let stamps_known: Vec<bool> =
            searches.iter().map(|search| search.region().are_stamps_known()).collect();
        for (depth, tier) in self.tiers().iter().enumerate() {
            let keys: Vec<Vec<Key>> = searches.iter_mut().map(|search| search.keys(tier)).collect();
            let asked: Vec<Key> = keys
                .iter()
                .zip(&stamps_known)
                .filter(|(_, known)| **known)
                .flat_map(|(keys, _)| keys)
                .cloned()
                .collect();
            let looked = if asked.is_empty() { None } else { tier.get(&asked).await.ok() };
            let mut looked = looked.map(Vec::into_iter);
            let mut of_each: Vec<(Vec<Option<Entry>>, bool)> = Vec::with_capacity(keys.len());
            for (keys, known) in keys.iter().zip(&stamps_known) {
                of_each.push(match looked.as_mut().filter(|_| *known) {
                    Some(looked) => (looked.take(keys.len()).collect(), true),
                    // What this node wrote and the tier does not have yet is known all the same.
                    None => (tier.pending(keys), false),
                });
            }
            let found: Vec<&Meta> = of_each.iter().flat_map(metas).collect();
            let last_marks = searches.iter().map(|search| search.region().stamps().last_key_mark);
            let maybe_marked =
                last_marks.zip(&keys).zip(&of_each).flat_map(|((last, keys), (entries, _))| {
                    let entries =
                        keys.iter().zip(entries).filter_map(|(key, entry)| Some((key, entry.as_ref()?)));
                    entries.filter(move |(key, entry)| marks.is_unknown(key, entry.meta.born, last))
                });
            let maybe_marked = maybe_marked.map(|(key, _)| key).collect();
            self.stamps().learn(found.into_iter(), maybe_marked, self.tiers()).await;
            for (search, (entries, could_look)) in searches.iter_mut().zip(of_each) {
                search.take(depth, tier, entries, could_look);
            }
        }
        searches.iter_mut().for_each(|search| search.finish());
    }
}

/// The metadata of what a tier has.
fn metas((entries, _): &(Vec<Option<Entry>>, bool)) -> impl Iterator<Item = &Meta> {
    entries.iter().flatten().map(|entry| &entry.meta)
}

impl<V: Cacheable> TierSearch<V> {
    /// A search of the keys of these fetches. What lands is in memory, and what is missing is left.
    pub(crate) fn new(region: Region<V>, fetches: Vec<Fetch<V>>, scope: LookupScope) -> Self {
        Self { region, scope, missing: fetches }
    }

    /// The fetches whose keys are still missing.
    pub(super) fn left(&self) -> &[Fetch<V>] {
        &self.missing
    }

    /// Keeps of each fetch what `keep` makes of it.
    pub(super) fn retain(&mut self, keep: impl FnMut(Fetch<V>) -> Option<Fetch<V>>) {
        self.missing = std::mem::take(&mut self.missing).into_iter().filter_map(keep).collect();
    }

    /// Returns the fetches whose keys are still missing.
    pub(crate) fn missing(self) -> Vec<Fetch<V>> {
        self.missing
    }

    /// Whether a fetch need look no further than for what was found and judged so.
    fn suffices(&self, fetch: &Fetch<V>, found: Option<&Found<V>>, servable: Servable) -> bool {
        let is_fresh = match servable {
            Servable::Fresh => true,
            Servable::Due => self.scope != LookupScope::Background,
            Servable::Stale | Servable::Replaced | Servable::No(_) => false,
        };
        is_fresh && found.is_some_and(|found| self.region.is_young_enough(found, fetch.begun))
    }

    /// Gives callers what a tier had.
    fn land(&self, tier: &TierHandle, fetch: &Fetch<V>, found: Found<V>) {
        if !self.region.policy.lifts {
            self.region.core.counters.bump(Count::TierHit);
        }
        tier.count_hit(fetch.leader.key(), false);
        self.region.store_fetched(fetch, &found);
        fetch.leader.land(Ok(found));
    }

    /// Gives callers what this node wrote, if no tier that has taken it could be asked. Returns the fetch
    /// otherwise.
    fn land_pending(&self, mut fetch: Fetch<V>) -> Option<Fetch<V>> {
        let Some((depth, entry)) = fetch.pending.take() else { return Some(fetch) };
        let tier = &self.region.engine.tiers()[depth];
        match self.region.found_in_tier(tier, fetch.leader.key(), fetch.at_hand(), Some(&entry)) {
            (Some(found), servable) if self.suffices(&fetch, Some(&found), servable) => {
                self.land(tier, &fetch, found);
                None
            }
            (Some(found), _) => {
                fetch.offer(found);
                Some(fetch)
            }
            (None, _) => Some(fetch),
        }
    }
}

impl<V: Cacheable> Search for TierSearch<V> {
    fn region(&self) -> Arc<dyn UntypedRegion> {
        Arc::clone(&self.region.core) as _
    }

    fn is_done(&self) -> bool {
        self.missing.is_empty()
    }

    fn keys(&mut self, tier: &TierHandle) -> Vec<Key> {
        if self.region.policy.skips(tier.name()) {
            self.missing.iter_mut().for_each(|fetch| fetch.maybe_in_tiers = true);
            return Vec::new();
        }
        self.missing.iter().map(|fetch| fetch.leader.key().clone()).collect()
    }

    fn take(&mut self, depth: usize, tier: &TierHandle, entries: Vec<Option<Entry>>, could_look: bool) {
        if self.region.policy.skips(tier.name()) {
            return;
        }
        let mut filled = Vec::new();
        let mut missing = Vec::new();
        for (mut fetch, entry) in std::mem::take(&mut self.missing).into_iter().zip(entries) {
            fetch.maybe_in_tiers |= !could_look;
            let is_elsewhere = |entry: &&Entry| tier.is_stored_elsewhere(fetch.leader.key(), entry.meta.born);
            if let Some(entry) = entry.as_ref().filter(is_elsewhere) {
                fetch.pending.get_or_insert((depth, entry.clone()));
                fetch.maybe_in_tiers = true;
                missing.push(fetch);
                continue;
            }
            fetch.pending.take_if(|(_, pending)| {
                could_look && entry.as_ref().is_none_or(|held| held.meta.born >= pending.meta.born)
            });
            let (found, servable) =
                self.region.found_in_tier(tier, fetch.leader.key(), fetch.at_hand(), entry.as_ref());
            let suffices = self.suffices(&fetch, found.as_ref(), servable);
            fetch.maybe_in_tiers |= !suffices && entry.is_some();
            match (found, entry) {
                (Some(found), Some(entry)) if suffices => {
                    self.land(tier, &fetch, found);
                    filled.push((fetch.leader, entry));
                }
                // What is stale counts once it is known whether it was served.
                (Some(found), _) => {
                    fetch.offer(found);
                    missing.push(fetch);
                }
                (None, _) => {
                    tier.count_miss(fetch.leader.key(), servable);
                    missing.push(fetch);
                }
            }
        }
        self.region.copy_up(filled, depth);
        self.missing = missing;
    }

    fn finish(&mut self) {
        let missing = std::mem::take(&mut self.missing).into_iter();
        self.missing = missing.filter_map(|fetch| self.land_pending(fetch)).collect();
    }
}

impl<V: Cacheable> Region<V> {
    /// Judges and decodes what a tier holds of a key, of which a value born `at_hand` is known. Returns a value if
    /// it may be served.
    pub(crate) fn found_in_tier(
        &self,
        tier: &TierHandle,
        key: &Key,
        at_hand: Timestamp,
        entry: Option<&Entry>,
    ) -> (Option<Found<V>>, Servable) {
        let Some(Entry { value, meta }) = entry else { return (None, Servable::No(Unservable::Absent)) };
        if value.is_none() && self.policy.needs_value {
            return (None, Servable::No(Unservable::Absent));
        }
        let now = self.engine.clock().now();
        let tags = self.engine.stamps().verdict(meta, true);
        let meta = self.engine.bound_life(key, meta.clone());
        let meta = self.engine.marked_in_tier(&self.core.stamps(), key, meta, tags, now);
        let servable = self.judge_in_tier((tier, key), at_hand, &meta, tags, now);
        if !servable.is_servable() {
            return (None, servable);
        }
        let value = match value.as_ref().map(|blob: &Blob| self.decode(blob)) {
            None => None,
            Some(Ok(value)) => Some(Arc::new(value)),
            Some(Err(error)) => {
                tier.count_corrupt(key, &error);
                return (None, Servable::No(Unservable::Unreadable));
            }
        };
        (Some(Found::new(value, Source::Tier(tier.name()), meta)), servable)
    }

    /// Writes entries to the tiers above the one that had them, in the background.
    fn copy_up(&self, filled: Vec<(Leader<FlightResult<V>>, Entry)>, depth: usize) {
        if depth == 0 || filled.is_empty() {
            return;
        }
        let region = self.clone();
        let copying = async move {
            let (leaders, entries): (Vec<_>, Vec<_>) = filled
                .into_iter()
                .filter(|(leader, _)| !leader.overtaken())
                .map(|(leader, entry)| {
                    let key = leader.key().clone();
                    (leader, (key, entry))
                })
                .unzip();
            let above = &region.engine.tiers()[..depth];
            let above: Vec<_> = above.iter().filter(|tier| !region.policy.skips(tier.name())).collect();
            let written = region.engine.copy(&entries, &above).await;
            region.engine.hold_what_won(&entries, &written, above.into_iter()).await;
            drop(leaders);
        };
        self.engine.spawn(copying.in_current_span());
    }
}
