//! The warm start: what was asked for most before a restart comes from the lower tiers, without a call.

use std::{pin::pin, time::Duration};

use cache_core::Key;
use futures_util::future::{Either, select};
use serde::Serialize;

use super::{Warming, covered::WarmTarget};
use crate::timer;

/// How many keys are asked of the tiers at once.
const BATCH: usize = 500;

/// What came of a warm start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct WarmStart {
    /// The keys that were looked for.
    pub looked_for: usize,
    /// Those that some tier had fresh, and that are in memory now.
    pub lifted: usize,
    /// Whether time was up before all were looked for.
    pub timed_out: bool,
}

impl Warming {
    /// Brings the keys that are expected to be asked for most from the tiers into memory, at most so many of each
    /// kind and for at most so long. No source is asked.
    pub async fn warm_start(&self, keys: usize, limit: Duration) -> WarmStart {
        let mut over = pin!(timer::sleep(&self.history.clock, limit));
        let mut result = WarmStart::default();
        for covered in self.covered_now() {
            let WarmTarget(target) = &covered.target;
            let hottest: Vec<Key> = self.history.with_settled(|records| {
                let ranked = records.by_requests(&covered.kind);
                ranked.into_iter().take(keys).filter_map(|place| records.key(place)).collect()
            });
            for batch in hottest.chunks(BATCH) {
                let Either::Left((lifted, _)) = select(target.lift(batch), over.as_mut()).await else {
                    result.timed_out = true;
                    return result;
                };
                result.looked_for += batch.len();
                result.lifted +=
                    lifted.map_or(0, |lifted| lifted.into_iter().filter(|lifted| *lifted).count());
            }
        }
        result
    }
}
