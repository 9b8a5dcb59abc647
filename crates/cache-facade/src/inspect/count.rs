//! Counts what a removal would end, by walking over what memory and each tier hold.

use std::{collections::HashSet, hash::BuildHasherDefault, sync::Arc};

use cache_core::{Key, KeyHasher, ListItem, Meta, Prefix, Result, Timestamp};
use futures_util::future::join_all;

use super::{
    removed::{Removed, RemovedFromTier},
    selection::{CountedBy, RemovalCount, Selected, Selection},
};
use crate::{
    cache::Cache,
    engine::{Engine, regions::UntypedRegion},
    invalidation::stamps::kinds::StampsByKind,
    tier::{handle::TierHandle, walks::Walk},
};

/// How many entries are examined in one step, of memory or of a tier.
const ENTRIES_PER_STEP: usize = 1000;

impl Cache {
    /// Returns how many values [`Cache::remove_selected`] would end now, in memory and in each tier, and ends
    /// nothing: a dry run. It counts what a removal counts (see [`Removed`]): values that are alive, and neither
    /// what is dead nor the knowledge that there is none. What only a tag, a kind or everything selects, which a
    /// stamp ends, is not alive once an earlier stamp has ended it; of what is removed by its key or a pattern,
    /// tiers judge by age alone.
    ///
    /// All of what is selected is walked over, in every tier, a step at a time: for a tag or everything, all
    /// that the cache holds. Others go on meanwhile; what they write may or may not count.
    ///
    /// # Errors
    ///
    /// `Config` or `Limit` for a key, pattern, kind or tag that is not valid. A tier that fails is left out, which
    /// [`RemovalCount::complete`] tells.
    pub async fn count(&self, selection: &Selection) -> Result<RemovalCount> {
        let selected = Selected::new(&self.engine, selection)?;
        Ok(self.engine.count_selected(&selected).await.told(self.engine.tiers()))
    }
}

/// How many values were counted.
pub(super) struct Tally {
    pub(super) memory: u64,
    /// By tier, in order; `None` for one that failed or can't tell.
    pub(super) tiers: Vec<Option<u64>>,
    /// Removals by pattern, by tier, that count besides once they are done.
    pub(super) walks: Vec<Vec<Arc<Walk>>>,
    /// Whether nothing was left out in the places that answered.
    pub(super) whole: bool,
}

impl Tally {
    pub(super) fn nothing(tiers: usize) -> Self {
        Self::new(0, vec![Some(0); tiers], true)
    }

    pub(super) fn new(memory: u64, tiers: Vec<Option<u64>>, whole: bool) -> Self {
        Self { memory, walks: vec![Vec::new(); tiers.len()], tiers, whole }
    }

    /// Adds what was counted of something else.
    pub(super) fn add(&mut self, other: &Self) {
        self.memory += other.memory;
        for (sum, count) in self.tiers.iter_mut().zip(&other.tiers) {
            *sum = sum.zip(*count).map(|(sum, count)| sum + count);
        }
        for (walks, others) in self.walks.iter_mut().zip(&other.walks) {
            walks.extend(others.iter().cloned());
        }
        self.whole &= other.whole;
    }

    pub(super) fn told(&self, tiers: &[TierHandle]) -> RemovalCount {
        let counts = tiers.iter().map(TierHandle::name).zip(&self.tiers).zip(&self.walks);
        let part = |((name, count), walks): ((_, &Option<u64>), &Vec<Arc<Walk>>)| RemovedFromTier {
            name,
            count: *count,
            walks: walks.clone(),
        };
        let removed = Removed::new(self.memory, counts.map(part).collect());
        RemovalCount { complete: self.whole && removed.tiers.len() == tiers.len(), removed }
    }
}

impl Engine {
    /// Counts what a removal of what is selected would end.
    pub(super) async fn count_selected(self: &Arc<Self>, selected: &Selected) -> Tally {
        let (memory, whole_memory) = self.count_in_memory(selected).await;
        let counts = join_all(self.tiers().iter().map(|tier| self.count_in_tier(tier, selected))).await;
        let whole = counts.iter().flatten().all(|(_, whole)| *whole);
        let tiers = counts.into_iter().map(|count| count.map(|(count, _)| count)).collect();
        Tally::new(memory, tiers, whole && whole_memory)
    }

    /// Returns how many values memory holds of it that are alive, and whether that is all.
    async fn count_in_memory(&self, selected: &Selected) -> (u64, bool) {
        let (now, cleared) = (self.clock().now(), self.regions().cleared_by_kind());
        let alive = |key: &Key, meta: &Meta| {
            let cleared = cleared.get(key.kind()).copied().unwrap_or(Timestamp::MIN);
            self.is_alive_in_memory(meta, cleared, now)
        };
        let is_counted =
            |key: &Key| self.memory().look(key, |held| held.value().is_some() && alive(key, held.meta()));
        let mut count = selected.keys.iter().filter(|key| is_counted(key) == Some(true)).count() as u64;
        let sources = selected.sources(self);
        if sources.is_empty() {
            return (count, true);
        }
        let (mut from, mut examined) = (0, 0);
        let mut seen = HashSet::<Key, BuildHasherDefault<KeyHasher>>::default();
        loop {
            let wanted = |key: &Key| sources.iter().any(|source| source.matches(key));
            let (held, next) = self.memory().held_from(from, ENTRIES_PER_STEP, wanted);
            examined += held.len() as u64;
            for (key, entry) in held {
                let counts = entry.value.is_some()
                    && selected.counted_by(&key, &entry.meta).is_some()
                    && alive(&key, &entry.meta);
                // What is written meanwhile may be met twice.
                count += u64::from(counts && seen.insert(key));
            }
            match next {
                None => return (count, true),
                Some(_) if examined >= selected.max_examined => return (count, false),
                Some(next) => from = next,
            }
            tokio::task::yield_now().await;
        }
    }

    /// Returns how many values a tier holds of it that are alive, and whether that is all; `None` if it fails or
    /// can't list what it holds.
    async fn count_in_tier(self: &Arc<Self>, tier: &TierHandle, selected: &Selected) -> Option<(u64, bool)> {
        let keys: Vec<Key> = self.keys_in_tiers(selected.keys.iter());
        let mut count = match keys.as_slice() {
            [] => 0,
            keys => {
                let (found, now) = (tier.get(keys).await.ok()?, self.clock().now());
                let found = found.iter().flatten();
                found.filter(|entry| entry.value.is_some() && now < entry.meta.dead_at).count() as u64
            }
        };
        let (mut examined, mut stamps) = (0, StampsByKind::new());
        let mut seen = HashSet::<Key, BuildHasherDefault<KeyHasher>>::default();
        for source in selected.sources(self) {
            let mut after = None;
            loop {
                let page = tier.list(&source, after.as_ref(), ENTRIES_PER_STEP).await.ok().flatten()?;
                let step = if page.next.is_some() { ENTRIES_PER_STEP } else { 0 };
                examined += page.items.len().max(step) as u64;
                let mut found = self.listed_in(tier, page.items);
                // A key may match several patterns, and may be met twice.
                found.retain(|(key, item)| !item.absent && seen.insert(key.clone()));
                count += self.count_alive(tier, selected, found, &mut stamps).await;
                after = page.next;
                match after {
                    None => break,
                    Some(_) if examined >= selected.max_examined => return Some((count, false)),
                    Some(_) => {}
                }
            }
        }
        Some((count, true))
    }

    /// Returns how many of the values that a tier listed are selected and alive.
    async fn count_alive(
        self: &Arc<Self>,
        tier: &TierHandle,
        selected: &Selected,
        found: Vec<(Key, ListItem)>,
        stamps: &mut StampsByKind,
    ) -> u64 {
        let counted =
            |(key, item): (Key, ListItem)| Some((selected.counted_by(&key, &item.meta)?, key, item));
        let found: Vec<(CountedBy, Key, ListItem)> = found.into_iter().filter_map(counted).collect();
        let by_stamps = || found.iter().filter(|(by, ..)| *by == CountedBy::Stamps);
        self.stamps().learn(by_stamps().map(|(_, _, item)| &item.meta), Vec::new(), self.tiers()).await;
        self.learn_stamps_by_kind(by_stamps().map(|(_, key, _)| key.kind()), stamps).await;
        let now = self.clock().now();
        let alive = found.iter().filter(|(by, key, item)| match by {
            CountedBy::Age => now < item.meta.dead_at,
            CountedBy::Stamps => stamps
                .get(key.kind())
                .copied()
                .flatten()
                .is_some_and(|stamps| self.is_alive_in_tier(tier, key, &item.meta, stamps.cleared)),
        });
        alive.count() as u64
    }

    /// Returns those keys that tiers may hold: not of kinds that memory alone holds.
    pub(super) fn keys_in_tiers<'a>(&self, keys: impl Iterator<Item = &'a Key>) -> Vec<Key> {
        let in_tiers = |key: &&Key| {
            let region = self.regions().of_kind(key.kind());
            !region.as_deref().is_some_and(UntypedRegion::is_memory_only)
        };
        keys.filter(in_tiers).cloned().collect()
    }

    /// Returns the key of this text, as a region of this cache makes it; `None` for a text of another cache.
    pub(super) fn key_of_text(&self, text: &str) -> Option<Key> {
        let (kind, id) = Key::bare_text(text, self.namespace())?.split_once(':')?;
        Prefix::new(self.namespace(), kind).ok()?.key(id).ok()
    }
}
