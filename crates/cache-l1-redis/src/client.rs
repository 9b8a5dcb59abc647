//! The handle: connects once, for a tier, buses and leases.

use std::sync::Arc;

use cache_core::{Clock, Error, ErrorKind, Result};
use tokio::runtime::Handle;

use crate::{
    RedisBus, RedisConfig, RedisHealth, RedisLease, RedisTier,
    cluster::Cluster,
    cluster::router::Router,
    config::Topology,
    connection::birth_floor::BirthFloor,
    connection::connect::Connector,
    connection::node::Node,
    connection::sentinel::Sentinels,
    connection::server::{Location, ServerContext},
    context::Context,
    keyspace::key_names::KeyNames,
};

/// A connection to Redis, be it one server, a master under sentinels or a Cluster. Clones share it.
///
/// Needs a tokio runtime. What is lost is connected to again in the background, with growing pauses;
/// whoever calls meanwhile is answered `Unavailable` at once.
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
    /// Connects in the background: this works without any server that answers, and so do calls once one
    /// does. `clock` is to be a clone of the cache's own.
    ///
    /// # Errors
    ///
    /// `Config` for settings out of range, certificates that are none, and outside of a tokio runtime.
    pub fn new(config: RedisConfig, clock: Clock) -> Result<Self> {
        config.check()?;
        if Handle::try_current().is_err() {
            return Err(Error::new(ErrorKind::Config, "connect", "Redis needs a tokio runtime to run in"));
        }
        let connector = Connector::new(&config, &config.login)?;
        let sentinels = match &config.topology {
            Topology::Sentinel { sentinels, login, master } => {
                let connector = Connector::new(&config, login)?;
                Some(Sentinels { addresses: sentinels.clone(), connector, master: master.clone() })
            }
            _ => None,
        };
        let topology = config.topology.clone();
        let names = KeyNames::new(&config.namespace, matches!(topology, Topology::Cluster(_)));
        let servers =
            Arc::new(ServerContext { config, clock, connector, birth_floor: BirthFloor::default() });
        let router = match (topology, sentinels) {
            (Topology::Single(address), _) => Router::One(Node::new(&servers, Location::Fixed(address))),
            (Topology::Cluster(seeds), _) => Router::Cluster(Box::new(Cluster::new(&servers, seeds))),
            (Topology::Sentinel { .. }, Some(sentinels)) => {
                Router::One(Node::new(&servers, Location::Sentinels(sentinels)))
            }
            (Topology::Sentinel { .. }, None) => unreachable!("made above"),
        };
        Ok(Self(Arc::new(Context { servers, router, names })))
    }

    /// The same, and waits until it is connected. Of a Cluster, one node is enough.
    ///
    /// # Errors
    ///
    /// As [`Redis::new`], and why connecting failed.
    pub async fn connect(config: RedisConfig, clock: Clock) -> Result<Self> {
        let redis = Self::new(config, clock)?;
        match redis.0.router.first_attempt().await {
            Some(error) => Err(error),
            None => Ok(redis),
        }
    }

    /// A tier that keeps its entries there.
    #[must_use]
    pub fn tier(&self) -> RedisTier {
        RedisTier::from_context(self.0.clone())
    }

    /// A bus over a channel of that name, within the configured namespace. Who listens to the same channel
    /// of the same servers hears what is published there.
    #[must_use]
    pub fn bus(&self, channel: &str) -> RedisBus {
        RedisBus::from_context(self.0.clone(), channel)
    }

    /// Leases that are kept there.
    #[must_use]
    pub fn lease(&self) -> RedisLease {
        RedisLease::from_context(self.0.clone())
    }

    /// How the servers are doing, as far as they are known. Asks nobody.
    #[must_use]
    pub fn health(&self) -> RedisHealth {
        RedisHealth::of(&self.0.router)
    }
}
