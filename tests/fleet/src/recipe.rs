//! What a node is made of: the referee says so when the node starts.

use std::time::Duration;

use cache_facade::GuardSettings;
use serde::{Deserialize, Serialize};

/// A node: memory in front of a Redis and a PostgreSQL tier. It has no `Debug`, for URLs hold passwords.
#[derive(Clone, Serialize, Deserialize)]
pub struct Recipe {
    /// What stands in front of every key; other caches may be on the same servers.
    pub namespace: String,
    /// Where Redis is.
    pub redis: String,
    /// Where PostgreSQL is, with the database.
    pub postgres: String,
    /// What carries the bus, if there is one.
    pub bus: Option<Over>,
    /// Who grants leases, if anybody does.
    pub lease: Option<Over>,
    /// Whether memory serves nothing while the bus is lost.
    pub asks_tiers_on_bus_loss: bool,
    /// How each tier is guarded, if it is.
    pub guard: Option<Arm>,
    /// For how long values are fresh.
    pub life: Duration,
    /// How long a put may take on its way to a tier: at random from none to this.
    pub slow_puts: Duration,
    /// Whether tiers compare births, as they must; else whatever is put last stays.
    pub compares: bool,
}

/// One of the two servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "named for what they are")]
pub enum Over {
    Redis,
    Postgres,
}

/// The settings of a [`Guard`](cache_facade::Guard).
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[expect(missing_docs, reason = "as in GuardSettings")]
pub struct Arm {
    pub timeout: Duration,
    pub retries: u32,
    pub failures: u32,
    pub pause: Duration,
}

impl Recipe {
    /// With a bus on Redis and nothing else out of the ordinary: no lease, no guard, a life of a minute.
    #[must_use]
    pub fn new(namespace: &str, redis: &str, postgres: &str) -> Self {
        Self {
            namespace: namespace.to_owned(),
            redis: redis.to_owned(),
            postgres: postgres.to_owned(),
            bus: Some(Over::Redis),
            lease: None,
            asks_tiers_on_bus_loss: false,
            guard: None,
            life: Duration::from_secs(60),
            slow_puts: Duration::ZERO,
            compares: true,
        }
    }
}

impl Default for Arm {
    fn default() -> Self {
        let GuardSettings { timeout, retries, failures, pause, .. } = GuardSettings::default();
        Self { timeout, retries, failures, pause }
    }
}

impl From<Arm> for GuardSettings {
    fn from(Arm { timeout, retries, failures, pause }: Arm) -> Self {
        Self { timeout, retries, failures, pause, ..Self::default() }
    }
}
