//! Figures: what a cache can say of itself, to those who watch it.

use std::time::Duration;

use crate::{Key, Meta, Timestamp};

/// What a cache can say of itself. Reads in memory are too short to be told one by one, so it counts them.
pub trait CacheFigures: Send + Sync + 'static {
    /// Returns the namespace that the texts of all its keys begin with, if there is one.
    fn namespace(&self) -> Option<&str> {
        None
    }

    /// Tells of each kind how many reads memory answered since the start, stale ones included.
    fn memory_hits(&self, tell: &mut dyn FnMut(&str, u64));

    /// Tells the `most` keys that are read most, the hottest first, with their share of the latest reads and how
    /// often each was read. Both are estimates.
    fn hottest(&self, most: usize, tell: &mut dyn FnMut(&Key, f64, u64));

    /// Tells each entry that memory holds, and what it weighs. Every entry is visited: not to be called often.
    fn held(&self, tell: &mut dyn FnMut(&Key, &Meta, u64));

    /// Returns the weight of all that memory holds.
    fn weight(&self) -> u64;

    /// Returns the greatest weight that it may have.
    fn budget(&self) -> u64;

    /// Whether weights are bytes; else each entry weighs one.
    fn weighs_bytes(&self) -> bool;

    /// Returns an empty memory with the policy of this one and another budget, without values, to try what it
    /// would hold.
    fn trial_memory(&self, budget: u64) -> Box<dyn TrialMemory>;
}

/// A memory without values, to try what it would hold. A key is told by its hash.
pub trait TrialMemory {
    /// Reads a key, as the policy sees it. Returns whether it is held and fresh.
    fn read(&mut self, hash: u64, now: Timestamp) -> bool;

    /// Stores an entry of this weight, in place of one that is held.
    fn put(&mut self, hash: u64, weight: u64, life: Duration, now: Timestamp);

    /// Removes a key.
    fn remove(&mut self, hash: u64, now: Timestamp);
}
