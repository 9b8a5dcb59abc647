//! The end of a cache: no more loads, a wait for those under way, and a flush of the tiers.

use std::time::Duration;

use cache_core::{Error, ErrorKind, Result};
use futures_util::future::join_all;

use super::Engine;
use crate::tier::handle::TierHandle;

/// How much of a shutdown's limit loads under way may take; the rest is for the flush, which a load that
/// hangs must not cost.
const DRAIN_SHARE: f32 = 0.7;

impl Engine {
    /// Ends upkeep and new loads, waits for the loads under way, and flushes the tiers.
    ///
    /// # Errors
    ///
    /// The error of a tier that could not flush; `Timeout` if loads or a flush took longer than their share
    /// of `limit`.
    pub(crate) async fn shutdown(&self, limit: Duration) -> Result<()> {
        self.tasks.close();
        let drained = tokio::time::timeout(limit.mul_f32(DRAIN_SHARE), self.tasks.wait()).await;
        let flush = join_all(self.tiers().iter().map(TierHandle::flush));
        match tokio::time::timeout(limit.mul_f32(1.0 - DRAIN_SHARE), flush).await {
            Ok(flushed) => flushed.into_iter().collect::<Result<Vec<()>>>()?,
            Err(_) => return Err(overdue("a tier was still flushing", limit)),
        };
        drained.map_err(|_| overdue("loads were still under way", limit))
    }
}

fn overdue(what: &str, limit: Duration) -> Error {
    Error::new(ErrorKind::Timeout, "shutdown", format!("{what} at the end of its share of {limit:?}"))
}
