//! Stamps: up to when the entries of a tag, of a kind, or all of them are dead.
//!
//! A stamp is kept in every tier as an entry of the cache's own whose `born` is the stamp, so tiers
//! merge stamps as they merge entries: the later one wins. In memory it is known or not known; a
//! stamp that could not be read stays unknown, and what depends on it isn't served.

use std::{
    collections::HashMap,
    sync::{
        PoisonError, RwLock,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use cache_core::{Entry, Key, Meta, Prefix, Result, Tag, Timestamp, Ttl};
use futures_util::future::join_all;

use crate::tier::handle::Slot;

/// How many tags are remembered here; more are read again from the tiers.
const CAPACITY: usize = 65_536;

/// What a stamp says of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Alive,
    Dead,
    /// A stamp that bears on it has to be read from the tiers first.
    Unknown,
}

/// The stamps known to this process.
#[derive(Debug)]
pub(crate) struct Stamps {
    tags: RwLock<HashMap<Tag, Stamp>>,
    /// The latest stamp of any tag: what was born after it needs no look at its tags.
    newest: AtomicI64,
    /// The latest stamp forgotten here: what was born after it is subject to no stamp but known ones.
    floor: AtomicI64,
    tag_prefix: Prefix,
    kind_prefix: Prefix,
    all_key: Key,
    probe_key: Key,
    life: Duration,
}

#[derive(Clone, Copy, Debug)]
struct Stamp {
    /// [`Timestamp::MIN`]: known to have none.
    at: Timestamp,
    /// Some tier doesn't have it, so it must not be forgotten here.
    pinned: bool,
}

impl Stamps {
    /// `life` is how long stamps are kept: longer than any entry.
    pub(crate) fn new(namespace: Option<&str>, life: Duration) -> Result<Self> {
        let prefix = |kind| Prefix::new(namespace, kind).map(|prefix| prefix.reserved());
        Ok(Self {
            tags: RwLock::default(),
            newest: AtomicI64::new(Timestamp::MIN.as_micros()),
            floor: AtomicI64::new(Timestamp::MIN.as_micros()),
            tag_prefix: prefix("tag")?,
            kind_prefix: prefix("kind")?,
            all_key: prefix("all")?.key("")?,
            probe_key: prefix("probe")?.key("")?,
            life,
        })
    }

    pub(crate) fn tag_key(&self, tag: &Tag) -> Result<Key> {
        self.tag_prefix.key(tag.as_str())
    }

    pub(crate) fn kind_key(&self, kind: &str) -> Result<Key> {
        self.kind_prefix.key(kind)
    }

    pub(crate) fn all_key(&self) -> &Key {
        &self.all_key
    }

    /// What is written to a tier to see whether it takes writes.
    pub(crate) fn probe_key(&self) -> &Key {
        &self.probe_key
    }

    /// The entry that carries a stamp in a tier.
    pub(crate) fn entry(&self, at: Timestamp) -> Entry {
        Entry::absent(Meta::new(at, Ttl::new(self.life)))
    }

    /// Kills what carries `tag` and was born at `at` or before. Pinned until every tier has it.
    pub(crate) fn raise(&self, tag: &Tag, at: Timestamp) {
        self.remember(tag, Stamp { at, pinned: true });
        self.newest.fetch_max(at.as_micros(), Ordering::Release);
    }

    /// As [`Stamps::raise`], of a stamp that another node has written.
    pub(crate) fn hear(&self, tag: &Tag, at: Timestamp) {
        self.remember(tag, Stamp { at, pinned: false });
        self.newest.fetch_max(at.as_micros(), Ordering::Release);
    }

    /// Forgets what the tiers can tell, to be read from them again.
    pub(crate) fn forget(&self) {
        self.drop_known(&mut self.tags.write().unwrap_or_else(PoisonError::into_inner));
    }

    /// Every tier has the stamp of `tag` raised at `at`.
    pub(crate) fn unpin(&self, tag: &Tag, at: Timestamp) {
        let mut tags = self.tags.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(stamp) = tags.get_mut(tag)
            && stamp.at <= at
        {
            stamp.pinned = false;
        }
    }

    /// What is known here about an entry with this `meta`. `found_in_tier` entries may carry stamps
    /// from before this process; what was born in memory is subject to none that it didn't see.
    #[inline]
    pub(crate) fn verdict(&self, meta: &Meta, found_in_tier: bool) -> Verdict {
        if meta.tags().is_empty() || !found_in_tier && meta.born > self.newest() {
            return Verdict::Alive;
        }
        let floor = Timestamp::from_micros(self.floor.load(Ordering::Acquire));
        let tags = self.tags.read().unwrap_or_else(PoisonError::into_inner);
        let mut verdict = Verdict::Alive;
        for tag in meta.tags() {
            match tags.get(tag) {
                Some(stamp) if meta.born <= stamp.at => return Verdict::Dead,
                Some(_) => {}
                None if found_in_tier || meta.born <= floor => verdict = Verdict::Unknown,
                None => {}
            }
        }
        verdict
    }

    /// The latest known stamp that bears on `meta`.
    pub(crate) fn latest(&self, meta: &Meta) -> Timestamp {
        let tags = self.tags.read().unwrap_or_else(PoisonError::into_inner);
        let stamps = meta.tags().iter().filter_map(|tag| tags.get(tag)).map(|stamp| stamp.at);
        stamps.fold(Timestamp::MIN, Timestamp::max)
    }

    /// Reads the stamps of the tags among `metas` that are not known here. If some tier can't be
    /// asked, they stay unknown.
    pub(crate) async fn learn<'a>(&self, metas: impl Iterator<Item = &'a Meta>, slots: &[Slot]) {
        let mut unknown: Vec<Tag> = {
            let tags = self.tags.read().unwrap_or_else(PoisonError::into_inner);
            metas.flat_map(Meta::tags).filter(|tag| !tags.contains_key(*tag)).cloned().collect()
        };
        unknown.sort_unstable();
        unknown.dedup();
        let Ok(keys) = unknown.iter().map(|tag| self.tag_key(tag)).collect::<Result<Vec<Key>>>() else {
            return;
        };
        if keys.is_empty() {
            return;
        }
        let Ok(stamps) = read(&keys, slots).await else { return };
        let floor = match slots {
            [] => Timestamp::from_micros(self.floor.load(Ordering::Acquire)),
            _ => Timestamp::MIN,
        };
        for (tag, at) in unknown.iter().zip(stamps) {
            self.remember(tag, Stamp { at: at.max(floor), pinned: false });
        }
    }

    /// The latest stamp that this process raised on any tag.
    #[inline]
    pub(crate) fn newest(&self) -> Timestamp {
        Timestamp::from_micros(self.newest.load(Ordering::Acquire))
    }

    fn drop_known(&self, tags: &mut HashMap<Tag, Stamp>) {
        let gone = tags.extract_if(|_, known| !known.pinned).map(|(_, known)| known.at).max();
        if let Some(at) = gone {
            self.floor.fetch_max(at.as_micros(), Ordering::AcqRel);
        }
    }

    fn remember(&self, tag: &Tag, stamp: Stamp) {
        let mut tags = self.tags.write().unwrap_or_else(PoisonError::into_inner);
        if tags.len() >= CAPACITY && !tags.contains_key(tag) {
            self.drop_known(&mut tags);
        }
        let known = tags.entry(tag.clone()).or_insert(stamp);
        *known = Stamp { at: known.at.max(stamp.at), pinned: known.pinned || stamp.pinned };
    }
}

/// The stamps kept under `keys`: of each the latest that any tier has.
///
/// # Errors
///
/// If a tier could not be asked: then none of them is known.
pub(crate) async fn read(keys: &[Key], slots: &[Slot]) -> Result<Vec<Timestamp>> {
    let mut stamps = vec![Timestamp::MIN; keys.len()];
    for answers in join_all(slots.iter().map(|slot| slot.get(keys))).await {
        for (stamp, entry) in stamps.iter_mut().zip(answers?) {
            *stamp = entry.map_or(*stamp, |entry| entry.meta.born.max(*stamp));
        }
    }
    Ok(stamps)
}
