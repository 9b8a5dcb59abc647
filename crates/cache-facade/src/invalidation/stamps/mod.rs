//! Stamps: up to when the entries of a tag, of a kind, or all of them are dead, or stale.
//!
//! A stamp is kept in every tier as an entry of the cache's own whose `born` is the stamp, so tiers
//! merge stamps as they merge entries: the later one wins. In memory a stamp is known or unknown. A
//! stamp that could not be read stays unknown, and an entry that it may concern is not served from a tier.
//! The two kinds have keys of their own: a mark that comes later must not hide what ended the entries before it.

pub(crate) mod kinds;
mod pins;
mod store;
mod sweep;

use std::time::Duration;

use cache_core::{Clock, Entry, Key, Meta, Prefix, Result, Tag, Timestamp, Ttl};
use futures_util::future::join_all;

pub(crate) use self::store::{StampKind, StampStore};
use super::marks::StaleMarks;
use crate::tier::handle::TierHandle;

/// How many tags are remembered. Past that the oldest are forgotten, and read from the tiers again when needed.
pub(crate) const MAX_TAGS: usize = 65_536;

/// What the stamps of an entry's tags say of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TagVerdict {
    Alive,
    /// Alive, and marked stale then.
    Marked(Timestamp),
    Invalidated,
    /// A stamp of one of its tags has to be read from the tiers first.
    Unknown,
}

/// The stamps known to this process.
#[derive(Debug)]
pub(crate) struct Stamps {
    tags: StampStore<Tag>,
    ends: StampKeys,
    marks: StampKeys,
    /// The marks of single keys and of patterns.
    of_keys: StaleMarks,
    probe_key: Key,
    life: Duration,
}

/// The keys under which stamps of one kind are kept.
#[derive(Debug)]
struct StampKeys {
    tag: Prefix,
    kind: Prefix,
    all: Key,
}

impl StampKeys {
    fn new(prefix: impl Fn(&str) -> Result<Prefix>, which: &str) -> Result<Self> {
        let of = |what: &str| prefix(&format!("{which}{what}"));
        Ok(Self { tag: of("tag")?, kind: of("kind")?, all: of("all")?.key("")? })
    }
}

impl Stamps {
    /// Returns the keys of stamps that are kept for `life`, which has to be longer than any entry's, and none that
    /// is known by now. `most` tags are remembered.
    pub(crate) fn new(namespace: Option<&str>, life: Duration, clock: &Clock, most: usize) -> Result<Self> {
        let prefix = |kind: &str| Prefix::new(namespace, kind).map(|prefix| prefix.reserved());
        Ok(Self {
            tags: StampStore::new(most, clock.clone()),
            ends: StampKeys::new(prefix, "")?,
            marks: StampKeys::new(prefix, "stale-")?,
            of_keys: StaleMarks::new(prefix, life, clock)?,
            probe_key: prefix("probe")?.key("")?,
            life,
        })
    }

    pub(crate) fn tag_key(&self, which: StampKind, tag: &Tag) -> Result<Key> {
        self.keys(which).tag.key(tag.as_str())
    }

    pub(crate) fn kind_key(&self, which: StampKind, kind: &str) -> Result<Key> {
        self.keys(which).kind.key(kind)
    }

    pub(crate) fn all_key(&self, which: StampKind) -> &Key {
        &self.keys(which).all
    }

    fn keys(&self, which: StampKind) -> &StampKeys {
        match which {
            StampKind::End => &self.ends,
            StampKind::Mark => &self.marks,
        }
    }

    /// The marks of single keys and of patterns.
    pub(crate) fn marks(&self) -> &StaleMarks {
        &self.of_keys
    }

    /// The key that is written to a tier to find out whether it takes writes.
    pub(crate) fn probe_key(&self) -> &Key {
        &self.probe_key
    }

    /// Returns the entry that carries a stamp in a tier.
    pub(crate) fn entry(&self, at: Timestamp) -> Entry {
        Entry::absent(Meta::new(at, Ttl::new(self.life)))
    }

    /// Ends, or marks, what carries `tag` and was born at `at` or before. The stamp is pinned until
    /// [`Stamps::unpin`], since some tier may not have it.
    pub(crate) fn raise(&self, which: StampKind, tag: &Tag, at: Timestamp) {
        self.tags.raise(which, tag, at, true);
    }

    /// As [`Stamps::raise`], for a stamp that another node has written to the tiers.
    pub(crate) fn raise_unpinned(&self, which: StampKind, tag: &Tag, at: Timestamp) {
        self.tags.raise(which, tag, at, false);
    }

    /// Forgets the stamps that every tier has, so that they are read again: messages were missed until `now`.
    pub(crate) fn forget(&self, now: Timestamp) {
        self.tags.forget(now);
        self.of_keys.keys.forget(now);
    }

    /// Notes that every tier has the stamp of `tag` raised at `at`.
    pub(crate) fn unpin(&self, which: StampKind, tag: &Tag, at: Timestamp) {
        self.tags.unpin(which, tag, at);
    }

    /// Returns what is known about an entry with this `meta`. An entry `found_in_tier` may be subject to
    /// stamps from before this process; one that memory holds only to stamps that this process has seen.
    #[inline]
    pub(crate) fn verdict(&self, meta: &Meta, found_in_tier: bool) -> TagVerdict {
        let is_newer = |which| meta.born > self.tags.newest(which);
        if meta.tags().is_empty() || !found_in_tier && StampKind::ALL.into_iter().all(is_newer) {
            return TagVerdict::Alive;
        }
        self.verdict_by_tags(meta, found_in_tier)
    }

    fn verdict_by_tags(&self, meta: &Meta, found_in_tier: bool) -> TagVerdict {
        let (mut unknown, mut marked) = (false, Timestamp::MIN);
        let is_dead = meta.tags().iter().any(|tag| {
            let [ended, mark] = self.tags.look(tag);
            unknown |= !ended.complete && (found_in_tier || meta.born <= ended.floor);
            // Where it is not known whether something is marked, it is.
            let unheard_of = if found_in_tier { Timestamp::MAX } else { mark.floor };
            marked = marked.max(if mark.complete { mark.at } else { mark.at.max(unheard_of) });
            meta.born <= ended.at
        });
        match unknown {
            _ if is_dead => TagVerdict::Invalidated,
            true => TagVerdict::Unknown,
            false if meta.born <= marked => TagVerdict::Marked(marked),
            false => TagVerdict::Alive,
        }
    }

    /// Returns the latest known stamp that ends any tag of `meta`.
    pub(crate) fn latest_end(&self, meta: &Meta) -> Timestamp {
        let ends = meta.tags().iter().map(|tag| self.tags.of(StampKind::End, tag).at);
        ends.max().unwrap_or(Timestamp::MIN)
    }

    /// Reads the stamps of the tags of `metas` that are not known, and the marks of the keys `marked`. If a tier
    /// fails, they stay unknown.
    pub(crate) async fn learn<'a>(
        &self,
        metas: impl Iterator<Item = &'a Meta>,
        marked: Vec<&'a Key>,
        tiers: &[TierHandle],
    ) {
        if tiers.is_empty() {
            // What was forgotten is gone for good.
            return;
        }
        let of_tags = self.tags.unknown(metas.flat_map(Meta::tags), &StampKind::ALL);
        // A key of which no mark could be kept is marked with others alone.
        let marked = marked.into_iter().filter(|key| self.of_keys.mark_key(key).is_ok());
        let of_keys = self.of_keys.keys.unknown(marked, &[StampKind::Mark]);
        let tag_keys = of_tags.stamps.iter().map(|(tag, which)| self.tag_key(*which, tag));
        let mark_keys = of_keys.stamps.iter().map(|(key, _)| self.of_keys.mark_key(key));
        let Ok(keys) = tag_keys.chain(mark_keys).collect::<Result<Vec<Key>>>() else { return };
        if keys.is_empty() {
            return;
        }
        // Boxed, since as a rule all are known.
        let Ok(stamps) = Box::pin(read(&keys, tiers)).await else { return };
        let (tag_stamps, marks) = stamps.split_at(of_tags.stamps.len());
        self.tags.learn(of_tags, tag_stamps);
        self.of_keys.keys.learn(of_keys, marks);
    }

    /// Returns the latest stamp that ended any tag.
    #[inline]
    pub(crate) fn newest_end(&self) -> Timestamp {
        self.tags.newest(StampKind::End)
    }
}

/// Returns the stamps kept under `keys`: of each the latest that any tier has.
///
/// # Errors
///
/// The error of a tier that could not be read: none of the stamps is known then.
pub(crate) async fn read(keys: &[Key], tiers: &[TierHandle]) -> Result<Vec<Timestamp>> {
    Ok(read_entries(keys, tiers).await?.iter().map(|entries| latest(entries)).collect())
}

/// Returns the latest stamp of those that tiers have under one key.
fn latest(entries: &[Entry]) -> Timestamp {
    entries.iter().map(|entry| entry.meta.born).max().unwrap_or(Timestamp::MIN)
}

/// Returns what the tiers have under each of `keys`.
///
/// # Errors
///
/// As [`read`].
pub(super) async fn read_entries(keys: &[Key], tiers: &[TierHandle]) -> Result<Vec<Vec<Entry>>> {
    let mut found: Vec<Vec<Entry>> = keys.iter().map(|_| Vec::new()).collect();
    for answers in join_all(tiers.iter().map(|tier| tier.get(keys))).await {
        found.iter_mut().zip(answers?).for_each(|(found, entry)| found.extend(entry));
    }
    Ok(found)
}
