//! The task that sweeps and evicts in the background, for as long as its tier lives.

use std::sync::Arc;

use cache_core::{ErrorKind, Result};
use tokio::{task::JoinHandle, time::sleep};

use crate::tier::Store;

/// Stops the task when dropped.
#[derive(Debug)]
pub(crate) struct Keeper(JoinHandle<()>);

impl Keeper {
    pub(crate) fn start(store: Arc<Store>) -> Self {
        Self(tokio::spawn(async move { keep(&store).await }))
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn keep(store: &Store) {
    loop {
        tokio::select! {
            () = sleep(store.shared.config.sweep_every) => {}
            () = store.bell.notified() => {}
        }
        if let Err(error) = tidy(store).await {
            tracing::warn!(%error, "the table of a PostgreSQL tier could not be tidied");
            if error.kind() == ErrorKind::Unavailable {
                store.shared.doubt();
            }
        }
    }
}

async fn tidy(store: &Store) -> Result<()> {
    store.sweep(store.shared.clock.now()).await?;
    store.make_room().await?;
    Ok(())
}
