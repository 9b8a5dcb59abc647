//! The table as a tier uses it, without the write-behind queue.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use cache_core::Result;
use tokio::sync::Notify;

use crate::{
    client::Context,
    sql::{Bound, decode},
    stats::{Counters, PgLogSums},
};

/// A bound divided by this is how much may be put before the table's size is checked again.
const SIZE_CHECK_DIVISOR: u64 = 16;

/// Reads and writes rows: `get.rs`, `put.rs`, `remove.rs`, `sweep.rs` and `evict.rs` have its methods.
#[derive(Debug)]
pub(crate) struct Store {
    pub(crate) context: Arc<Context>,
    pub(crate) counters: Counters,
    pub(crate) log_sums: PgLogSums,
    /// Wakes the janitor before its interval is over.
    pub(crate) janitor_wakeup: Notify,
    added_rows: AtomicU64,
    added_bytes: AtomicU64,
}

impl Drop for Store {
    fn drop(&mut self) {
        self.log_sums.finish(self.context.clock.now());
    }
}

impl Store {
    pub(crate) fn new(context: Arc<Context>) -> Self {
        Self {
            context,
            counters: Counters::default(),
            log_sums: PgLogSums::default(),
            janitor_wakeup: Notify::new(),
            added_rows: AtomicU64::new(0),
            added_bytes: AtomicU64::new(0),
        }
    }

    /// Counts what was stored, and wakes the janitor if the table may have passed a bound.
    pub(crate) fn count_added(&self, rows: u64, bytes: u64) {
        let config = &self.context.config;
        let rows = self.added_rows.fetch_add(rows, Relaxed) + rows;
        let bytes = self.added_bytes.fetch_add(bytes, Relaxed) + bytes;
        let is_much =
            |added: u64, bound: Option<u64>| bound.is_some_and(|bound| added > bound / SIZE_CHECK_DIVISOR);
        if is_much(rows, config.max_rows) || is_much(bytes, config.max_bytes) {
            self.reset_added();
            self.janitor_wakeup.notify_one();
        }
    }

    /// Starts counting anew, as the table's size is checked now.
    pub(crate) fn reset_added(&self) {
        self.added_rows.store(0, Relaxed);
        self.added_bytes.store(0, Relaxed);
    }

    /// Runs a statement that selects one number, and returns it.
    pub(crate) async fn count<S: 'static>(
        &self,
        operation: &'static str,
        statement: Bound<'_, S>,
    ) -> Result<u64> {
        let answer = self.context.run(operation, statement).await?;
        decode::integer(decode::single_row(&answer)?, 0).map(i64::cast_unsigned)
    }
}
