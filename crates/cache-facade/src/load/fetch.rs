//! A flight's task: memory once more, the tiers in order, then the loader in batches.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use cache_core::{Blob, Entry, Freshness, Key, Loader, Meta, Timestamp, Ttl};
use futures_util::{StreamExt, stream};

use crate::{
    answer::{Found, Source},
    engine::Shared,
    invalidation::stamps::{self, Verdict},
    load::flight::Leader,
    read::memory_lookup::Glance,
    region::{Answer, Cacheable, Region},
    tier::handle::Slot,
};

/// How many batches of one flight are loaded at once.
const BATCHES_AT_ONCE: usize = 32;

/// How far ahead of this process's clock a tier's entry may have been born: clocks differ a little
/// between processes.
const SKEW: Duration = Duration::from_secs(60);

/// How far a flight goes for its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Whatever is fresh will do; the loader last.
    Tiers,
    /// A refresh behind a read: what memory had will not do.
    Behind,
    /// The loader alone.
    Loader,
}

/// A key on its flight.
pub(crate) struct Flying<V> {
    pub(crate) leader: Leader<Answer<V>>,
    /// What can be served if the load fails, or is confirmed by "not modified".
    pub(crate) prior: Option<Found<V>>,
    /// Whether some tier may hold an entry of the key, usable or not.
    pub(crate) held: bool,
    /// What memory was worth when the flight began: see [`Engine::distrust`](crate::engine::Engine).
    pub(crate) epoch: u64,
}

impl<V: Cacheable> Region<V> {
    /// Brings the answers of `leaders`.
    pub(crate) async fn fly(
        self,
        leaders: Vec<Leader<Answer<V>>>,
        reach: Reach,
        loader: Option<Arc<dyn Loader<V>>>,
    ) {
        let mut flying: Vec<Flying<V>> =
            leaders.into_iter().filter_map(|leader| self.look_again(leader, reach)).collect();
        if reach != Reach::Loader {
            flying = self.search(flying, reach).await;
        }
        let Some(loader) = loader else {
            flying.into_iter().for_each(|flight| self.land_without_loader(flight));
            return;
        };
        if reach != Reach::Loader {
            flying.retain(|flight| !self.land_throttled(flight));
        }
        match &self.engine.lease {
            // A load that was asked for by name waits for nobody, and without tiers there is nothing to wait for.
            Some(lease) if reach != Reach::Loader && !self.engine.slots.is_empty() => {
                self.load_leased(flying, reach, &*loader, lease).await;
            }
            _ => self.load_all(flying, &*loader).await,
        }
    }

    /// Loads in batches.
    pub(crate) async fn load_all(&self, flying: Vec<Flying<V>>, loader: &dyn Loader<V>) {
        let mut batches = Vec::new();
        let mut flying = flying.into_iter().peekable();
        while flying.peek().is_some() {
            batches.push(flying.by_ref().take(loader.max_batch().max(1)).collect::<Vec<_>>());
        }
        let load = |batch| self.load(batch, loader);
        stream::iter(batches).for_each_concurrent(BATCHES_AT_ONCE, load).await;
    }

    /// Someone may have landed between the caller's look at memory and this flight.
    fn look_again(&self, leader: Leader<Answer<V>>, reach: Reach) -> Option<Flying<V>> {
        let epoch = self.engine.epoch.load(Ordering::Acquire);
        let prior = match self.glance(leader.key(), self.engine.clock.now()) {
            Glance::Fresh(found) if reach != Reach::Loader => {
                leader.land(Ok(found));
                return None;
            }
            Glance::Due(found) if reach == Reach::Tiers => {
                leader.land(Ok(found));
                return None;
            }
            Glance::Fresh(found) | Glance::Due(found) | Glance::Stale(found) => {
                leader.flight().offer(Ok(found.clone()));
                Some(found)
            }
            Glance::Miss => None,
        };
        let held = prior.is_some() || reach == Reach::Loader;
        Some(Flying { leader, prior, held, epoch })
    }

    /// Asks the tiers in order; answers with those still missing.
    pub(crate) async fn search(&self, mut flying: Vec<Flying<V>>, reach: Reach) -> Vec<Flying<V>> {
        if self.engine.slots.is_empty() || flying.is_empty() {
            return flying;
        }
        if !self.know_clears().await {
            flying.iter_mut().for_each(|flight| flight.held = true);
            return flying;
        }
        for (depth, slot) in self.engine.slots.iter().enumerate() {
            if flying.is_empty() {
                break;
            }
            if self.policy.skips(slot.name()) {
                flying.iter_mut().for_each(|flight| flight.held = true);
                continue;
            }
            let keys: Vec<Key> = flying.iter().map(|flight| flight.leader.key().clone()).collect();
            let Ok(entries) = slot.get(&keys).await else {
                flying.iter_mut().for_each(|flight| flight.held = true);
                continue;
            };
            self.engine
                .stamps
                .learn(entries.iter().flatten().map(|entry| &entry.meta), &self.engine.slots)
                .await;
            let mut filled = Vec::new();
            let mut missing = Vec::new();
            for (mut flight, entry) in flying.into_iter().zip(entries) {
                let now = self.engine.clock.now();
                let held = entry.is_some();
                let found = entry.as_ref().and_then(|entry| self.judge(slot, &flight, entry, now));
                match (found, entry) {
                    (Some(found), Some(entry)) if self.suffices(&found, reach, now) => {
                        slot.hit(flight.leader.key(), false);
                        self.keep_near(&flight, &found);
                        flight.leader.land(Ok(found));
                        filled.push((flight.leader, entry));
                    }
                    (found, _) => {
                        slot.miss();
                        flight.held |= held;
                        if let Some(found) = found {
                            flight.leader.flight().offer(Ok(found.clone()));
                            flight.prior = Some(found);
                        }
                        missing.push(flight);
                    }
                }
            }
            self.copy_up(filled, depth);
            flying = missing;
        }
        flying
    }

    fn suffices(&self, found: &Found<V>, reach: Reach, now: Timestamp) -> bool {
        let due = self.due(&found.meta, now);
        found.freshness(now) == Freshness::Fresh && !(reach == Reach::Behind && due)
    }

    /// What a tier's entry is worth: `None` if it is dead, removed, invalidated, unreadable, or no
    /// newer than what is at hand.
    fn judge(&self, slot: &Slot, flight: &Flying<V>, entry: &Entry, now: Timestamp) -> Option<Found<V>> {
        let key = flight.leader.key();
        let meta = &entry.meta;
        let usable = meta.freshness(now) != Freshness::Dead
            // It may have been stored under a longer bound than now holds, and outlive its stamps.
            && now < meta.born.after(self.engine.longest_life)
            && meta.born > self.core.cleared()
            && !(slot.local && meta.born.as_micros() <= self.engine.doubted.load(Ordering::Acquire))
            // Of what was born ahead of the clock nobody knows the age.
            && meta.born <= now.after(SKEW)
            && flight.prior.as_ref().is_none_or(|prior| prior.meta.born < meta.born)
            && self.engine.stamps.verdict(meta, true) == Verdict::Alive
            && !self.engine.memory.refuses(key, meta.born, now);
        if !usable {
            return None;
        }
        let value = match entry.value.as_ref().map(|blob: &Blob| blob.decode::<V>(self.core.schema)) {
            None => None,
            Some(Ok(value)) => Some(Arc::new(value)),
            Some(Err(error)) => {
                slot.corrupt(key, &error);
                return None;
            }
        };
        Some(Found { value, source: Source::Tier(slot.name()), meta: meta.clone() })
    }

    /// Fills the tiers above the one that had the entries, behind the callers' backs.
    fn copy_up(&self, filled: Vec<(Leader<Answer<V>>, Entry)>, depth: usize) {
        if depth == 0 || filled.is_empty() {
            return;
        }
        let region = self.clone();
        self.engine.tasks.spawn(async move {
            let (leaders, entries): (Vec<_>, Vec<_>) = filled
                .into_iter()
                .filter(|(leader, _)| !leader.overtaken())
                .map(|(leader, entry)| {
                    let key = leader.key().clone();
                    (leader, (key, entry))
                })
                .unzip();
            let above = region.engine.slots[..depth].iter().filter(|slot| !region.policy.skips(slot.name()));
            region.engine.write(&entries, above).await;
            drop(leaders);
        });
    }

    /// Whether the clears of earlier processes are known; reads them from the tiers if not.
    async fn know_clears(&self) -> bool {
        if self.core.clears_known.load(Ordering::Acquire) {
            return true;
        }
        let stamps = &self.engine.stamps;
        let Ok(kind) = stamps.kind_key(self.core.prefix.kind()) else { return false };
        let Ok(cleared) = stamps::read(&[stamps.all_key().clone(), kind], &self.engine.slots).await else {
            return false;
        };
        for at in cleared {
            self.core.clear(at);
        }
        self.core.clears_known.store(true, Ordering::Release);
        true
    }

    /// Within the pause after a failed load, what is in grace is the answer.
    fn land_throttled(&self, Flying { leader, prior, .. }: &Flying<V>) -> bool {
        let now = self.engine.clock.now();
        match prior {
            Some(prior)
                if self.core.throttle.paused(leader.key(), now)
                    && prior.freshness(now) != Freshness::Dead =>
            {
                leader.land(Ok(prior.clone()));
                true
            }
            _ => false,
        }
    }

    fn land_without_loader(&self, Flying { leader, prior, .. }: Flying<V>) {
        let now = self.engine.clock.now();
        let servable = prior.filter(|prior| prior.freshness(now) != Freshness::Dead);
        leader.land(Ok(servable.unwrap_or_else(|| Found {
            value: None,
            source: Source::Nowhere,
            meta: Meta::new(now, Ttl::NONE),
        })));
    }
}
