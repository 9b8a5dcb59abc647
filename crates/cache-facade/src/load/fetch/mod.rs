//! Fetches what flights wait for, once no tier has it: from the loader, in batches.

mod tier_search;
pub(crate) mod together;

use std::sync::Arc;

use cache_core::{Entry, Key, Timestamp};
use futures_util::{StreamExt, stream};

use self::tier_search::TierSearch;
use super::{
    flight::{Joined, Leader},
    loaders::shared_loader::SharedLoader,
};
use crate::{
    answer::{FlightResult, Found, Source},
    engine::counters::Count,
    read::{
        memory_lookup::MemoryLookup,
        servable::{Servable, Unservable},
    },
    region::{Cacheable, Region},
    tier::handle::TierHandle,
};

/// How many batches of one flight are loaded at once.
const BATCHES_AT_ONCE: usize = 32;

/// Where a fetch looks for its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LookupScope {
    /// In memory, the tiers and the loader: whatever is fresh will do.
    Everywhere,
    /// The same for a refresh behind a read: what is due to be refreshed will not do.
    Background,
    /// At the loader alone.
    LoaderOnly,
}

/// A key to be fetched, by the leader of its flight.
pub(crate) struct Fetch<V> {
    pub(crate) leader: Leader<FlightResult<V>>,
    /// What can be served if the load fails, or is confirmed by "not modified".
    pub(crate) prior: Option<Found<V>>,
    /// Whether some tier may hold an entry of the key, usable or not.
    pub(crate) maybe_in_tiers: bool,
    /// What is pending for the tier of this place in the order, and was taken by another, which is to be asked
    /// first: it knows whether the entry was removed since.
    pub(crate) pending: Option<(usize, Entry)>,
    /// How many gaps in the messages of other nodes there had been when the fetch began.
    pub(crate) gaps: u64,
    /// When it began.
    pub(crate) begun: Timestamp,
}

impl<V> Fetch<V> {
    /// When what is at hand was born.
    pub(super) fn at_hand(&self) -> Timestamp {
        self.prior.as_ref().map_or(Timestamp::MIN, |prior| prior.meta.born)
    }

    /// Returns what is at hand, unless a newer value is known to be elsewhere.
    pub(super) fn current_prior(&self) -> Option<&Found<V>> {
        self.prior.as_ref().filter(|prior| !prior.meta.is_replaced())
    }

    /// Whether what is at hand was marked stale. What a newer value has replaced is served to nobody, so that its
    /// load is as urgent as any.
    pub(super) fn is_marked_stale(&self) -> bool {
        self.current_prior().is_some_and(|prior| prior.meta.is_marked_stale())
    }

    /// Gives callers something to serve meanwhile, and to compare with what is loaded.
    pub(super) fn offer(&mut self, found: Found<V>) {
        self.leader.flight().offer(Ok(found.clone()));
        self.prior = Some(found);
    }
}

impl<V: Cacheable> Region<V> {
    /// Looks into memory once more, right after a call came to lead a key's flight. Returns the fetch, unless
    /// memory has the answer.
    ///
    /// This look can't be left out: between the caller's first look and the moment it led, another flight may
    /// have landed and left the table, and its value would be loaded a second time. No later look is needed:
    /// until this flight lands, a value comes only by a put, which overtakes the flight, or by a load that is
    /// late, which does not count as one.
    pub(crate) fn begin_fetch(
        &self,
        leader: Leader<FlightResult<V>>,
        scope: LookupScope,
    ) -> Option<Fetch<V>> {
        let (gaps, begun) = (self.engine.gaps().count(), self.engine.clock().now());
        let does = |found: &Found<V>| self.is_young_enough(found, begun);
        let prior = match self.look_in_memory(leader.key(), begun) {
            MemoryLookup::Fresh(found) if scope != LookupScope::LoaderOnly && does(&found) => {
                leader.land(Ok(found));
                return None;
            }
            MemoryLookup::Due(found) if scope == LookupScope::Everywhere && does(&found) => {
                leader.land(Ok(found));
                return None;
            }
            MemoryLookup::Fresh(found) | MemoryLookup::Due(found) | MemoryLookup::Stale(found) => {
                leader.flight().offer(Ok(found.clone()));
                Some(found)
            }
            // Nobody is offered what a newer value has replaced.
            MemoryLookup::Replaced(found) => Some(found),
            MemoryLookup::Miss(_) => None,
        };
        let is_current = prior.as_ref().is_some_and(|prior| !prior.meta.is_replaced());
        let maybe_in_tiers = !self.is_memory_only() && (is_current || scope == LookupScope::LoaderOnly);
        Some(Fetch { leader, prior, maybe_in_tiers, pending: None, gaps, begun })
    }

    /// Begins the flight of a key for which nobody waits. Returns its fetch, unless there is a flight or memory
    /// has what is wanted.
    pub(crate) fn lead(&self, key: &Key, scope: LookupScope) -> Option<Fetch<V>> {
        match self.core.flights.join(key, self.engine.clock().steady(), |_| false) {
            Joined::Leads(leader) => self.begin_fetch(leader, scope),
            Joined::Follows(_) => None,
        }
    }

    /// Loads what no tier had, as far as `scope` says.
    pub(crate) async fn load_missing(
        self,
        mut fetches: Vec<Fetch<V>>,
        scope: LookupScope,
        loader: Option<Arc<dyn SharedLoader<V>>>,
    ) {
        let Some(loader) = loader else {
            fetches.into_iter().for_each(|fetch| self.land_without_loader(fetch));
            return;
        };
        if scope != LookupScope::LoaderOnly {
            fetches.retain(|fetch| !self.land_throttled(fetch));
        }
        self.load_at_pace(fetches, scope, &*loader).await;
    }

    /// Loads keys that no tier had: all of them, or those of which this node has the lease.
    pub(super) async fn load_now(
        &self,
        fetches: Vec<Fetch<V>>,
        scope: LookupScope,
        loader: &dyn SharedLoader<V>,
    ) {
        match self.engine.lease() {
            // A refresh waits for no other node, and without tiers there is nothing to wait for.
            Some(lease) if scope != LookupScope::LoaderOnly && self.has_tiers() => {
                self.load_with_lease(fetches, scope, loader, lease).await;
            }
            _ => self.load_all(fetches, scope, loader).await,
        }
    }

    /// Gives what is at hand, if it may be served, to the callers of a key that is not loaded now. Returns the
    /// fetch otherwise.
    pub(super) fn land_at_hand(&self, fetch: Fetch<V>) -> Option<Fetch<V>> {
        let (key, now) = (fetch.leader.key(), self.engine.clock().now());
        let servable = |prior: &&Found<V>| {
            self.judge(key, &prior.meta, now).is_servable() && self.is_young_enough(prior, fetch.begun)
        };
        match fetch.prior.as_ref().filter(servable) {
            Some(prior) => {
                self.count_stale_answer(key, prior, fetch.begun);
                fetch.leader.land(Ok(prior.clone()));
                None
            }
            None => Some(fetch),
        }
    }

    /// Whether there is a tier that may hold what this region holds.
    pub(crate) fn has_tiers(&self) -> bool {
        !self.engine.tiers().is_empty() && !self.is_memory_only()
    }

    /// Loads keys in batches.
    pub(crate) async fn load_all(
        &self,
        fetches: Vec<Fetch<V>>,
        scope: LookupScope,
        loader: &dyn SharedLoader<V>,
    ) {
        let mut batches = Vec::new();
        let mut fetches = fetches.into_iter().peekable();
        while fetches.peek().is_some() {
            batches.push(fetches.by_ref().take(loader.max_batch().max(1)).collect::<Vec<_>>());
        }
        let load = |batch| self.load_batch(batch, scope, loader);
        stream::iter(batches).for_each_concurrent(BATCHES_AT_ONCE, load).await;
    }

    /// Looks into the tiers in order. Returns the fetches whose keys are still missing.
    pub(crate) async fn look_in_tiers(&self, fetches: Vec<Fetch<V>>, scope: LookupScope) -> Vec<Fetch<V>> {
        let mut search = TierSearch::new(self.clone(), fetches, scope);
        self.engine.search_tiers(&mut [&mut search]).await;
        search.missing()
    }

    /// Reads the stamps of earlier processes from the tiers, unless they are known. Returns whether they are.
    pub(crate) async fn learn_stamps(&self) -> bool {
        self.engine.learn_stamps_of(&*self.core).await
    }

    /// Gives a value in grace to the callers of a key whose load failed a short while ago, or the error if the
    /// source asked for the pause. Returns whether there was one of them.
    fn land_throttled(&self, fetch: &Fetch<V>) -> bool {
        let (key, now) = (fetch.leader.key(), self.engine.clock().now());
        if !self.core.throttle.paused(key, now) {
            return false;
        }
        let servable = |prior: &&Found<V>| {
            self.judge(key, &prior.meta, now).bridges() && self.is_young_enough(prior, fetch.begun)
        };
        if let Some(prior) = fetch.prior.as_ref().filter(servable) {
            self.count_stale_answer(key, prior, fetch.begun);
            fetch.leader.land(Ok(prior.clone()));
            return true;
        }
        let error = self.core.throttle.error(key, now);
        let is_told = error.is_some();
        error.into_iter().for_each(|error| fetch.leader.land(Err(error)));
        is_told
    }

    /// Counts a stale value of a tier that is served in place of a load that began at `begun`.
    pub(crate) fn count_stale_answer(&self, key: &Key, served: &Found<V>, begun: Timestamp) {
        let Some(tier) = self.tier_of(served) else { return };
        if !self.is_young_enough(served, begun) {
            // It is for others who wait, if there are any, and no answer to this call.
            return tier.count_miss(key, Servable::No(Unservable::TooOld));
        }
        if !self.policy.lifts {
            self.core.counters.bump(Count::TierHit);
            self.core.counters.bump(Count::TierStale);
        }
        tier.count_hit(key, true);
    }

    /// Counts a stale value of a tier that a load replaced.
    pub(crate) fn count_replaced(&self, key: &Key, replaced: &Found<V>) {
        if let Some(tier) = self.tier_of(replaced) {
            tier.count_miss(key, Servable::Stale);
        }
    }

    fn tier_of(&self, found: &Found<V>) -> Option<&TierHandle> {
        match found.source {
            Source::Tier(name) => self.engine.tiers().iter().find(|tier| tier.name() == name),
            _ => None,
        }
    }

    /// Gives what is at hand to the callers of a key that nobody can load.
    fn land_without_loader(&self, Fetch { leader, prior, begun, .. }: Fetch<V>) {
        let now = self.engine.clock().now();
        let prior = prior.filter(|prior| self.judge(leader.key(), &prior.meta, now).is_servable());
        if let Some(prior) = &prior {
            self.count_stale_answer(leader.key(), prior, begun);
        }
        leader.land(Ok(prior.unwrap_or_else(|| Found::nowhere(now))));
    }
}
