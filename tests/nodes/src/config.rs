//! The configuration of a node, which the controller sends when the node starts.

use std::time::Duration;

use cache_facade::GuardSettings;
use serde::{Deserialize, Serialize};

/// The configuration of a node: memory over a Redis and a PostgreSQL tier. Without `Debug`, since URLs hold
/// passwords.
#[derive(Clone, Serialize, Deserialize)]
pub struct NodeConfig {
    /// The namespace of the cache; other caches may be on the same servers.
    pub namespace: String,
    /// The URL of Redis.
    pub redis: String,
    /// The URL of PostgreSQL, with the database.
    pub postgres: String,
    /// The server that carries the bus, if there is one.
    pub bus: Option<Backend>,
    /// The server that grants leases, if there are any.
    pub lease: Option<Backend>,
    /// Whether memory serves nothing while the bus is lost.
    pub ask_on_bus_loss: bool,
    /// The guard around each tier, if there is one.
    pub guard: Option<GuardConfig>,
    /// How long values are fresh.
    pub life: Duration,
    /// The longest random delay of a put on its way to a tier.
    pub slow_puts: Duration,
    /// Whether tiers compare births, as they must. If not, the last put wins.
    pub compares: bool,
}

/// One of the two servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "named for what they are")]
pub enum Backend {
    Redis,
    Postgres,
}

/// The settings of a [`Guard`](cache_facade::Guard).
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[expect(missing_docs, reason = "as in GuardSettings")]
pub struct GuardConfig {
    pub timeout: Duration,
    pub retries: u32,
    pub failures: u32,
    pub pause: Duration,
}

impl NodeConfig {
    /// A node with a bus on Redis, no lease, no guard, and a life of one minute.
    #[must_use]
    pub fn new(namespace: &str, redis: &str, postgres: &str) -> Self {
        Self {
            namespace: namespace.to_owned(),
            redis: redis.to_owned(),
            postgres: postgres.to_owned(),
            bus: Some(Backend::Redis),
            lease: None,
            ask_on_bus_loss: false,
            guard: None,
            life: Duration::from_secs(60),
            slow_puts: Duration::ZERO,
            compares: true,
        }
    }
}

impl Default for GuardConfig {
    fn default() -> Self {
        let GuardSettings { timeout, retries, failures, pause, .. } = GuardSettings::default();
        Self { timeout, retries, failures, pause }
    }
}

impl From<GuardConfig> for GuardSettings {
    fn from(GuardConfig { timeout, retries, failures, pause }: GuardConfig) -> Self {
        Self { timeout, retries, failures, pause, ..Self::default() }
    }
}
