//! The log of changes: who changed what, and how much that was.

use cache_core::sync::Mutex;
use serde::Serialize;
use serde_json::Value;
use tokio::sync::{broadcast, watch};

use crate::guard::Sender;

/// How many changes a stream may be behind before it misses some.
const MAX_BEHIND: usize = 256;

/// A change that was made over HTTP.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ManagementChange {
    /// What was done: `invalidate`, `warm`.
    pub(crate) action: &'static str,
    /// What was asked for.
    pub(crate) request: Value,
    /// What came of it.
    pub(crate) outcome: Value,
}

/// Who hears of changes.
#[derive(Debug)]
pub(crate) struct ChangeLog {
    told: broadcast::Sender<ManagementChange>,
    closed: watch::Sender<bool>,
    /// In the order in which they are told, one at a time.
    order: Mutex<()>,
}

impl ChangeLog {
    pub(super) fn new() -> Self {
        Self {
            told: broadcast::Sender::new(MAX_BEHIND),
            closed: watch::Sender::new(false),
            order: Mutex::default(),
        }
    }

    /// Logs a change, and tells it to whoever listens.
    pub(crate) fn tell(&self, sender: &Sender, change: ManagementChange) {
        let _turn = self.order.lock();
        let ManagementChange { action, request, outcome } = &change;
        tracing::info!(%sender, action, %request, %outcome, "a change was made over HTTP");
        // Nobody need listen.
        let _ = self.told.send(change);
    }

    pub(crate) fn listen(&self) -> broadcast::Receiver<ManagementChange> {
        self.told.subscribe()
    }

    /// Returns once streams are to end.
    pub(crate) async fn closed(&self) {
        let mut closed = self.closed.subscribe();
        // It can only fail once this is gone, and so is the stream.
        let _ = closed.wait_for(|closed| *closed).await;
    }

    pub(super) fn close(&self) {
        self.closed.send_replace(true);
    }
}
