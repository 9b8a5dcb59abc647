//! What marks make of the metadata of an entry: what was marked is stale from then on.

use cache_core::{Freshness, Key, Meta, Timestamp};

use super::stamps::{TagVerdict, kinds::KindStamps};
use crate::{
    answer::Found,
    engine::Engine,
    region::{Cacheable, Region},
};

impl<V: Cacheable> Region<V> {
    /// Whether an answer that a flight has given is fresh, and was not marked stale since.
    pub(crate) fn is_still_fresh(&self, key: &Key, found: &Found<V>, now: Timestamp) -> bool {
        self.marked_since_load(key, found.meta.clone(), now).freshness(now) == Freshness::Fresh
    }

    /// Returns the metadata of what a load brought, marked stale if it was marked in any way.
    pub(crate) fn marked_since_load(&self, key: &Key, meta: Meta, now: Timestamp) -> Meta {
        let of_kind = self.core.stamps();
        let of_key = self.engine.stamps().marks().of(key, meta.born, of_kind.last_key_mark);
        let tags = self.engine.stamps().verdict(&meta, false);
        let at = mark_of(&of_kind, &meta, tags).max(of_key);
        marked(meta, at, now)
    }

    /// Marks what came into memory just now, if it was marked before.
    pub(crate) fn mark_stored(&self, key: &Key, born: Timestamp) {
        let marks = self.engine.stamps().marks();
        if let Some(at) = marks.of(key, born, self.core.stamps().last_key_mark) {
            self.engine.memory().mark_key_stale(key, at, at.min(self.engine.clock().now()));
        }
    }
}

impl Engine {
    /// Returns the metadata of what a tier holds of a kind with these `stamps`, marked stale if it was marked in
    /// any way.
    pub(crate) fn marked_in_tier(
        &self,
        stamps: &KindStamps,
        key: &Key,
        meta: Meta,
        tags: TagVerdict,
        now: Timestamp,
    ) -> Meta {
        let of_key = self.stamps().marks().of_stored(key, meta.born, stamps.last_key_mark);
        let at = mark_of(stamps, &meta, tags).max(of_key);
        marked(meta, at, now)
    }
}

/// Returns the metadata of what memory holds of a kind with these `stamps`, marked stale if the kind or a tag was:
/// the marks of keys and patterns are in it already.
pub(crate) fn marked_in_memory(stamps: &KindStamps, meta: Meta, tags: TagVerdict, now: Timestamp) -> Meta {
    let at = mark_of(stamps, &meta, tags);
    marked(meta, at, now)
}

/// When it was marked stale, by its kind or a tag.
fn mark_of(stamps: &KindStamps, meta: &Meta, tags: TagVerdict) -> Option<Timestamp> {
    let of_kind = Some(stamps.marked).filter(|at| meta.born <= *at);
    let of_tag = match tags {
        TagVerdict::Marked(at) => Some(at),
        _ => None,
    };
    of_kind.max(of_tag)
}

/// Returns the metadata, marked stale at `at`. Births, and marks, may be ahead of the clock.
fn marked(meta: Meta, at: Option<Timestamp>, now: Timestamp) -> Meta {
    match at {
        Some(at) => meta.marked_stale(at.min(now)),
        None => meta,
    }
}
