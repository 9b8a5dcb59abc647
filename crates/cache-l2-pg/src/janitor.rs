//! The background task that sweeps and evicts for as long as its tier lives.

use std::sync::Arc;

use cache_core::{ErrorKind, Result};
use cache_task::BackgroundTask;
use tokio::time::sleep;

use crate::tier::Store;

/// Begins the background task. Dropping what this returns stops it.
pub(crate) fn start(store: Arc<Store>) -> BackgroundTask {
    BackgroundTask::new(move || run(store.clone()))
}

async fn run(store: Arc<Store>) {
    loop {
        tokio::select! {
            () = sleep(store.context.config.sweep_every) => {}
            () = store.janitor_wakeup.notified() => {}
        }
        if let Err(error) = sweep_and_evict(&store).await {
            if let Some(times) = store.log_sums.failed_sweeps.count(store.context.clock.now()) {
                tracing::warn!(%error, times, "sweeping or evicting from the table of a PostgreSQL tier failed");
            }
            if error.kind() == ErrorKind::Unavailable {
                store.context.recheck_tables();
            }
        }
        store.log_sums.settle(store.context.clock.now());
    }
}

async fn sweep_and_evict(store: &Store) -> Result<()> {
    store.sweep(store.context.clock.now()).await?;
    store.evict_to_bounds().await?;
    Ok(())
}
