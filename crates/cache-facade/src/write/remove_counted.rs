//! Removes keys from the tiers, and finds out how many of them were alive: by the tiers' own counts where these
//! tell, else by a look before.

use std::sync::Arc;

use cache_core::{Entry, Key, Meta, Result, Target, Timestamp, Tombstone};
use futures_util::future::{join, join_all};

use crate::{
    engine::{Engine, regions::UntypedRegion},
    read::servable::{Known, Servable},
    tier::handle::TierHandle,
};

/// Keys that were removed from memory, and of which it held a value that was alive.
pub(super) struct Seen<'a> {
    pub(super) keys: &'a [Key],
    pub(super) alive: Vec<bool>,
}

impl Seen<'_> {
    /// What became of it, if memory alone held the keys.
    pub(super) fn counted(&self) -> Counted {
        Counted { alive: self.alive.iter().filter(|alive| **alive).count() as u64, done: true }
    }
}

/// What became of a removal.
pub(super) struct Counted {
    /// How many keys were alive, in memory or a tier.
    pub(super) alive: u64,
    /// Whether all tiers have done it.
    pub(super) done: bool,
}

/// What a tier said of the keys of which memory did not tell.
struct Told {
    /// What it held, or what was pending for it.
    entries: Vec<Option<Entry>>,
    /// How many values it removed that were alive by age.
    removed: Result<u64>,
    /// Whether something was pending, which it does not count.
    pending: bool,
    done: bool,
}

impl Engine {
    /// When everything was last cleared of a region, or of the cache, as far as this process knows.
    pub(crate) fn cleared(&self, region: Option<&dyn UntypedRegion>) -> Timestamp {
        self.stamps_of(region).cleared
    }

    /// Removes keys from the tiers. Of those that were alive in memory nothing is to be found out. Of the others
    /// the tiers' counts tell, if nothing is known to have been ended by a stamp, which tiers know nothing of,
    /// and if no two of them can count the same keys. Otherwise each tier is asked what it holds before.
    pub(super) async fn remove_seen(
        self: &Arc<Self>,
        Seen { keys, alive }: Seen<'_>,
        tombstone: Tombstone,
        region: Option<Arc<dyn UntypedRegion>>,
    ) -> Counted {
        let of = |wanted: bool| {
            let keys = keys.iter().zip(&alive).filter(move |(_, alive)| **alive == wanted);
            keys.map(|(key, _)| key.clone()).collect::<Vec<Key>>()
        };
        let (known, rest) = (of(true), of(false));
        let ended = self.cleared(region.as_deref()).max(self.stamps().newest_end()) > Timestamp::MIN;
        let stamps_known = region.as_deref().is_none_or(UntypedRegion::are_stamps_known);
        let looks = !rest.is_empty()
            && !self.tiers().is_empty()
            && (ended || !stamps_known || rest.len() > 1 && self.tiers().len() > 1);
        let removals = self.tiers().iter().map(|tier| tier.remove_told(&known, &rest, tombstone, looks));
        let learns = async {
            match region.as_deref().filter(|_| looks) {
                Some(region) => self.learn_stamps_of(region).await,
                None => false,
            }
        };
        let (told, _) = join(join_all(removals), learns).await;
        let metas = told.iter().flat_map(|told| told.entries.iter().flatten()).map(|entry| &entry.meta);
        self.stamps().learn(metas, Vec::new(), self.tiers()).await;
        let cleared = self.cleared(region.as_deref());
        let is_alive = |at: usize| {
            let mut held = self
                .tiers()
                .iter()
                .zip(&told)
                .filter_map(|(tier, told)| told.entries.get(at)?.as_ref().map(|entry| (tier, entry)));
            held.any(|(tier, entry)| {
                entry.value.is_some() && self.is_alive_in_tier(tier, &rest[at], &entry.meta, cleared)
            })
        };
        let seen = (0..rest.len()).filter(|at| is_alive(*at)).count() as u64;
        let counts = told.iter().filter_map(|told| told.removed.as_ref().ok());
        // Of several removals at once, that of which the tier counted it.
        let exact = told.iter().all(|told| told.removed.is_ok() && !told.pending);
        let of_rest = match looks {
            true if exact => seen.min(counts.sum()),
            true => seen,
            false => counts.copied().max().unwrap_or(0).max(seen),
        };
        Counted { alive: known.len() as u64 + of_rest, done: told.iter().all(|told| told.done) }
    }

    /// Whether an entry of memory was alive.
    pub(crate) fn is_alive_in_memory(&self, meta: &Meta, cleared: Timestamp, now: Timestamp) -> bool {
        Servable::judge(meta, &Known::of_memory(self.stamps().verdict(meta, false), cleared), now)
            .is_servable()
    }

    /// Whether a value of a tier is alive, judged as a read judges it.
    pub(crate) fn is_alive_in_tier(
        &self,
        tier: &TierHandle,
        key: &Key,
        meta: &Meta,
        cleared: Timestamp,
    ) -> bool {
        let (meta, now) = (self.bound_life(key, meta.clone()), self.clock().now());
        let known = self.known_of_tier(tier, self.stamps().verdict(&meta, true), cleared, now);
        Servable::judge(&meta, &known, now).is_servable()
    }
}

impl TierHandle {
    /// Removes keys, and says what it held of the `rest`: what it `looks` up before, or what is pending.
    async fn remove_told(&self, known: &[Key], rest: &[Key], tombstone: Tombstone, looks: bool) -> Told {
        let pending = self.pending(rest);
        let is_pending = pending.iter().any(Option::is_some);
        // Whoever failed last would but hold up its removal.
        let looked = match looks && !self.is_failing() {
            true => self.get(rest).await.ok(),
            false => None,
        };
        let remove = async |keys: &[Key]| match keys {
            [] => Ok(0),
            keys => self.remove(Target::Keys(keys), tombstone).await,
        };
        let (of_known, removed) = join(remove(known), remove(rest)).await;
        let done = of_known.is_ok() && removed.is_ok();
        Told { entries: looked.unwrap_or(pending), removed, pending: is_pending, done }
    }
}
