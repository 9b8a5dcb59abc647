//! Marks of patterns: up to when the keys that match are stale.
//!
//! Tiers can't say which keys begin with a text, so all marks of patterns are one entry of the cache's own, which
//! a node reads with the stamps of kinds. Whoever marks a pattern adds it to those that are there. Two nodes that
//! do so at one moment may each miss the other's, and the later born entry stays; so a node that hears of
//! another's looks whether its own are still there, and writes them again if not.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use cache_core::{Blob, Codec, Entry, Key, Meta, Pattern, Timestamp, Ttl, sync::RwLock};
use futures_util::future::join_all;

use super::stamps;
use crate::engine::Engine;

/// How many patterns are kept. Past that the older half of them becomes one that every key matches.
const MAX_PATTERNS: usize = 128;

/// The version of how they are stored.
const SCHEMA: u32 = 1;

/// The marks of patterns that are known to this process.
#[derive(Debug)]
pub(super) struct PatternMarks {
    marks: RwLock<Vec<PatternMark>>,
    /// The latest of them, in microseconds: what was born after it needs no look.
    newest: AtomicI64,
    /// The key that they are kept under.
    key: Key,
    /// How long they are kept: longer than any entry lives that they concern.
    life: Duration,
}

#[derive(Clone, Debug)]
struct PatternMark {
    pattern: Pattern,
    at: Timestamp,
    /// Whether this node made it.
    own: bool,
}

impl PatternMarks {
    pub(super) fn new(key: Key, life: Duration) -> Self {
        Self { marks: RwLock::default(), newest: AtomicI64::new(Timestamp::MIN.as_micros()), key, life }
    }

    pub(super) fn key(&self) -> &Key {
        &self.key
    }

    /// Returns the latest mark of any pattern that the key matches.
    pub(super) fn latest(&self, key: &Key) -> Timestamp {
        let marks = self.marks.read();
        let matching = marks.iter().filter(|mark| mark.pattern.matches(key)).map(|mark| mark.at);
        matching.max().unwrap_or(Timestamp::MIN)
    }

    /// Returns the latest mark of any pattern.
    pub(super) fn newest(&self) -> Timestamp {
        Timestamp::from_micros(self.newest.load(Ordering::Acquire))
    }

    /// Adds a mark, of this node's `own` making or another's.
    pub(super) fn add(&self, pattern: &Pattern, at: Timestamp, own: bool, now: Timestamp) {
        let mut marks = self.marks.write();
        marks.retain(|mark| now < mark.at.after(self.life));
        match marks.iter_mut().find(|mark| mark.pattern == *pattern) {
            Some(mark) => (mark.at, mark.own) = (mark.at.max(at), mark.own || own),
            None => marks.push(PatternMark { pattern: pattern.clone(), at, own }),
        }
        if marks.len() > MAX_PATTERNS {
            marks.sort_unstable_by_key(|mark| mark.at);
            let older: Vec<PatternMark> = marks.drain(..MAX_PATTERNS / 2).collect();
            let at = older.iter().map(|mark| mark.at).max().unwrap_or(at);
            // What they name can't be told any more: too much is stale by it, and nothing too little.
            marks.push(PatternMark { pattern: Pattern::starting_with(""), at, own: true });
        }
        drop(marks);
        self.newest.fetch_max(at.as_micros(), Ordering::AcqRel);
    }

    /// Returns all of them, as they are stored.
    fn stored(&self) -> Vec<(String, i64)> {
        self.marks.read().iter().map(|mark| (mark.pattern.to_string(), mark.at.as_micros())).collect()
    }

    /// Whether a mark that this node made is not among the `stored`.
    fn is_own_missing(&self, stored: &[(String, i64)]) -> bool {
        let is_stored = |mark: &PatternMark| {
            let is_later = |stored: &(String, i64)| stored.1 >= mark.at.as_micros();
            let text = mark.pattern.to_string();
            stored.iter().any(|stored| is_later(stored) && (stored.0 == text || stored.0 == "*"))
        };
        self.marks.read().iter().any(|mark| mark.own && !is_stored(mark))
    }
}

impl Engine {
    /// Takes note of the marks of patterns that the tiers have, one entry each, and writes them again if some that
    /// this node made are missing.
    pub(super) fn note_pattern_marks(self: &Arc<Self>, entries: &[Entry]) {
        let complete = entries.iter().filter(|entry| self.note_pattern_marks_of(entry)).count();
        if complete < self.tiers().len() && self.stamps().marks().patterns.is_own_missing(&[]) {
            let engine = Arc::clone(self);
            self.spawn(async move { engine.write_pattern_marks().await });
        }
    }

    /// Takes note of those that a tier has. Returns whether all that this node made are among them.
    fn note_pattern_marks_of(&self, Entry { value, meta }: &Entry) -> bool {
        let (marks, now) = (self.stamps().marks(), self.clock().now());
        // Of what can't be read nobody knows what it names.
        let unreadable = || vec![("*".to_owned(), meta.born.as_micros())];
        let stored = value.as_ref().map(|blob| blob.decode(SCHEMA).unwrap_or_else(|_| unreadable()));
        let stored: Vec<(String, i64)> = stored.unwrap_or_default();
        for (text, at) in &stored {
            let at = Timestamp::from_micros(*at);
            if let Ok(pattern) = Pattern::glob(text).or_else(|_| Pattern::glob("*")) {
                marks.patterns.add(&pattern, at, false, now);
            }
        }
        !marks.patterns.is_own_missing(&stored)
    }

    /// Adds to the marks of patterns that the tiers have those that this node made.
    pub(super) async fn write_pattern_marks(&self) {
        let patterns = &self.stamps().marks().patterns;
        let keys = [patterns.key().clone()];
        // A tier that can't be read gets what is known here.
        let found = join_all(self.tiers().iter().map(|tier| tier.get(&keys))).await;
        found.into_iter().flatten().flatten().flatten().for_each(|entry| {
            self.note_pattern_marks_of(&entry);
        });
        let Ok(blob) = Blob::encode(Codec::Bincode, SCHEMA, &patterns.stored()) else { return };
        let meta = Meta::new(self.clock().tick(), Ttl::new(patterns.life));
        self.write(&[(patterns.key().clone(), Entry::new(blob, meta))], self.tiers().iter()).await;
    }

    /// Looks whether the tiers have all marks of patterns that this node made, and writes them again if not.
    pub(super) fn check_pattern_marks(self: &Arc<Self>) {
        if self.stamps().marks().patterns.is_own_missing(&[]) {
            let engine = Arc::clone(self);
            self.spawn(async move {
                let keys = [engine.stamps().marks().patterns_key().clone()];
                if let Ok(found) = stamps::read_entries(&keys, engine.tiers()).await {
                    found.iter().for_each(|entries| engine.note_pattern_marks(entries));
                }
            });
        }
    }
}
