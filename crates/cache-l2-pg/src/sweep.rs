//! Deletes what is dead.

use std::sync::atomic::Ordering::Relaxed;

use cache_core::{Result, Timestamp};

use crate::{
    sql::{Bind, SWEEP_BATCH_ROWS},
    tier::Store,
};

/// The index has the moment of death in microseconds, without this many of its low bits.
const MINUTE_BITS: u32 = 26;

impl Store {
    /// Deletes what is dead at `now`, in batches, and returns how many rows it deleted.
    pub(crate) async fn sweep(&self, now: Timestamp) -> Result<u64> {
        let now = now.as_micros();
        let (mut swept, until) = (0, [now >> MINUTE_BITS, now, now].map(Bind::Integer));
        loop {
            let deleted = self.count("sweep", self.context.statements.sweep.with(&until)).await?;
            self.counters.swept.fetch_add(deleted, Relaxed);
            swept += deleted;
            if deleted < SWEEP_BATCH_ROWS {
                break;
            }
        }
        self.count("sweep", self.context.statements.sweep_patterns.with(&until[2..])).await?;
        Ok(swept)
    }
}
