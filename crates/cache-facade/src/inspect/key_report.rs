//! What memory and each tier hold of a key, and what a read would make of it.

use std::{fmt, sync::Arc, time::Duration};

use cache_core::{Entry, Error, Key, Meta, Prefix, Result, Tag, Timestamp};
use futures_util::future::join_all;

use crate::{
    cache::Cache,
    engine::Engine,
    invalidation::{
        marked::marked_in_memory,
        stamps::kinds::{KindStamps, StampsByKind},
    },
    read::servable::{Known, Servable, Unservable},
    tier::handle::TierHandle,
};

/// What memory and each tier hold of a key.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct KeyReport {
    /// The key.
    pub key: Key,
    /// What memory holds of it.
    pub memory: Option<HeldEntry>,
    /// What each tier behind it holds, in order.
    pub tiers: Vec<HeldInTier>,
}

/// What a tier holds of a key.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct HeldInTier {
    /// The name of the tier.
    pub tier: &'static str,
    /// What it holds, with what it could not take so far laid over it.
    pub held: Option<HeldEntry>,
    /// Why it could not be asked, so that it isn't known what it holds.
    pub error: Option<Error>,
}

/// An entry that memory or a tier holds, without its value.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HeldEntry {
    /// When it was born: put, or its load began.
    pub born: Timestamp,
    /// Until when it is fresh. [`Timestamp::MIN`] if a newer value elsewhere replaced it.
    pub stale_at: Timestamp,
    /// From when it may not be served at all.
    pub dead_at: Timestamp,
    /// For how long it is still fresh, by age.
    pub life_left: Duration,
    /// For how long after that it is in grace, by age.
    pub grace_left: Duration,
    /// Its tags.
    pub tags: Vec<Tag>,
    /// The source's version of it.
    pub etag: Option<String>,
    /// Whether it is the knowledge that there is no value.
    pub absent: bool,
    /// How many bytes its encoded value has; in memory its cost.
    pub bytes: u64,
    /// What a read would make of it.
    pub judgement: Judgement,
}

/// What a read makes of an entry. More may come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Judgement {
    /// It is within its life, and served.
    Fresh,
    /// It is in grace: served while a fresh value is fetched or can't be had.
    Stale,
    /// A newer value elsewhere replaced it: it only stands in for a load that fails.
    Replaced,
    /// Its life and grace are over.
    Expired,
    /// Its kind or the whole cache was cleared since.
    Cleared,
    /// One of its tags was invalidated since.
    TagInvalidated,
    /// Its key was removed, or is being replaced, and the tier has not done that yet.
    Removed,
    /// Messages of other nodes that may have ended it were missed, or what would have ended it can't be read.
    Unproven,
    /// It was born so far ahead of the clock that nobody knows its age.
    BornAhead,
    /// Memory holds it and is not asked now: see [`MemoryMode`](crate::MemoryMode) and
    /// [`OnBusLoss`](crate::OnBusLoss).
    NotAsked,
}

impl Judgement {
    fn of(servable: Servable) -> Self {
        match servable {
            Servable::Fresh | Servable::Due => Self::Fresh,
            Servable::Stale => Self::Stale,
            Servable::Replaced => Self::Replaced,
            Servable::No(reason) => match reason {
                Unservable::Expired => Self::Expired,
                Unservable::Cleared => Self::Cleared,
                Unservable::TagInvalidated => Self::TagInvalidated,
                Unservable::BornAhead => Self::BornAhead,
                Unservable::NotAsked => Self::NotAsked,
                Unservable::StampUnknown | Unservable::Unproven => Self::Unproven,
                // What follows the first of these is said of reads alone.
                Unservable::Removed
                | Unservable::Absent
                | Unservable::Older
                | Unservable::Unreadable
                | Unservable::InputsChanged
                | Unservable::TooOld => Self::Removed,
            },
        }
    }

    /// Whether a read may answer with it, fresh or in grace.
    #[must_use]
    pub fn is_servable(self) -> bool {
        matches!(self, Self::Fresh | Self::Stale)
    }

    /// Returns its name: `fresh`, `tag_invalidated`, ...
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fresh => "fresh",
            Self::Stale => "stale",
            Self::Replaced => "replaced",
            Self::Expired => "expired",
            Self::Cleared => "cleared",
            Self::TagInvalidated => "tag_invalidated",
            Self::Removed => "removed",
            Self::Unproven => "unproven",
            Self::BornAhead => "born_ahead",
            Self::NotAsked => "not_asked",
        }
    }
}

impl fmt::Display for Judgement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl KeyReport {
    /// Returns where the key is held, whatever may be made of it: `"memory"`, and names of tiers.
    pub fn held_in(&self) -> impl Iterator<Item = &'static str> {
        self.places().map(|(place, _)| place)
    }

    /// Returns the place, and its entry, by which a read is answered that waits for no fresh value: memory; else
    /// the first tier that has a fresh one; else the tier whose value in grace was born last. `None` if a read
    /// has to load.
    #[must_use]
    pub fn served_from(&self) -> Option<(&'static str, &HeldEntry)> {
        if let Some(held) = self.memory.as_ref().filter(|held| held.judgement.is_servable()) {
            return Some(("memory", held));
        }
        let fresh = self.places().find(|(_, held)| held.judgement == Judgement::Fresh);
        let stale = || self.places().filter(|(_, held)| held.judgement == Judgement::Stale);
        // Of equal births the first.
        fresh.or_else(|| stale().reduce(|one, other| if other.1.born > one.1.born { other } else { one }))
    }

    fn places(&self) -> impl Iterator<Item = (&'static str, &HeldEntry)> {
        let in_tiers = self.tiers.iter().filter_map(|tier| Some((tier.tier, tier.held.as_ref()?)));
        self.memory.iter().map(|held| ("memory", held)).chain(in_tiers)
    }
}

impl Cache {
    /// Returns what memory and each tier hold of a key of any kind: since when, for how long, with which tags, and
    /// what a read would make of it, by age and by what ended it: removals, tags, clears, missed messages. Each
    /// tier is asked once. It counts as no read.
    ///
    /// It is told what the cache as a whole knows. A region may skip a tier, or not be able to decode what is
    /// there any more; and what a region computes is held to be current, though its inputs may have changed.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> cache_facade::Result<()> {
    /// use cache_facade::{Fetched, Judgement};
    ///
    /// # let cache = cache_facade::Cache::builder().build().await?;
    /// let names = cache.region::<String>("name").ttl("1h").open()?;
    /// names.put("AAPL", Fetched::new("Apple Inc.".to_owned()).tag("apple")).await?;
    /// cache.invalidate("apple").await?;
    ///
    /// let report = cache.inspect("name", "AAPL").await?;
    /// assert_eq!(report.memory.map(|held| held.judgement), Some(Judgement::TagInvalidated));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// `Limit` or `Config` for an invalid kind or id. A tier that fails is told as such.
    pub async fn inspect(&self, kind: &str, id: &str) -> Result<KeyReport> {
        let key = Prefix::new(self.engine.namespace(), kind)?.key(id)?;
        let mut reports = self.engine.report(std::slice::from_ref(&key)).await;
        Ok(reports.pop().unwrap_or(KeyReport { key, memory: None, tiers: Vec::new() }))
    }
}

impl Engine {
    /// Reports on keys, each of whose tiers is asked once for all of them.
    pub(super) async fn report(self: &Arc<Self>, keys: &[Key]) -> Vec<KeyReport> {
        let answers = join_all(self.tiers().iter().map(|tier| tier.get(keys))).await;
        let mut stamps = StampsByKind::new();
        self.learn_stamps_by_kind(keys.iter().map(Key::kind), &mut stamps).await;
        let stamps_of = |key: &Key| stamps.get(key.kind()).copied().flatten();
        let found = || answers.iter().flatten().flat_map(|entries| keys.iter().zip(entries));
        let found = || found().filter_map(|(key, entry)| Some((key, &entry.as_ref()?.meta)));
        let is_maybe_marked = |(key, meta): &(&Key, &Meta)| {
            let marks = self.stamps().marks();
            stamps_of(key).is_some_and(|stamps| marks.is_unknown(key, meta.born, stamps.last_key_mark))
        };
        let maybe_marked = found().filter(is_maybe_marked).map(|(key, _)| key).collect();
        self.stamps().learn(found().map(|(_, meta)| meta), maybe_marked, self.tiers()).await;
        let now = self.clock().now();
        let report = |(at, key): (usize, &Key)| {
            let stamps = stamps_of(key);
            let in_tier = |(tier, answer): (&TierHandle, &Result<Vec<Option<Entry>>>)| {
                let entry = answer.as_ref().ok().and_then(|entries| entries.get(at)?.as_ref());
                HeldInTier {
                    tier: tier.name(),
                    held: entry.map(|entry| self.held_in_tier(tier, key, entry, stamps, now)),
                    error: answer.as_ref().err().cloned(),
                }
            };
            KeyReport {
                key: key.clone(),
                memory: self.held_in_memory(key, now),
                tiers: self.tiers().iter().zip(&answers).map(in_tier).collect(),
            }
        };
        keys.iter().enumerate().map(report).collect()
    }

    fn held_in_memory(&self, key: &Key, now: Timestamp) -> Option<HeldEntry> {
        let (meta, absent) = self.memory().look(key, |held| (held.meta().clone(), held.value().is_none()))?;
        let region = self.regions().of_kind(key.kind());
        let (stamps, tags) = (self.stamps_of(region.as_deref()), self.stamps().verdict(&meta, false));
        let meta = marked_in_memory(&stamps, meta, tags, now);
        let servable = match self.memory_in_use() {
            true => Servable::judge(&meta, &Known::of_memory(tags, stamps.cleared), now),
            false => Servable::No(Unservable::NotAsked),
        };
        let bytes = u64::from(meta.cost);
        Some(HeldEntry::new(&meta, absent, bytes, Judgement::of(servable), now))
    }

    fn held_in_tier(
        &self,
        tier: &TierHandle,
        key: &Key,
        entry: &Entry,
        stamps: Option<KindStamps>,
        now: Timestamp,
    ) -> HeldEntry {
        let tags = self.stamps().verdict(&entry.meta, true);
        let meta = self.bound_life(key, entry.meta.clone());
        let meta = self.marked_in_tier(&stamps.unwrap_or(KindStamps::NONE), key, meta, tags, now);
        let servable = match stamps {
            _ if self.memory().refuses(key, meta.born, now) => Servable::No(Unservable::Removed),
            None => Servable::No(Unservable::StampUnknown),
            Some(stamps) => Servable::judge(&meta, &self.known_of_tier(tier, tags, stamps.cleared, now), now),
        };
        let bytes = entry.value.as_ref().map_or(0, |blob| blob.bytes.len() as u64);
        HeldEntry::new(&meta, entry.value.is_none(), bytes, Judgement::of(servable), now)
    }
}

impl HeldEntry {
    fn new(meta: &Meta, absent: bool, bytes: u64, judgement: Judgement, now: Timestamp) -> Self {
        Self {
            born: meta.born,
            stale_at: meta.stale_at,
            dead_at: meta.dead_at,
            life_left: meta.stale_at.since(now),
            grace_left: meta.dead_at.since(now.max(meta.stale_at)),
            tags: meta.tags().to_vec(),
            etag: meta.etag().map(str::to_owned),
            absent,
            bytes,
            judgement,
        }
    }
}
