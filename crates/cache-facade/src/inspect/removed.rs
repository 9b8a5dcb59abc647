//! What a removal of many did, place by place, and what is still under way.

use std::sync::Arc;

use serde::Serialize;

use crate::tier::walks::{Walk, WalkOutcome};

/// How many values a removal of many ended that were alive: fresh or in grace, and not ended before.
///
/// A tier may take longer for a removal by pattern than its caller waits, or fail at it. Then it is named in
/// `under_way`, and has no count yet. It goes on by itself, and nothing of what it still holds is served
/// meanwhile. [`Removed::settled`] waits for it.
///
/// ```
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// let cache = cache_facade::Cache::builder().build().await?;
/// let removed = cache.remove_matching("price:A*").await?;
/// if !removed.is_done() {
///     println!("{:?} will take longer", removed.under_way);
/// }
/// println!("{} at most", removed.settled().await.at_most());
/// # Ok::<(), cache_facade::Error>(()) }).unwrap();
/// ```
#[derive(Clone, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct Removed {
    /// Those that memory held.
    pub memory: u64,
    /// Those that each tier behind it held, in order. Left out is a tier that has no count: one that is still
    /// under way, and one that failed on the way, so that nobody knows; it removes them later. Of a removal by
    /// key or pattern, tiers judge by age alone: what a tag or a clear had ended counts among theirs.
    pub tiers: Vec<(&'static str, u64)>,
    /// The tiers that are still at a removal by pattern, or owe it, in order.
    pub under_way: Vec<&'static str>,
    #[serde(skip)]
    parts: Vec<RemovedFromTier>,
}

/// What was removed from one tier, and what is being removed.
#[derive(Clone, Debug)]
pub(crate) struct RemovedFromTier {
    pub(crate) name: &'static str,
    /// How many were counted; `None` if that failed.
    pub(crate) count: Option<u64>,
    pub(crate) walks: Vec<Arc<Walk>>,
}

impl RemovedFromTier {
    /// Returns whether all is done, and if so the count, if it is known.
    fn outcome(&self) -> WalkOutcome {
        self.walks.iter().fold(WalkOutcome::Done(self.count), |sum, walk| match (sum, walk.outcome()) {
            (WalkOutcome::Done(sum), WalkOutcome::Done(count)) => {
                WalkOutcome::Done(sum.zip(count).map(|(sum, count)| sum + count))
            }
            _ => WalkOutcome::UnderWay,
        })
    }
}

impl Removed {
    /// Tells what each tier has come to by now.
    pub(crate) fn new(memory: u64, parts: Vec<RemovedFromTier>) -> Self {
        let (mut tiers, mut under_way) = (Vec::new(), Vec::new());
        for part in &parts {
            match part.outcome() {
                WalkOutcome::Done(count) => tiers.extend(count.map(|count| (part.name, count))),
                WalkOutcome::UnderWay => under_way.push(part.name),
            }
        }
        Self { memory, tiers, under_way, parts }
    }

    pub(crate) fn parts(&self) -> &[RemovedFromTier] {
        &self.parts
    }

    /// Whether no tier is still at a removal by pattern, or owes it.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.under_way.is_empty()
    }

    /// Waits until every tier is done, however long that takes: also one that failed, and does it once it works.
    /// Returns the whole of what was removed. If the cache ends before, the tiers that did not do it are still
    /// named in `under_way`. Waiting costs nothing, and may be given up.
    pub async fn settled(&self) -> Self {
        for walk in self.parts.iter().flat_map(|part| &part.walks) {
            walk.ended().await;
        }
        Self::new(self.memory, self.parts.clone())
    }

    /// Returns how many keys were removed at most, of what was counted: as if no two tiers, or memory and a tier,
    /// had held the same.
    #[must_use]
    pub fn at_most(&self) -> u64 {
        self.memory + self.tiers.iter().map(|(_, count)| count).sum::<u64>()
    }

    /// Returns how many keys were removed at least: as many as went from memory or the tier that lost most.
    #[must_use]
    pub fn at_least(&self) -> u64 {
        self.tiers.iter().map(|(_, count)| *count).fold(self.memory, u64::max)
    }
}

impl PartialEq for Removed {
    fn eq(&self, other: &Self) -> bool {
        (self.memory, &self.tiers, &self.under_way) == (other.memory, &other.tiers, &other.under_way)
    }
}

impl Eq for Removed {}
