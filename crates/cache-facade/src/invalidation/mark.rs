//! Marks on this node first, then in the tiers, then on the other nodes; and what other nodes marked.

use std::{collections::BTreeMap, sync::Arc};

use cache_core::{Event, Key, Marked, Meta, Pattern, Result, Tag, Target, Timestamp, message::Change};
use futures_util::future::join_all;
use tokio::task::yield_now;

use super::stamps::StampKind;
use crate::engine::Engine;

impl Engine {
    pub(crate) async fn mark_tag(self: &Arc<Self>, tag: &Tag, at: Timestamp) -> Result<()> {
        let key = self.stamps().tag_key(StampKind::Mark, tag)?;
        self.clock().observe(at);
        self.stamps().raise(StampKind::Mark, tag, at);
        self.observers().tell(&Event::MarkedStale { what: Marked::Tag(tag) });
        let (engine, tag) = (Arc::clone(self), tag.clone());
        let mark = async move {
            if engine.write_stamps(&[(key, at)]).await {
                engine.stamps().unpin(StampKind::Mark, &tag, at);
            }
            engine.announce([Change::TagStale { tag: tag.as_str().to_owned(), at }]).await;
        };
        self.complete_elsewhere(mark).await;
        Ok(())
    }

    pub(crate) async fn mark_all(self: &Arc<Self>) {
        let at = self.clock().tick_removal();
        self.regions().mark_stale(at);
        self.observers().tell(&Event::MarkedStale { what: Marked::All });
        let engine = Arc::clone(self);
        let mark = async move {
            engine.write_stamps(&[(engine.stamps().all_key(StampKind::Mark).clone(), at)]).await;
            engine.announce([Change::AllStale { at }]).await;
        };
        self.complete_elsewhere(mark).await;
    }

    /// Marks every entry of a kind, be it open here or not.
    pub(crate) async fn mark_kind(self: &Arc<Self>, kind: &str) -> Result<()> {
        let mark = self.begin_mark_of_kind(kind)?;
        self.complete_elsewhere(mark).await;
        Ok(())
    }

    /// Marks a kind on this node. Returns what marks it in the tiers and on the other nodes.
    fn begin_mark_of_kind(
        self: &Arc<Self>,
        kind: &str,
    ) -> Result<impl Future<Output = ()> + Send + 'static + use<>> {
        let key = self.stamps().kind_key(StampKind::Mark, kind)?;
        let at = self.clock().tick_removal();
        self.regions().mark_kind_stale(kind, at);
        self.observers().tell(&Event::MarkedStale { what: Marked::Kind(kind) });
        let outdone = self.stamps().marks().outdone_by_kind(kind);
        let (engine, kind) = (Arc::clone(self), kind.to_owned());
        Ok(async move {
            let is_everywhere = engine.write_stamps(&[(key, at)]).await;
            engine.announce([Change::KindStale { kind, at }]).await;
            if is_everywhere && !outdone.is_empty() {
                // The tiers would keep them for twice the longest life.
                let (target, tombstone) = (Target::Keys(&outdone), engine.tombstone_born(at));
                join_all(engine.tiers().iter().map(|tier| tier.remove(target, tombstone))).await;
            }
        })
    }

    /// Marks keys, of any kinds. Of a kind of which marks of too many keys would be kept the whole is marked: too
    /// much is stale then, and nothing too little.
    ///
    /// # Errors
    ///
    /// `Limit` for a key or a kind that is too long for the key of its mark; nothing is marked then.
    pub(crate) async fn mark_keys(self: &Arc<Self>, keys: Vec<Key>) -> Result<()> {
        let marks = self.stamps().marks();
        let mut by_kind = BTreeMap::<&str, (Vec<&Key>, Vec<Key>)>::new();
        for key in &keys {
            by_kind.entry(key.kind()).or_default().0.push(key);
        }
        for (kind, (keys, stamp_keys)) in &mut by_kind {
            // What memory alone holds ends with it, and is marked in place.
            if !self.regions().of_kind(kind).is_some_and(|region| region.is_memory_only()) {
                self.stamps().kind_key(StampKind::Mark, kind)?;
                // The last mark of the kind goes first: who reads it looks for the marks of keys.
                stamp_keys.push(marks.last_of_kind_key(kind)?);
                for key in keys {
                    stamp_keys.push(marks.mark_key(key)?);
                }
            }
        }
        let at = self.clock().tick_removal();
        let (mut marked, mut stamps, mut kinds) = (Vec::new(), Vec::new(), Vec::new());
        for (kind, (keys, stamp_keys)) in by_kind {
            if !stamp_keys.is_empty() && marks.are_too_many(kind, &keys) {
                tracing::warn!(
                    kind,
                    keys = keys.len(),
                    "too many keys of a kind were marked stale one by one: the kind is marked stale as a whole"
                );
                kinds.push(self.begin_mark_of_kind(kind)?);
                continue;
            }
            for key in keys {
                self.mark_key_here(key, at, !stamp_keys.is_empty());
                self.observers().tell(&Event::MarkedStale { what: Marked::Key(key) });
                marked.push(key.clone());
            }
            stamps.extend(stamp_keys.into_iter().map(|key| (key, at)));
        }
        let engine = Arc::clone(self);
        let mark = async move {
            let marks = engine.stamps().marks();
            if engine.write_stamps(&stamps).await {
                marked.iter().for_each(|key| marks.keys.unpin(StampKind::Mark, key, at));
            }
            if !marked.is_empty() {
                engine.announce(marked.iter().map(|key| Change::KeyStale { key: key.into(), at })).await;
            }
            join_all(kinds).await;
        };
        self.complete_elsewhere(mark).await;
        Ok(())
    }

    pub(crate) async fn mark_matching(self: &Arc<Self>, pattern: Pattern) {
        let at = self.clock().tick_removal();
        let engine = Arc::clone(self);
        let mark = async move {
            engine.mark_matching_here(&pattern, at, true).await;
            engine.observers().tell(&Event::MarkedStale { what: Marked::Matching(&pattern) });
            engine.write_pattern_marks().await;
            engine.announce([Change::MatchingStale { pattern: pattern.to_string(), at }]).await;
        };
        self.run_to_completion(mark).await;
    }

    /// Marks what memory holds of a key, and what comes into it. Until every tier has the mark it is `pinned`.
    fn mark_key_here(&self, key: &Key, at: Timestamp, pinned: bool) {
        // The mark first: what is stored in between is compared with it.
        self.stamps().marks().keys.raise(StampKind::Mark, key, at, pinned);
        self.regions().note_key_mark(key.kind(), at);
        self.memory().mark_key_stale(key, at, at.min(self.clock().now()));
    }

    async fn mark_matching_here(&self, pattern: &Pattern, at: Timestamp, own: bool) {
        let (marks, now) = (self.stamps().marks(), self.clock().now());
        marks.patterns.add(pattern, at, own, now);
        let concerned = |key: &Key, meta: &Meta| meta.born <= at && pattern.matches(key);
        let marked = |key: &Key, meta: &Meta| concerned(key, meta).then(|| at.min(now));
        self.memory().mark_stale_pausing(marked, yield_now).await;
    }

    /// Marks what another node marked.
    pub(super) async fn apply_mark(self: &Arc<Self>, change: &Change) {
        match change {
            Change::TagStale { tag, at } => match Tag::new(tag) {
                Ok(tag) => {
                    self.clock().observe(*at);
                    self.stamps().raise_unpinned(StampKind::Mark, &tag, *at);
                }
                Err(_) => self.mark_memory_unproven(),
            },
            Change::KindStale { kind, at } => {
                self.clock().observe(*at);
                self.regions().mark_kind_stale(kind, *at);
            }
            Change::AllStale { at } => {
                self.clock().observe(*at);
                self.regions().mark_stale(*at);
            }
            Change::KeyStale { key, at } => {
                self.clock().observe(*at);
                if let Some(key) = self.regions().key_of(key) {
                    self.mark_key_here(&key, *at, false);
                }
            }
            Change::MatchingStale { pattern, at } => match Pattern::glob(pattern) {
                Ok(pattern) => {
                    self.clock().observe(*at);
                    self.mark_matching_here(&pattern, *at, false).await;
                    self.check_pattern_marks();
                }
                Err(_) => self.mark_memory_unproven(),
            },
            // Something changed that this version knows nothing of.
            _ => self.mark_memory_unproven(),
        }
    }
}
