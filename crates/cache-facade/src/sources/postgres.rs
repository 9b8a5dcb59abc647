//! The tier on PostgreSQL by its URL: opened when the cache is built, with its bus and its lease.

use std::sync::Arc;

use cache_core::{Bus, Clock, Error, Lease, Result};
use cache_l2_pg::{PgConfig, Postgres};

use crate::{
    CacheBuilder, GuardSettings,
    sources::tier_source::{OpenedTier, TierSource, guarded},
};

/// PostgreSQL, not yet connected to.
#[derive(Debug)]
struct PostgresSource {
    config: PgConfig,
    guard: GuardSettings,
}

impl TierSource for PostgresSource {
    fn server(&self) -> Option<&'static str> {
        Some("postgres")
    }

    fn open(self: Box<Self>, clock: &Clock, topic: Option<&str>, lease: bool) -> Result<OpenedTier> {
        let postgres = Postgres::new(self.config, clock.clone())?;
        let bus = match topic {
            Some(topic) => Some(Arc::new(postgres.bus(topic)?) as Arc<dyn Bus>),
            None => None,
        };
        let lease = lease.then(|| Arc::new(postgres.lease()) as Arc<dyn Lease>);
        Ok(OpenedTier { tier: guarded(postgres.tier(), self.guard, clock), local: false, bus, lease })
    }
}

impl CacheBuilder {
    /// Adds the tier on this PostgreSQL behind those added before: in a [`Guard`](crate::Guard), by the clock of
    /// the cache, and, unless they are set otherwise or there is Redis, with the bus and the lease. Takes a URL,
    /// as [`PgConfig::new`](crate::postgres::PgConfig::new) reads it, or a `PgConfig`. It is connected to once
    /// the cache is built; a server that can't be reached then is used once it can be.
    ///
    /// # Errors
    ///
    /// `Config` for a text that is no URL, which the error does not repeat, for settings out of range, and for
    /// certificates that can't be read.
    pub fn postgres(self, postgres: impl TryInto<PgConfig, Error: Into<Error>>) -> Result<Self> {
        self.postgres_guarded(postgres.try_into().map_err(Into::into)?, GuardSettings::default())
    }

    /// The same in a guard with these settings, but for its clock.
    pub(crate) fn postgres_guarded(self, config: PgConfig, guard: GuardSettings) -> Result<Self> {
        config.check()?;
        Ok(self.source(PostgresSource { config, guard }))
    }
}
