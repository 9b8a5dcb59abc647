//! Deletes what is dead.

use std::sync::atomic::Ordering::Relaxed;

use cache_core::{Result, Timestamp};

use crate::{
    sql::{Bind, PAGE},
    tier::Store,
};

/// Deaths are indexed by their microseconds without so many bits.
const MINUTE: u32 = 26;

impl Store {
    /// Deletes what is dead at `now`, in batches. Answers how many rows went.
    pub(crate) async fn sweep(&self, now: Timestamp) -> Result<u64> {
        let now = now.as_micros();
        let (mut swept, until) = (0, [Bind::Number(now >> MINUTE), Bind::Number(now)]);
        loop {
            let gone = self.count("sweep", self.shared.texts.sweep.with(&until)).await?;
            self.counters.swept.fetch_add(gone, Relaxed);
            swept += gone;
            if gone < PAGE {
                break;
            }
        }
        self.count("sweep", self.shared.texts.forget.with(&until[1..])).await?;
        Ok(swept)
    }
}
