//! The cache of a node: built by its configuration, it carries out requests.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use cache_core::{Clock, Key, Loader, Result, Tier, TierExt, Ttl};
use cache_facade::{Cache, Guard, OnBusLoss, Region};
use cache_l1_redis::{Redis, RedisConfig, RedisTier};
use cache_l2_pg::{PgConfig, PgTier, Postgres};

use crate::{
    config::{Backend, NodeConfig},
    protocol::{self, NodeState, Reply, Request},
    slow_tier::SlowTier,
    swallowing_bus::SwallowingBus,
};

/// A cache over memory, Redis and PostgreSQL, with direct access to both tiers. The region's kind is `k`, its
/// values are versions.
#[derive(Clone, Debug)]
pub struct NodeCache {
    /// The cache.
    pub cache: Cache,
    /// Its one region.
    pub region: Region<u64>,
    redis: RedisTier,
    postgres: PgTier,
    swallow: Arc<AtomicBool>,
}

impl NodeCache {
    /// Builds a cache by the configuration. It starts even if its servers are down.
    ///
    /// # Errors
    ///
    /// `Config` for an invalid configuration.
    pub async fn build(config: &NodeConfig, loader: impl Loader<u64>) -> Result<Self> {
        let clock = Clock::system();
        let redis = Redis::new(RedisConfig::parse(&config.redis)?, clock.clone())?;
        let postgres = Postgres::new(PgConfig::new(&config.postgres)?, clock.clone())?;
        let (fast, lasting) = (redis.tier(), postgres.tier());
        let swallow = Arc::new(AtomicBool::new(false));
        let mut builder = Cache::builder()
            .namespace(&config.namespace)
            .clock(clock.clone())
            .on_bus_loss(if config.ask_on_bus_loss { OnBusLoss::AskTiers } else { OnBusLoss::ServeMemory })
            .tier(guarded(config, slow(config, fast.clone(), &clock)))
            .tier(guarded(config, slow(config, lasting.clone(), &clock)));
        builder = match config.bus {
            Some(Backend::Redis) => builder.bus(SwallowingBus::new(redis.bus("nodes"), &swallow)),
            Some(Backend::Postgres) => builder.bus(SwallowingBus::new(postgres.bus("nodes")?, &swallow)),
            None => builder,
        };
        builder = match config.lease {
            Some(Backend::Redis) => builder.lease(redis.lease()),
            Some(Backend::Postgres) => builder.lease(postgres.lease()),
            None => builder,
        };
        let cache = builder.build().await?;
        let region = cache.region::<u64>("k").ttl(Ttl::new(config.life)).loader(loader).open()?;
        Ok(Self { cache, region, redis: fast, postgres: lasting, swallow })
    }

    /// Carries out a request.
    ///
    /// # Errors
    ///
    /// What a caller of the cache would get; of a look into a tier, that tier's.
    pub async fn handle(&self, request: Request) -> Result<Reply> {
        let began = Instant::now();
        let took = || u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
        Ok(match request {
            Request::Get(id) => {
                let version = self.region.get(&id).await?;
                Reply::Got(version.as_deref().copied(), took())
            }
            Request::Put(id, version) => {
                self.region.put(&id, version).await?;
                Reply::Written(took())
            }
            Request::Remove(id) => {
                self.region.remove(&id).await?;
                Reply::Written(took())
            }
            Request::Inspect(id) => Reply::Versions(self.versions(&id).await?),
            Request::ShiftClock(micros) => {
                self.cache.clock().shift_wall(micros);
                Reply::Written(took())
            }
            Request::SwallowMessages(swallow) => {
                self.swallow.store(swallow, Ordering::Relaxed);
                Reply::Written(took())
            }
            Request::State => Reply::State(self.state()),
        })
    }

    /// The version of a key in memory and in each tier, read without the cache.
    ///
    /// # Errors
    ///
    /// If a tier can't be read.
    pub async fn versions(&self, id: &str) -> Result<Vec<(String, Option<u64>)>> {
        let key = self.region.key(id)?;
        let near = self.region.peek(id).as_deref().copied();
        let mut held = vec![("memory".to_owned(), near)];
        held.push((self.redis.name().to_owned(), version_in(&self.redis, &key).await?));
        held.push((self.postgres.name().to_owned(), version_in(&self.postgres, &key).await?));
        Ok(held)
    }

    fn state(&self) -> NodeState {
        let (health, stats) = (self.cache.health(), self.cache.stats());
        let of_tiers = health.tiers.iter().filter_map(|tier| tier.error.as_ref());
        let of_bus = health.bus.iter().filter(|bus| !bus.connected).filter_map(|bus| bus.error.as_ref());
        NodeState {
            healthy: health.healthy,
            troubles: of_tiers.chain(of_bus).map(ToString::to_string).collect(),
            loads: stats.loads,
            memory_hits: stats.memory.hits,
            bus: stats.bus.map(|bus| protocol::BusCounts {
                name: bus.name.to_owned(),
                sent: bus.sent,
                received: bus.received,
                unproven: bus.unproven,
                errors: bus.errors,
            }),
            tiers: stats
                .tiers
                .iter()
                .map(|tier| protocol::TierCounts {
                    name: tier.name.to_owned(),
                    hits: tier.hits,
                    misses: tier.misses,
                    errors: tier.errors,
                    pending: tier.pending,
                    lost: tier.lost,
                })
                .collect(),
        }
    }
}

/// The version of a key in a tier.
async fn version_in(tier: &impl Tier, key: &Key) -> Result<Option<u64>> {
    let entry = tier.get_one(key).await?;
    entry.and_then(|entry| entry.value).map(|blob| blob.decode::<u64>(blob.schema)).transpose()
}

fn slow(config: &NodeConfig, tier: impl Tier, clock: &Clock) -> Arc<dyn Tier> {
    if config.slow_puts.is_zero() && config.compares {
        return Arc::new(tier);
    }
    let (longest, compares, clock) = (config.slow_puts, config.compares, clock.clone());
    Arc::new(SlowTier { inner: tier, longest, compares, clock })
}

fn guarded(config: &NodeConfig, tier: Arc<dyn Tier>) -> Arc<dyn Tier> {
    match config.guard {
        Some(arm) => Arc::new(Guard::new(tier, arm.into())),
        None => tier,
    }
}
