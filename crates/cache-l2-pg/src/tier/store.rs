//! The table as a tier uses it, without a queue before it.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use cache_core::Result;
use tokio::sync::Notify;

use crate::{
    client::Context,
    sql::{Bound, decode},
    stats::Counters,
};

/// How much of a bound may be put before the table is weighed again.
const SIZE_CHECK_DIVISOR: u64 = 16;

/// Reads, writes, removes and sweeps rows; see the files named so.
#[derive(Debug)]
pub(crate) struct Store {
    pub(crate) context: Arc<Context>,
    pub(crate) counters: Counters,
    /// Calls the keeper before its time.
    pub(crate) janitor_wakeup: Notify,
    added_rows: AtomicU64,
    added_bytes: AtomicU64,
}

impl Store {
    pub(crate) fn new(context: Arc<Context>) -> Self {
        Self {
            context,
            counters: Counters::default(),
            janitor_wakeup: Notify::new(),
            added_rows: AtomicU64::new(0),
            added_bytes: AtomicU64::new(0),
        }
    }

    /// Notes what was stored, and calls the keeper if that may have passed a bound.
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

    /// The table is weighed now: what was added before counts.
    pub(crate) fn reset_added(&self) {
        self.added_rows.store(0, Relaxed);
        self.added_bytes.store(0, Relaxed);
    }

    /// The number that a statement answers with.
    pub(crate) async fn count<S: 'static>(&self, operation: &'static str, call: Bound<'_, S>) -> Result<u64> {
        let answer = self.context.run(operation, call).await?;
        decode::integer(decode::single_row(&answer)?, 0).map(i64::cast_unsigned)
    }
}
