//! Keeps the table within its bounds.

use std::sync::atomic::Ordering::Relaxed;

use cache_core::Result;

use crate::{
    sql::{Bind, decode},
    tier::Store,
};

/// By which share of a bound the table is brought below it, so that not every put passes it again.
const EVICTION_MARGIN_DIVISOR: u64 = 16;

impl Store {
    /// Evicts entries if the table is past its bounds, until it is well within, unless another node is at
    /// it. Answers how many went.
    pub(crate) async fn evict_to_bounds(&self) -> Result<u64> {
        let config = &self.context.config;
        if config.max_rows.is_none() && config.max_bytes.is_none() {
            return Ok(0);
        }
        self.reset_added();
        let bounds = [config.max_rows, config.max_bytes].map(|bound| bound.unwrap_or(u64::MAX));
        let low = bounds.map(|bound| bound - bound / EVICTION_MARGIN_DIVISOR);
        let (mut most, mut evicted) = (bounds, 0);
        loop {
            let gone = self.evict_batch(most, low).await?;
            evicted += gone;
            if gone == 0 {
                return Ok(evicted);
            }
            most = low;
        }
    }

    async fn evict_batch(&self, most: [u64; 2], low: [u64; 2]) -> Result<u64> {
        let limits = [most[0], most[1], low[0], low[1]];
        let binds = limits.map(|limit| Bind::Integer(i64::try_from(limit).unwrap_or(i64::MAX)));
        let answer = self.context.run("evict", self.context.statements.evict.with(&binds)).await?;
        let row = decode::single_row(&answer)?;
        let gone = decode::integer(row, 0)?.cast_unsigned();
        // Nulls: another node is at it.
        let (Ok(held), Ok(bytes)) = (decode::integer(row, 1), decode::integer(row, 2)) else { return Ok(0) };
        let (held, bytes) = (held.cast_unsigned(), bytes.cast_unsigned());
        if gone == 0 && (held > most[0] || bytes > most[1]) {
            tracing::warn!(held, bytes, "nothing more can be evicted from a table past its bound");
        }
        self.counters.evicted.fetch_add(gone, Relaxed);
        self.counters.rows.store(held - gone, Relaxed);
        self.counters.bytes.store(bytes, Relaxed);
        Ok(gone)
    }
}
