//! The tier on Redis by its URL: opened when the cache is built, with its bus and its lease.

use std::sync::Arc;

use cache_core::{Bus, Clock, Error, Lease, Result};
use cache_l1_redis::{Redis, RedisConfig};

use crate::{
    CacheBuilder, GuardSettings,
    sources::tier_source::{OpenedTier, TierSource, guarded},
};

/// Redis, not yet connected to.
#[derive(Debug)]
struct RedisSource {
    config: RedisConfig,
    guard: GuardSettings,
}

impl TierSource for RedisSource {
    fn server(&self) -> Option<&'static str> {
        Some("redis")
    }

    fn open(self: Box<Self>, clock: &Clock, topic: Option<&str>, lease: bool) -> Result<OpenedTier> {
        let redis = Redis::new(self.config, clock.clone())?;
        let bus = topic.map(|topic| Arc::new(redis.bus(topic)) as Arc<dyn Bus>);
        let lease = lease.then(|| Arc::new(redis.lease()) as Arc<dyn Lease>);
        Ok(OpenedTier { tier: guarded(redis.tier(), self.guard, clock), local: false, bus, lease })
    }
}

impl CacheBuilder {
    /// Adds the tier on this Redis behind those added before: in a [`Guard`](crate::Guard), by the clock of the
    /// cache, and, unless they are set otherwise, with the bus and the lease. Takes a URL, as
    /// [`RedisConfig::parse`](crate::redis::RedisConfig::parse) reads it, or a `RedisConfig`. It is connected to
    /// once the cache is built; a server that can't be reached then is used once it can be.
    ///
    /// # Errors
    ///
    /// `Config` for a text that is no URL, which the error does not repeat, for settings out of range, and for
    /// certificates that can't be read.
    pub fn redis(self, redis: impl TryInto<RedisConfig, Error: Into<Error>>) -> Result<Self> {
        self.redis_guarded(redis.try_into().map_err(Into::into)?, GuardSettings::default())
    }

    /// The same in a guard with these settings, but for its clock.
    pub(crate) fn redis_guarded(self, config: RedisConfig, guard: GuardSettings) -> Result<Self> {
        config.check()?;
        Ok(self.source(RedisSource { config, guard }))
    }
}
