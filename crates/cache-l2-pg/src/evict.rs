//! Keeps the table within its bounds.

use std::sync::atomic::Ordering::Relaxed;

use cache_core::Result;

use crate::{
    sql::{Bind, decode},
    tier::Store,
};

/// A bound divided by this is how far below it eviction goes, so that the next put does not pass it again.
const EVICTION_MARGIN_DIVISOR: u64 = 16;

impl Store {
    /// Evicts entries if the table is past its bounds, until it is well within, and returns how many it
    /// evicted. Evicts nothing while another node does.
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
            let batch = self.evict_batch(most, low).await?;
            evicted += batch;
            if batch == 0 {
                return Ok(evicted);
            }
            most = low;
        }
    }

    async fn evict_batch(&self, most: [u64; 2], low: [u64; 2]) -> Result<u64> {
        let limits = [most[0], most[1], low[0], low[1]];
        let limits = limits.map(|limit| i64::try_from(limit).unwrap_or(i64::MAX));
        let now = self.context.clock.now().as_micros();
        let binds: Vec<Bind<'_>> = limits.into_iter().chain([now]).map(Bind::Integer).collect();
        let answer = self.context.run("evict", self.context.statements.evict.with(&binds)).await?;
        let row = decode::single_row(&answer)?;
        let evicted = decode::integer(row, 0)?.cast_unsigned();
        // Nulls: another node is evicting.
        let (Ok(rows), Ok(bytes)) = (decode::integer(row, 1), decode::integer(row, 2)) else { return Ok(0) };
        let (rows, bytes) = (rows.cast_unsigned(), bytes.cast_unsigned());
        if evicted == 0
            && (rows > most[0] || bytes > most[1])
            && let Some(times) = self.log_sums.past_bound.count(self.context.clock.now())
        {
            tracing::warn!(
                rows,
                bytes,
                times,
                "the table is past its bound, and nothing in it can be evicted"
            );
        }
        self.counters.evicted.fetch_add(evicted, Relaxed);
        self.counters.rows.store(rows - evicted, Relaxed);
        self.counters.bytes.store(bytes, Relaxed);
        Ok(evicted)
    }
}
