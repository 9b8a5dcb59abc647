//! Marks of single keys and of patterns: up to when what they name is stale.
//!
//! What memory holds is marked when the mark is made, or heard of, so that a read looks at nothing but its life.
//! What comes into memory later, and what a tier holds, is compared with the marks that are known here. That of a
//! key is a stamp in the tiers, read when an entry is found that was born before the last mark of its kind. Those
//! of patterns are few, and one entry: see `pattern_marks.rs`.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use cache_core::{Clock, Key, Prefix, Result, Timestamp, sync::Mutex};

use super::{
    pattern_marks::PatternMarks,
    stamps::{StampKind, StampStore},
};

/// How many keys are remembered. Past that the oldest are forgotten, and read from the tiers again when needed.
const MAX_KEYS: usize = 65_536;

/// Of how many keys of one kind a node keeps marks in the tiers, which live long and are never evicted. Past that
/// the kind is marked, which takes one stamp.
const MAX_KEYS_OF_KIND: usize = 1024;

/// The marks known to this process.
#[derive(Debug)]
pub(crate) struct StaleMarks {
    pub(super) keys: StampStore<Key>,
    pub(super) patterns: PatternMarks,
    /// The keys whose marks this node has written to the tiers, by kind, since it last marked the kind.
    written: Mutex<HashMap<String, HashSet<Key>>>,
    key_prefix: Prefix,
    kind_prefix: Prefix,
}

impl StaleMarks {
    pub(super) fn new(
        prefix: impl Fn(&str) -> Result<Prefix>,
        life: Duration,
        clock: &Clock,
    ) -> Result<Self> {
        Ok(Self {
            keys: StampStore::new(MAX_KEYS, clock.clone()),
            patterns: PatternMarks::new(prefix("stale-patterns")?.key("")?, life),
            written: Mutex::default(),
            key_prefix: prefix("stale-key")?,
            kind_prefix: prefix("stale-keys")?,
        })
    }

    /// The key under which the mark of a key is kept.
    pub(super) fn mark_key(&self, key: &Key) -> Result<Key> {
        self.key_prefix.key(key.as_str())
    }

    /// The key under which the last mark of any key of a kind is kept.
    pub(super) fn last_of_kind_key(&self, kind: &str) -> Result<Key> {
        self.kind_prefix.key(kind)
    }

    /// The key under which the marks of patterns are kept.
    pub(super) fn patterns_key(&self) -> &Key {
        self.patterns.key()
    }

    /// Notes that the marks of these keys of a kind are to be kept in the tiers. Returns whether they are too many
    /// with those that are there: then the kind is to be marked.
    pub(super) fn are_too_many(&self, kind: &str, keys: &[&Key]) -> bool {
        let mut written = self.written.lock();
        if written.values().map(HashSet::len).sum::<usize>() > MAX_KEYS {
            // Of very many kinds.
            written.clear();
        }
        let of_kind = written.entry(kind.to_owned()).or_default();
        let new = keys.iter().filter(|key| !of_kind.contains(**key)).count();
        let are_too_many = of_kind.len() + new > MAX_KEYS_OF_KIND;
        if !are_too_many {
            of_kind.extend(keys.iter().copied().cloned());
        }
        are_too_many
    }

    /// Returns the keys of the marks that this node has written of a kind, which is marked now and needs them no
    /// longer.
    pub(super) fn outdone_by_kind(&self, kind: &str) -> Vec<Key> {
        let keys = self.written.lock().remove(kind).unwrap_or_default();
        keys.iter().filter_map(|key| self.mark_key(key).ok()).collect()
    }

    /// Whether it is to be learned if a key is marked of which a tier holds something: `last` is the last mark of
    /// any key of its kind.
    pub(crate) fn is_unknown(&self, key: &Key, born: Timestamp, last: Timestamp) -> bool {
        born <= last && !self.keys.of(StampKind::Mark, key).complete
    }

    /// Returns the latest mark of a key or of a pattern that it matches, if what a load or a put brings, born at
    /// `born`, is stale by it. A mark that was forgotten is no later than `last`, the last mark of any key of the
    /// kind.
    pub(crate) fn of(&self, key: &Key, born: Timestamp, last: Timestamp) -> Option<Timestamp> {
        if born > self.newest() {
            return None;
        }
        self.latest(key, born, |forgotten| forgotten.min(last))
    }

    /// The same for what a tier holds. Where it could not be learned whether the key is marked, it is taken for
    /// marked at `last`, the last mark of any key of its kind.
    pub(crate) fn of_stored(&self, key: &Key, born: Timestamp, last: Timestamp) -> Option<Timestamp> {
        if born > self.newest().max(last) {
            return None;
        }
        // Of one of which no mark could be kept there is none.
        self.latest(key, born, |_| if self.mark_key(key).is_ok() { last } else { Timestamp::MIN })
    }

    fn latest(
        &self,
        key: &Key,
        born: Timestamp,
        unless_known: impl FnOnce(Timestamp) -> Timestamp,
    ) -> Option<Timestamp> {
        let mark = self.keys.of(StampKind::Mark, key);
        let of_key = if mark.complete { mark.at } else { mark.at.max(unless_known(mark.floor)) };
        let latest = of_key.max(self.patterns.latest(key));
        (born <= latest).then_some(latest)
    }

    /// Returns the latest mark of any key or pattern.
    fn newest(&self) -> Timestamp {
        self.keys.newest(StampKind::Mark).max(self.patterns.newest())
    }
}
