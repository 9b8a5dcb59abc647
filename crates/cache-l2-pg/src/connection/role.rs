//! Asks the server from time to time whether it takes writes, and what its time is.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use cache_core::{Result, Timestamp};
use cache_task::BackgroundTask;
use tokio::time::sleep;

use crate::{client::Context, sql::decode};

/// How often the server is asked.
const ROLE_INTERVAL: Duration = Duration::from_secs(1);

/// Nodes that have Redis and PostgreSQL go by the time of Redis.
const CLOCK_RANK: u8 = 1;

/// Begins the task that asks. Dropping what this returns stops it.
pub(crate) fn start_role_watch(context: &Arc<Context>) -> BackgroundTask {
    let context = Arc::downgrade(context);
    BackgroundTask::new(move || watch(context.clone()))
}

async fn watch(context: Weak<Context>) {
    while let Some(context) = context.upgrade() {
        // Whoever calls the tier learns of errors as well.
        if let Err(error) = context.check_role().await {
            tracing::debug!(%error, "PostgreSQL could not be asked whether it takes writes");
        }
        drop(context);
        sleep(ROLE_INTERVAL).await;
    }
}

impl Context {
    /// Asks the server whether it takes writes. If not, all connections to it are ended, and listeners too. Has
    /// the clock follow its time.
    pub(crate) async fn check_role(&self) -> Result<()> {
        let asked = self.clock.steady();
        let answer = self.run_without_tables("connect", self.statements.role_and_time.with(&[])).await?;
        let row = decode::single_row(&answer)?;
        if self.clock.follows_servers() {
            self.clock.synchronise(CLOCK_RANK, asked, Timestamp::from_micros(decode::integer(row, 1)?));
        }
        if decode::boolean(row, 0)? {
            tracing::warn!(
                address = self.config.url.address(),
                "PostgreSQL takes no writes, it may be a standby now: its connections are ended and opened anew"
            );
            self.renew();
        }
        Ok(())
    }
}
