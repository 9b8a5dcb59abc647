//! A node's cache: built by a recipe, and doing what it is told.

use std::{sync::Arc, time::Instant};

use cache_core::{Clock, Key, Loader, Result, Tier, TierExt, Ttl};
use cache_facade::{Cache, Guard, OnBusLoss, Region};
use cache_l1_redis::{Redis, RedisConfig, RedisTier};
use cache_l2_pg::{PgConfig, PgTier, Postgres};

use crate::{
    recipe::{Over, Recipe},
    slow::Slow,
    wire::{self, Answer, Order, State},
};

/// A cache over memory, Redis and PostgreSQL, and the tiers behind its back. The region's kind is `k`, its
/// values are versions.
#[derive(Clone, Debug)]
pub struct Site {
    /// The cache.
    pub cache: Cache,
    /// Its one region.
    pub region: Region<u64>,
    redis: RedisTier,
    postgres: PgTier,
}

impl Site {
    /// Builds a cache by the recipe. Servers that are down don't keep it from starting.
    ///
    /// # Errors
    ///
    /// `Config` for a recipe that makes no sense.
    pub async fn build(recipe: &Recipe, loader: impl Loader<u64>) -> Result<Self> {
        let clock = Clock::system();
        let redis = Redis::new(RedisConfig::parse(&recipe.redis)?, clock.clone())?;
        let postgres = Postgres::new(PgConfig::new(&recipe.postgres)?, clock.clone())?;
        let (fast, lasting) = (redis.tier(), postgres.tier());
        let mut builder = Cache::builder()
            .namespace(&recipe.namespace)
            .clock(clock.clone())
            .on_bus_loss(if recipe.asks_tiers_on_bus_loss {
                OnBusLoss::AskTiers
            } else {
                OnBusLoss::ServeMemory
            })
            .tier(guarded(recipe, slow(recipe, fast.clone(), &clock)))
            .tier(guarded(recipe, slow(recipe, lasting.clone(), &clock)));
        builder = match recipe.bus {
            Some(Over::Redis) => builder.bus(redis.bus("fleet")),
            Some(Over::Postgres) => builder.bus(postgres.bus("fleet")?),
            None => builder,
        };
        builder = match recipe.lease {
            Some(Over::Redis) => builder.lease(redis.lease()),
            Some(Over::Postgres) => builder.lease(postgres.lease()),
            None => builder,
        };
        let cache = builder.build().await?;
        let region = cache.region::<u64>("k").ttl(Ttl::new(recipe.life)).loader(loader).open()?;
        Ok(Self { cache, region, redis: fast, postgres: lasting })
    }

    /// Does what it is told.
    ///
    /// # Errors
    ///
    /// What a caller of the cache would get; of a look into a tier, that tier's.
    pub async fn follow(&self, order: Order) -> Result<Answer> {
        let began = Instant::now();
        let took = || u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
        Ok(match order {
            Order::Get(id) => {
                let version = self.region.get(&id).await?;
                Answer::Got(version.as_deref().copied(), took())
            }
            Order::Put(id, version) => {
                self.region.put(&id, version).await?;
                Answer::Written(took())
            }
            Order::Remove(id) => {
                self.region.remove(&id).await?;
                Answer::Written(took())
            }
            Order::Held(id) => Answer::Held(self.held(&id).await?),
            Order::State => Answer::State(self.state()),
        })
    }

    /// What each tier holds of a key, memory first, without the cache in between.
    ///
    /// # Errors
    ///
    /// If a tier can't look.
    pub async fn held(&self, id: &str) -> Result<Vec<(String, Option<u64>)>> {
        let key = self.region.key(id)?;
        let near = self.region.peek(id).as_deref().copied();
        let mut held = vec![("memory".to_owned(), near)];
        held.push((self.redis.name().to_owned(), version_in(&self.redis, &key).await?));
        held.push((self.postgres.name().to_owned(), version_in(&self.postgres, &key).await?));
        Ok(held)
    }

    fn state(&self) -> State {
        let (health, stats) = (self.cache.health(), self.cache.stats());
        let of_tiers = health.tiers.iter().filter_map(|tier| tier.error.as_ref());
        let of_bus = health.bus.iter().filter(|bus| !bus.connected).filter_map(|bus| bus.error.as_ref());
        State {
            healthy: health.healthy,
            troubles: of_tiers.chain(of_bus).map(ToString::to_string).collect(),
            loads: stats.loads,
            memory_hits: stats.memory.hits,
            bus: stats.bus.map(|bus| wire::Bus {
                name: bus.name.to_owned(),
                sent: bus.sent,
                received: bus.received,
                unproven: bus.unproven,
                errors: bus.errors,
            }),
            tiers: stats
                .tiers
                .iter()
                .map(|tier| wire::Tier {
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

/// What a tier holds of a key.
async fn version_in(tier: &impl Tier, key: &Key) -> Result<Option<u64>> {
    let entry = tier.get_one(key).await?;
    entry.and_then(|entry| entry.value).map(|blob| blob.decode::<u64>(blob.schema)).transpose()
}

fn slow(recipe: &Recipe, tier: impl Tier, clock: &Clock) -> Arc<dyn Tier> {
    if recipe.slow_puts.is_zero() && recipe.compares {
        return Arc::new(tier);
    }
    let (longest, compares, clock) = (recipe.slow_puts, recipe.compares, clock.clone());
    Arc::new(Slow { inner: tier, longest, compares, clock })
}

fn guarded(recipe: &Recipe, tier: Arc<dyn Tier>) -> Arc<dyn Tier> {
    match recipe.guard {
        Some(arm) => Arc::new(Guard::new(tier, arm.into())),
        None => tier,
    }
}
