//! How much an update matters, and what became of a request for one.

use serde::{Deserialize, Serialize};

/// How much an update matters: how long it may wait, and which goes first where not all can.
///
/// A call that goes anyway takes along what fits, whatever its priority: a free place costs nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Priority {
    /// Waits for a low-load hour, and then for its batch to be full or for the interval to end.
    Low,
    /// In a low-load hour, waits for its batch to be full or for the interval to end. Outside, waits for full
    /// batches: see [`busy_batches`](crate::BatchSchedulerBuilder::busy_batches).
    #[default]
    Normal,
    /// At any hour, waits for its batch to be full or for the interval to end.
    High,
    /// Goes with the next batch, which goes at once. What has waited for the
    /// [longest wait](crate::BatchSchedulerBuilder::longest_wait) becomes this.
    Critical,
}

impl Priority {
    /// All of them, in the order of their numbers.
    pub(super) const ALL: [Self; 4] = [Self::Low, Self::Normal, Self::High, Self::Critical];
}

/// What became of a request for an update.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Scheduled {
    /// It waits for its batch.
    Queued,
    /// The same update waits already, or its call is on its way: one call answers both. If this request's priority
    /// is the higher one, the update has it now. Its age stays.
    AlreadyQueued,
    /// Memory's value is fresh for longer than the update would wait for its batch, so nothing was queued.
    Fresh,
}
