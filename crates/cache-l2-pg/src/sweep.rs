//! Deletes what is dead.

use std::sync::atomic::Ordering::Relaxed;

use cache_core::{Result, Timestamp};

use crate::{
    sql::{Bind, SWEEP_BATCH_ROWS},
    tier::Store,
};

/// Deaths are indexed by their microseconds without so many bits.
const MINUTE_BITS: u32 = 26;

impl Store {
    /// Deletes what is dead at `now`, in batches. Answers how many rows went.
    pub(crate) async fn sweep(&self, now: Timestamp) -> Result<u64> {
        let now = now.as_micros();
        let (mut swept, until) = (0, [Bind::Integer(now >> MINUTE_BITS), Bind::Integer(now)]);
        loop {
            let gone = self.count("sweep", self.context.statements.sweep.with(&until)).await?;
            self.counters.swept.fetch_add(gone, Relaxed);
            swept += gone;
            if gone < SWEEP_BATCH_ROWS {
                break;
            }
        }
        self.count("sweep", self.context.statements.sweep_patterns.with(&until[1..])).await?;
        Ok(swept)
    }
}
