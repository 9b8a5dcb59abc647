//! The background task that sweeps and evicts for as long as its tier lives.

use std::sync::Arc;

use cache_core::{ErrorKind, Result};
use tokio::{task::JoinHandle, time::sleep};

use crate::tier::Store;

/// The background task. Dropping this stops it.
#[derive(Debug)]
pub(crate) struct Janitor(JoinHandle<()>);

impl Janitor {
    pub(crate) fn start(store: Arc<Store>) -> Self {
        Self(tokio::spawn(async move { run(&store).await }))
    }
}

impl Drop for Janitor {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn run(store: &Store) {
    loop {
        tokio::select! {
            () = sleep(store.context.config.sweep_every) => {}
            () = store.janitor_wakeup.notified() => {}
        }
        if let Err(error) = sweep_and_evict(store).await {
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
