//! Stamps: up to when the entries of a tag, of a kind, or all of them are dead.
//!
//! A stamp is kept in every tier as an entry of the cache's own whose `born` is the stamp, so tiers
//! merge stamps as they merge entries: the later one wins. In memory a stamp is known or unknown. A
//! stamp that could not be read stays unknown, and an entry that it may concern is not served from a tier.

use std::{
    collections::HashMap,
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

use cache_core::{Entry, Key, Meta, Prefix, Result, Tag, Timestamp, Ttl, sync::RwLock};
use futures_util::future::join_all;

use crate::tier::handle::TierHandle;

/// How many tags are remembered. Past that all are forgotten, and read from the tiers again when needed.
const MAX_TAGS: usize = 65_536;

/// What the stamps of an entry's tags say of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TagVerdict {
    Alive,
    Invalidated,
    /// A stamp of one of its tags has to be read from the tiers first.
    Unknown,
}

/// The stamps known to this process.
#[derive(Debug)]
pub(crate) struct Stamps {
    tags: RwLock<HashMap<Tag, Stamp>>,
    /// The latest stamp of any tag: an entry born after it needs no look at its tags.
    newest: AtomicI64,
    /// The latest stamp that was forgotten: only known stamps can concern an entry born after it.
    floor: AtomicI64,
    tag_prefix: Prefix,
    kind_prefix: Prefix,
    all_key: Key,
    probe_key: Key,
    life: Duration,
}

#[derive(Clone, Copy, Debug)]
struct Stamp {
    /// [`Timestamp::MIN`] if the tag is known to have no stamp.
    at: Timestamp,
    /// Some tier may not have it, so it must not be forgotten.
    pinned: bool,
}

impl Stamps {
    /// Makes a store of stamps that are kept for `life`, which has to be longer than any entry's.
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

    /// The key that is written to a tier to find out whether it takes writes.
    pub(crate) fn probe_key(&self) -> &Key {
        &self.probe_key
    }

    /// Returns the entry that carries a stamp in a tier.
    pub(crate) fn entry(&self, at: Timestamp) -> Entry {
        Entry::absent(Meta::new(at, Ttl::new(self.life)))
    }

    /// Ends what carries `tag` and was born at `at` or before. The stamp is not forgotten before
    /// [`Stamps::unpin`], since some tier may not have it.
    pub(crate) fn raise(&self, tag: &Tag, at: Timestamp) {
        self.remember(tag, Stamp { at, pinned: true });
        self.newest.fetch_max(at.as_micros(), Ordering::Release);
    }

    /// As [`Stamps::raise`], for a stamp that another node has written to the tiers.
    pub(crate) fn raise_unpinned(&self, tag: &Tag, at: Timestamp) {
        self.remember(tag, Stamp { at, pinned: false });
        self.newest.fetch_max(at.as_micros(), Ordering::Release);
    }

    /// Forgets the stamps that every tier has, so that they are read again.
    pub(crate) fn forget(&self) {
        self.forget_unpinned(&mut self.tags.write());
    }

    /// Notes that every tier has the stamp of `tag` raised at `at`.
    pub(crate) fn unpin(&self, tag: &Tag, at: Timestamp) {
        let mut tags = self.tags.write();
        if let Some(stamp) = tags.get_mut(tag)
            && stamp.at <= at
        {
            stamp.pinned = false;
        }
    }

    /// Returns what is known about an entry with this `meta`. An entry `found_in_tier` may be subject to
    /// stamps from before this process; one that memory holds only to stamps that this process has seen.
    #[inline]
    pub(crate) fn verdict(&self, meta: &Meta, found_in_tier: bool) -> TagVerdict {
        if meta.tags().is_empty() || !found_in_tier && meta.born > self.newest() {
            return TagVerdict::Alive;
        }
        let floor = Timestamp::from_micros(self.floor.load(Ordering::Acquire));
        let tags = self.tags.read();
        let mut verdict = TagVerdict::Alive;
        for tag in meta.tags() {
            match tags.get(tag) {
                Some(stamp) if meta.born <= stamp.at => return TagVerdict::Invalidated,
                Some(_) => {}
                None if found_in_tier || meta.born <= floor => verdict = TagVerdict::Unknown,
                None => {}
            }
        }
        verdict
    }

    /// Returns the latest known stamp of any tag of `meta`.
    pub(crate) fn latest(&self, meta: &Meta) -> Timestamp {
        let tags = self.tags.read();
        let stamps = meta.tags().iter().filter_map(|tag| tags.get(tag)).map(|stamp| stamp.at);
        stamps.fold(Timestamp::MIN, Timestamp::max)
    }

    /// Reads the stamps of the tags of `metas` that are not known. If a tier fails, they stay unknown.
    pub(crate) async fn learn<'a>(&self, metas: impl Iterator<Item = &'a Meta>, tiers: &[TierHandle]) {
        let mut unknown: Vec<Tag> = {
            let tags = self.tags.read();
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
        let Ok(stamps) = read(&keys, tiers).await else { return };
        let floor = match tiers {
            [] => Timestamp::from_micros(self.floor.load(Ordering::Acquire)),
            _ => Timestamp::MIN,
        };
        for (tag, at) in unknown.iter().zip(stamps) {
            self.remember(tag, Stamp { at: at.max(floor), pinned: false });
        }
    }

    /// Returns the latest stamp of any tag.
    #[inline]
    pub(crate) fn newest(&self) -> Timestamp {
        Timestamp::from_micros(self.newest.load(Ordering::Acquire))
    }

    fn forget_unpinned(&self, tags: &mut HashMap<Tag, Stamp>) {
        let latest = tags.extract_if(|_, known| !known.pinned).map(|(_, known)| known.at).max();
        if let Some(at) = latest {
            self.floor.fetch_max(at.as_micros(), Ordering::AcqRel);
        }
    }

    fn remember(&self, tag: &Tag, stamp: Stamp) {
        let mut tags = self.tags.write();
        if tags.len() >= MAX_TAGS && !tags.contains_key(tag) {
            self.forget_unpinned(&mut tags);
        }
        let known = tags.entry(tag.clone()).or_insert(stamp);
        *known = Stamp { at: known.at.max(stamp.at), pinned: known.pinned || stamp.pinned };
    }
}

/// Returns the stamps kept under `keys`: of each the latest that any tier has.
///
/// # Errors
///
/// The error of a tier that could not be read: none of the stamps is known then.
pub(crate) async fn read(keys: &[Key], tiers: &[TierHandle]) -> Result<Vec<Timestamp>> {
    let mut stamps = vec![Timestamp::MIN; keys.len()];
    for answers in join_all(tiers.iter().map(|tier| tier.get(keys))).await {
        for (stamp, entry) in stamps.iter_mut().zip(answers?) {
            *stamp = entry.map_or(*stamp, |entry| entry.meta.born.max(*stamp));
        }
    }
    Ok(stamps)
}
