//! Groups of keys by pattern, whose reads are counted apart.

use cache_core::{Key, Pattern};

/// The most groups of keys: each is a label of a metric.
pub const MOST_KEY_GROUPS: usize = 32;

/// The group of a key that is in none.
pub(super) const NO_GROUP: u8 = u8::MAX;

/// Reads of a group: estimates for all of its keys, from a sample.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct GroupReads {
    pub(crate) reads: f64,
    pub(crate) hits: f64,
}

/// The groups, in the order in which a key is looked for.
#[derive(Debug, Default)]
pub(super) struct Groups(Vec<(String, Pattern, GroupReads)>);

impl Groups {
    pub(super) fn new(patterns: Vec<(String, Pattern)>) -> Self {
        Self(patterns.into_iter().map(|(name, pattern)| (name, pattern, GroupReads::default())).collect())
    }

    /// Returns the group of a key: the first whose pattern it matches.
    pub(super) fn of(&self, key: &Key) -> u8 {
        let at = self.0.iter().position(|(_, pattern, _)| pattern.matches(key));
        at.and_then(|at| u8::try_from(at).ok()).unwrap_or(NO_GROUP)
    }

    /// Counts reads of a key, each of which stands for several.
    pub(super) fn count(&mut self, group: u8, reads: u32, is_hit: bool, rate: f64) {
        if let Some((_, _, counted)) = self.0.get_mut(usize::from(group)) {
            let reads = f64::from(reads) / rate;
            counted.reads += reads;
            counted.hits += if is_hit { reads } else { 0.0 };
        }
    }

    pub(super) fn all(&self) -> Vec<(String, GroupReads)> {
        self.0.iter().map(|(name, _, counted)| (name.clone(), *counted)).collect()
    }

    pub(super) fn reset(&mut self) {
        self.0.iter_mut().for_each(|(_, _, counted)| *counted = GroupReads::default());
    }
}
