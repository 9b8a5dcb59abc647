//! The end of a cache: no more loads, a wait for those under way, and what tiers are owed.

use std::time::Duration;

use cache_core::{Error, ErrorKind, Result};
use futures_util::future::join_all;

use super::Engine;
use crate::tier::handle::TierHandle;

/// How much of a shutdown's limit loads under way may take; the rest is for the flush, which a load that
/// hangs must not cost.
const DRAIN_SHARE: f32 = 0.7;

impl Engine {
    /// Ends upkeep and new loads, waits for the loads under way, gives the tiers what they are owed, and flushes
    /// them. What a tier doesn't take now is lost to it.
    ///
    /// # Errors
    ///
    /// The error of a tier that could not flush; `Unavailable` if a tier did not take what it was owed;
    /// `Timeout` if loads or a flush took longer than their share of `limit`.
    pub(crate) async fn shutdown(&self, limit: Duration) -> Result<()> {
        self.tasks.close();
        let drained = tokio::time::timeout(limit.mul_f32(DRAIN_SHARE), self.tasks.wait()).await;
        let flush = join_all(self.tiers().iter().map(|tier| self.retry_and_flush(tier)));
        let flushed = tokio::time::timeout(limit.mul_f32(1.0 - DRAIN_SHARE), flush).await;
        let owing: Vec<String> = self.tiers().iter().filter_map(TierHandle::lose_pending).collect();
        match flushed {
            Ok(flushed) => flushed.into_iter().collect::<Result<Vec<()>>>()?,
            Err(_) => return Err(overdue("a tier was still flushing", limit)),
        };
        if !owing.is_empty() {
            return Err(Error::new(ErrorKind::Unavailable, "shutdown", owing.join("; ")));
        }
        drained.map_err(|_| overdue("loads were still under way", limit))
    }

    async fn retry_and_flush(&self, tier: &TierHandle) -> Result<()> {
        if tier.has_pending() {
            self.retry(tier).await;
            self.walk_what_is_owed(tier).await;
        }
        tier.flush().await
    }
}

fn overdue(what: &str, limit: Duration) -> Error {
    Error::new(ErrorKind::Timeout, "shutdown", format!("{what} at the end of its share of {limit:?}"))
}
