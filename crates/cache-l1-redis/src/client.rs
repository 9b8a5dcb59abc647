//! The client: connects once, for a tier, buses and leases.

use std::sync::Arc;

use cache_core::{Clock, Error, ErrorKind, Result};
use tokio::runtime::Handle;

use crate::{
    RedisBus, RedisConfig, RedisHealth, RedisLease, RedisQuota, RedisTier,
    cluster::{Cluster, router::Router},
    config::Topology,
    connection::{
        birth_floor::BirthFloor,
        connect::Connector,
        node::Node,
        sentinel::Sentinels,
        server::{Location, ServerContext},
    },
    context::Context,
    keyspace::key_names::KeyNames,
    stats::RedisLogSums,
};

/// The connections to Redis: one server, a master under sentinels, or a Cluster. Clones share them.
///
/// Needs a tokio runtime, any at a time: when one ends, calls from the next open the connections anew. A lost
/// connection is opened again in the background, with growing pauses between attempts. Meanwhile calls fail with
/// `Unavailable` at once.
///
/// ```no_run
/// use cache_core::Clock;
/// use cache_l1_redis::{Redis, RedisConfig};
///
/// # async fn run() -> cache_core::Result<()> {
/// let redis = Redis::connect(RedisConfig::single("redis://127.0.0.1")?, Clock::system()).await?;
/// let tier = redis.tier();
/// let bus = redis.bus("prices");
/// let lease = redis.lease();
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Redis(Arc<Context>);

impl Redis {
    /// Begins to connect in the background. Succeeds even if no server answers yet: calls succeed once one
    /// does. `clock` must be a clone of the cache's.
    ///
    /// # Errors
    ///
    /// `Config` for settings out of range, for certificates that can't be read, and outside a tokio runtime.
    pub fn new(config: RedisConfig, clock: Clock) -> Result<Self> {
        config.validate()?;
        if Handle::try_current().is_err() {
            return Err(Error::new(
                ErrorKind::Config,
                "connect",
                "Redis needs a tokio runtime: call this from within one",
            ));
        }
        let connector = Connector::new(&config, &config.login)?;
        let topology = config.topology.clone();
        let names = KeyNames::new(&config.namespace, matches!(topology, Topology::Cluster(_)));
        let servers =
            Arc::new(ServerContext { config, clock, connector, birth_floor: BirthFloor::default() });
        let router = match topology {
            Topology::Single(address) => Router::One(Node::new(&servers, Location::Fixed(address))),
            Topology::Cluster(seeds) => Router::Cluster(Box::new(Cluster::new(&servers, seeds))),
            Topology::Sentinel { sentinels, login, master } => {
                let connector = Connector::new(&servers.config, &login)?;
                let sentinels = Sentinels { addresses: sentinels, connector, master };
                Router::One(Node::new(&servers, Location::Sentinels(sentinels)))
            }
        };
        let log_sums = RedisLogSums::new(servers.clock.clone());
        Ok(Self(Arc::new(Context { servers, router, names, log_sums })))
    }

    /// Connects, and waits until that has succeeded. Of a Cluster, one node is enough.
    ///
    /// # Errors
    ///
    /// As [`Redis::new`], and the reason if connecting failed.
    pub async fn connect(config: RedisConfig, clock: Clock) -> Result<Self> {
        let redis = Self::new(config, clock)?;
        match redis.0.router.first_attempt().await {
            Some(error) => Err(error),
            None => Ok(redis),
        }
    }

    /// Returns a tier that keeps its entries in Redis.
    #[must_use]
    pub fn tier(&self) -> RedisTier {
        RedisTier::from_context(self.0.clone())
    }

    /// Returns a bus over the channel of that name, within the configured namespace. It connects all
    /// processes that use the same channel of the same servers.
    #[must_use]
    pub fn bus(&self, channel: &str) -> RedisBus {
        RedisBus::from_context(self.0.clone(), channel)
    }

    /// Returns leases that are kept in Redis.
    #[must_use]
    pub fn lease(&self) -> RedisLease {
        RedisLease::from_context(self.0.clone())
    }

    /// Returns the calls that nodes count together in Redis.
    #[must_use]
    pub fn quota(&self) -> RedisQuota {
        RedisQuota::from_context(self.0.clone())
    }

    /// Returns the state of the servers as it was last seen. Sends nothing.
    #[must_use]
    pub fn health(&self) -> RedisHealth {
        RedisHealth::of(&self.0.router)
    }
}
