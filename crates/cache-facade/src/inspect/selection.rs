//! What is to be counted or removed: keys, patterns, kinds, tags, or everything.

use std::collections::HashSet;

use cache_core::{Key, Meta, Pattern, Prefix, Result, Tag};
use serde::Serialize;

use super::removed::Removed;
use crate::engine::Engine;

/// How many entries of memory and of each tier are examined, unless a selection says otherwise.
const DEFAULT_MAX_EXAMINED: u64 = 100_000;

/// What [`Cache::count`](crate::Cache::count) counts and
/// [`Cache::remove_selected`](crate::Cache::remove_selected) removes: whatever is named by at least one of keys,
/// patterns, kinds and tags, or everything. It takes texts as they come, which are checked when it is used. An
/// empty one selects nothing.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> cache_facade::Result<()> {
/// use cache_facade::Selection;
///
/// # let cache = cache_facade::Cache::builder().build().await?;
/// let prices = cache.region::<f64>("price").open()?;
/// prices.put_many([("AAPL", 190.5), ("AMZN", 180.0), ("MSFT", 330.0)]).await?;
///
/// let selection = Selection::new().pattern("price:A*").key("price", "MSFT");
/// assert_eq!(cache.count(&selection).await?.removed.memory, 3);
/// assert_eq!(cache.remove_selected(&selection).await?.removed.memory, 3);
/// assert_eq!(cache.count(&selection).await?.removed.memory, 0);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Selection {
    keys: Vec<(String, String)>,
    patterns: Vec<String>,
    kinds: Vec<String>,
    tags: Vec<String>,
    all: bool,
    max_examined: u64,
}

impl Default for Selection {
    fn default() -> Self {
        Self::new()
    }
}

impl Selection {
    /// Returns a selection of nothing, to which what is to be selected is added.
    #[must_use]
    pub fn new() -> Self {
        Self {
            keys: Vec::new(),
            patterns: Vec::new(),
            kinds: Vec::new(),
            tags: Vec::new(),
            all: false,
            max_examined: DEFAULT_MAX_EXAMINED,
        }
    }

    /// Adds a key of any kind.
    #[must_use]
    pub fn key(mut self, kind: impl Into<String>, id: impl Into<String>) -> Self {
        self.keys.push((kind.into(), id.into()));
        self
    }

    /// Adds every key that matches a pattern, which is written without the cache's namespace.
    #[must_use]
    pub fn pattern(mut self, glob: impl Into<String>) -> Self {
        self.patterns.push(glob.into());
        self
    }

    /// Adds every entry of a kind.
    #[must_use]
    pub fn kind(mut self, kind: impl Into<String>) -> Self {
        self.kinds.push(kind.into());
        self
    }

    /// Adds every entry that carries a tag.
    #[must_use]
    pub fn tag(mut self, tag: impl Into<String>) -> Self {
        self.tags.push(tag.into());
        self
    }

    /// Adds every entry of every kind.
    #[must_use]
    pub fn all(mut self) -> Self {
        self.all = true;
        self
    }

    /// Bounds how many entries of memory, and of each tier, are examined for a count, the entries of single keys
    /// aside; default: 100,000. What is beyond is removed all the same, and not counted.
    #[must_use]
    pub fn examine_at_most(mut self, entries: u64) -> Self {
        self.max_examined = entries;
        self
    }
}

/// How many values a removal ends, or would end.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct RemovalCount {
    /// How many, in memory and in each tier.
    pub removed: Removed,
    /// Whether that is all. Otherwise there was more than is examined, or a tier failed, can't list what it
    /// holds, or is still under way, and then is left out of `removed.tiers`.
    pub complete: bool,
}

/// A selection whose parts are known to be valid, for one cache.
#[derive(Clone, Debug)]
pub(super) struct Selected {
    pub(super) keys: HashSet<Key>,
    /// Over whole keys, namespace included.
    pub(super) patterns: Vec<Pattern>,
    pub(super) kinds: HashSet<String>,
    pub(super) tags: HashSet<Tag>,
    pub(super) all: bool,
    pub(super) max_examined: u64,
}

/// How it is judged whether what is selected was alive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CountedBy {
    /// It is removed from each tier, which counts by age alone.
    Age,
    /// It is ended by a stamp, and counts if no earlier one has ended it.
    Stamps,
}

impl Selected {
    /// # Errors
    ///
    /// `Config` or `Limit` for the first part that is not valid.
    pub(super) fn new(engine: &Engine, selection: &Selection) -> Result<Self> {
        let space = engine.namespace();
        let keys = selection.keys.iter().map(|(kind, id)| Prefix::new(space, kind)?.key(id));
        let patterns = selection.patterns.iter().map(|glob| Ok(engine.within(&Pattern::glob(glob)?)));
        let kinds = selection.kinds.iter().map(|kind| Prefix::new(space, kind).map(|_| kind.clone()));
        Ok(Self {
            keys: keys.collect::<Result<_>>()?,
            patterns: patterns.collect::<Result<_>>()?,
            kinds: kinds.collect::<Result<_>>()?,
            tags: selection.tags.iter().map(|tag| Tag::new(tag)).collect::<Result<_>>()?,
            all: selection.all,
            max_examined: selection.max_examined,
        })
    }

    /// The same without what is removed key by key.
    pub(super) fn by_stamps(&self) -> Self {
        Self { keys: HashSet::new(), patterns: Vec::new(), ..self.clone() }
    }

    /// Whether there is something that a stamp ends.
    pub(super) fn has_stamps(&self) -> bool {
        self.all || !self.kinds.is_empty() || !self.tags.is_empty()
    }

    /// Returns the patterns of which all but the single keys of this selection match one. A key may match several.
    pub(super) fn sources(&self, engine: &Engine) -> Vec<Pattern> {
        if self.all || !self.tags.is_empty() {
            return vec![engine.within(&Pattern::starting_with(""))];
        }
        let kinds = self.kinds.iter().map(|kind| engine.within(&Pattern::kind(kind)));
        self.patterns.iter().cloned().chain(kinds).collect()
    }

    /// Returns how an entry counts that was found by a source; `None` if it is not selected, or by its key,
    /// which is looked up by itself.
    pub(super) fn counted_by(&self, key: &Key, meta: &Meta) -> Option<CountedBy> {
        if self.keys.contains(key) {
            return None;
        }
        if self.patterns.iter().any(|pattern| pattern.matches(key)) {
            return Some(CountedBy::Age);
        }
        let tagged = || meta.tags().iter().any(|tag| self.tags.contains(tag));
        (self.all || self.kinds.contains(key.kind()) || tagged()).then_some(CountedBy::Stamps)
    }
}
