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

    /// Evicts entries if the table is past its bounds, until it is well within, unless another node is at
    /// it. Answers how many went.
    pub(crate) async fn make_room(&self) -> Result<u64> {
        let config = &self.shared.config;
        if config.max_rows.is_none() && config.max_bytes.is_none() {
            return Ok(0);
        }
        self.weighed();
        let bounds = [config.max_rows, config.max_bytes].map(|bound| bound.unwrap_or(u64::MAX));
        let low = bounds.map(|bound| bound - bound / SLACK);
        let (mut most, mut evicted) = (bounds, 0);
        loop {
            let gone = self.evict(most, low).await?;
            evicted += gone;
            if gone == 0 {
                return Ok(evicted);
            }
            most = low;
        }
    }

    async fn evict(&self, most: [u64; 2], low: [u64; 2]) -> Result<u64> {
        let limits = [most[0], most[1], low[0], low[1]];
        let binds = limits.map(|limit| Bind::Number(i64::try_from(limit).unwrap_or(i64::MAX)));
        let answer = self.shared.run("evict", self.shared.texts.evict.with(&binds)).await?;
        let row = rows::one(&answer)?;
        let gone = rows::number(row, 0)?.cast_unsigned();
        // Nulls: another node is at it.
        let (Ok(held), Ok(bytes)) = (rows::number(row, 1), rows::number(row, 2)) else { return Ok(0) };
        let (held, bytes) = (held.cast_unsigned(), bytes.cast_unsigned());
        if gone == 0 && (held > most[0] || bytes > most[1]) {
            tracing::warn!(held, bytes, "nothing more can be evicted from a table past its bound");
        }
        self.counters.evicted.fetch_add(gone, Relaxed);
        self.counters.rows.store(held - gone, Relaxed);
        self.counters.bytes.store(bytes, Relaxed);
        Ok(gone)
    }

    /// The number that a statement answers with.
    pub(crate) async fn count<S: 'static>(&self, operation: &'static str, call: Call<'_, S>) -> Result<u64> {
        let answer = self.shared.run(operation, call).await?;
        rows::number(rows::one(&answer)?, 0).map(i64::cast_unsigned)
    }
}
