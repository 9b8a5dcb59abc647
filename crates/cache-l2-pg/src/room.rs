//! Letting go of what is dead, and of what is too much.

use std::sync::atomic::Ordering::Relaxed;

use cache_core::{Result, Timestamp};

use crate::{
    rows,
    sql::PAGE,
    statement::{Bind, Call},
    store::Store,
};

/// By which share of a bound the table is brought below it, so that not every put passes it again.
const SLACK: u64 = 16;

impl Store {
    /// Deletes what is dead at `now`, in batches. Answers how many rows went.
    pub(crate) async fn sweep(&self, now: Timestamp) -> Result<u64> {
        let (mut swept, now) = (0, Bind::Number(now.as_micros()));
        loop {
            let gone = self.count("sweep", self.shared.texts.sweep.with(std::slice::from_ref(&now))).await?;
            self.counters.swept.fetch_add(gone, Relaxed);
            swept += gone;
            if gone < PAGE {
                break;
            }
        }
        self.count("sweep", self.shared.texts.forget.with(&[now])).await?;
        Ok(swept)
    }

    /// Evicts entries until the table is within its bounds. Answers how many went.
    pub(crate) async fn make_room(&self) -> Result<u64> {
        let (max_rows, max_bytes) = (self.shared.config.max_rows, self.shared.config.max_bytes);
        if max_rows.is_none() && max_bytes.is_none() {
            return Ok(0);
        }
        self.weighed();
        let (mut rows, mut bytes) = self.two("weigh", self.shared.texts.weigh.with(&[])).await?;
        let mut evicted = 0;
        let over = |count: u64, bound: Option<u64>| bound.is_some_and(|bound| count > bound);
        if over(rows, max_rows) || over(bytes, max_bytes) {
            let low = |bound: Option<u64>| bound.map_or(u64::MAX, |bound| bound - bound / SLACK);
            loop {
                let too_many = rows.saturating_sub(low(max_rows));
                let mean = (bytes / rows.max(1)).max(1);
                let too_much = bytes.saturating_sub(low(max_bytes)).div_ceil(mean);
                let batch = too_many.max(too_much).min(PAGE);
                if batch == 0 {
                    break;
                }
                let binds = [Bind::Number(batch.cast_signed())];
                let (gone, freed) = self.two("evict", self.shared.texts.evict.with(&binds)).await?;
                (rows, bytes) = (rows.saturating_sub(gone), bytes.saturating_sub(freed));
                evicted += gone;
                self.counters.evicted.fetch_add(gone, Relaxed);
                if gone == 0 {
                    tracing::warn!(rows, bytes, "nothing more can be evicted from a table past its bound");
                    break;
                }
            }
        }
        self.counters.rows.store(rows, Relaxed);
        self.counters.bytes.store(bytes, Relaxed);
        Ok(evicted)
    }

    /// The number that a statement answers with.
    pub(crate) async fn count<S: 'static>(&self, operation: &'static str, call: Call<'_, S>) -> Result<u64> {
        let answer = self.shared.run(operation, call).await?;
        rows::number(rows::one(&answer)?, 0).map(i64::cast_unsigned)
    }

    async fn two<S: 'static>(&self, operation: &'static str, call: Call<'_, S>) -> Result<(u64, u64)> {
        let answer = self.shared.run(operation, call).await?;
        let row = rows::one(&answer)?;
        Ok((rows::number(row, 0)?.cast_unsigned(), rows::number(row, 1)?.cast_unsigned()))
    }
}
