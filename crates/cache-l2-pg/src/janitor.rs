//! The task that sweeps and evicts in the background, for as long as its tier lives.

use std::sync::Arc;

use cache_core::{ErrorKind, Result};
use tokio::{task::JoinHandle, time::sleep};

use crate::tier::Store;

/// Stops the task when dropped.
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
            tracing::warn!(%error, "the table of a PostgreSQL tier could not be tidied");
            if error.kind() == ErrorKind::Unavailable {
                store.context.recheck_tables();
            }
        }
    }
}

async fn sweep_and_evict(store: &Store) -> Result<()> {
    store.sweep(store.context.clock.now()).await?;
    store.evict_to_bounds().await?;
    Ok(())
}
