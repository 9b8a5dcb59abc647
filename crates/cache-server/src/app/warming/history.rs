//! The history of what is asked for, kept across restarts.

use std::time::Duration;

use cache_core::{Codec, Result, Warm};
use cache_facade::{Cache, Region};
use cache_warming::{SavedHistory, Warming};

/// The kind of the value that holds the history.
const HISTORY_KIND: &str = "warming_history";
/// The id of that value.
const HISTORY_ID: &str = "latest";
/// For how long a history tells something.
const HISTORY_LIFE: Duration = Duration::from_secs(7 * 86_400);
/// How many keys are kept.
pub(super) const MAX_SAVED: usize = 5_000;

/// Where the history is kept: in the tiers, as JSON.
#[derive(Debug)]
pub(super) struct KeptHistory(Region<String>);

impl KeptHistory {
    pub(super) fn open(cache: &Cache) -> Result<Self> {
        Ok(Self(cache.region::<String>(HISTORY_KIND).codec(Codec::Json).ttl(HISTORY_LIFE).open()?))
    }

    /// Takes what was kept into the history. What is not one is left alone, with a warning.
    pub(super) async fn restore(&self, warming: &Warming) {
        // Not as a read: it is nobody's.
        let lifted = async {
            let key = self.0.key(HISTORY_ID)?;
            self.0.lift(&[key]).await
        };
        let kept = match lifted.await {
            Ok(_) => self.0.peek(HISTORY_ID),
            Err(error) => {
                tracing::warn!(%error, "the history of what was asked for can't be read: warming begins without it");
                return;
            }
        };
        let Some(kept) = kept else { return };
        match serde_json::from_str::<SavedHistory>(&kept) {
            Ok(saved) => {
                warming.history().restore(&saved);
                tracing::debug!(
                    keys = warming.history().tracked(),
                    "restored the history of what was asked for"
                );
            }
            Err(error) => {
                tracing::warn!(%error, "the history of what was asked for is damaged: warming begins without it");
            }
        }
    }

    /// Stores the history, if there is one.
    pub(super) async fn save(&self, warming: &Warming) -> Result<()> {
        let saved = warming.history().saved(MAX_SAVED);
        if saved.keys.is_empty() {
            return Ok(());
        }
        match serde_json::to_string(&saved) {
            Ok(text) => self.0.put(HISTORY_ID, text).await,
            Err(error) => {
                tracing::error!(%error, "the history of what was asked for can't be written as JSON");
                Ok(())
            }
        }
    }
}
