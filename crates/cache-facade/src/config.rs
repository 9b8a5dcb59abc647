//! A cache by configuration: what can be set, read from a file, the environment and flags, and made.

mod cache;
mod example;
mod mask;
mod nearest;
mod node;
mod print;
mod profile;
mod read;
mod reading;
mod secret;
mod sections;
mod setting;
mod values;
mod yaml;

#[cfg(any(feature = "redis", feature = "postgres"))]
use std::time::Duration;

use cache_core::{Clock, Result};

pub use cache::CacheConfig;
pub use example::example;
pub use node::Place;
pub use profile::Profile;
pub use read::read_value;
pub use reading::{Faults, Reading};
pub use secret::Secret;
pub use sections::{
    BusSection, By, DiskSection, LeaseSection, MemorySection, PostgresSection, ProfileSection, RedisSection,
};
#[doc(hidden)]
pub use setting::declared;
pub use setting::{Check, Setting, Traits, setting};
pub use values::{Origin, Section, Values};

use crate::CacheBuilder;

/// Variables that are read by others than a setting.
const OTHER_VARIABLES: &[&str] = &["CACHE_CONFIG"];
/// The channel of the bus.
#[cfg(any(feature = "redis", feature = "postgres"))]
const CHANNEL: &str = "cache_server";
/// How long a shared tier is left alone after repeated failures.
#[cfg(any(feature = "redis", feature = "postgres"))]
const PAUSE: Duration = Duration::from_secs(1);

#[cfg(any(feature = "redis", feature = "postgres"))]
impl CacheConfig {
    /// Which of the servers carries the bus.
    fn carrier(&self) -> By {
        match (self.bus.by, &self.redis.url, &self.postgres.url) {
            (Some(by), ..) => by,
            (None, Some(_), _) => By::Redis,
            (None, None, Some(_)) => By::Postgres,
            _ => By::Off,
        }
    }
}

#[cfg(any(feature = "redis", feature = "postgres"))]
fn guard(timeout: f64, retries: u32, clock: &Clock) -> crate::GuardSettings {
    let (timeout, clock) = (seconds(timeout), clock.clone());
    crate::GuardSettings { timeout, retries, pause: PAUSE, clock, ..Default::default() }
}

#[cfg(any(feature = "redis", feature = "postgres"))]
fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
}

/// Why a URL can't be used: nothing here can speak to it.
#[cfg(not(all(feature = "redis", feature = "postgres")))]
fn built_without(feature: &str) -> String {
    format!("this program was built without {feature}: leave it out, or build with the feature {feature}")
}

#[cfg(feature = "disk")]
impl CacheConfig {
    /// Opens the disk tier: in the folder `disk` of the configured one.
    ///
    /// # Errors
    ///
    /// If the folder can't be opened.
    pub fn open_disk(&self, clock: &Clock) -> Result<crate::disk::DiskTier> {
        let config = crate::disk::DiskConfig::new(self.disk.dir.join("disk"))
            .max_bytes(self.disk.mib << 20)
            .clock(clock.clone());
        crate::disk::DiskTier::open(config)
    }
}

#[cfg(feature = "disk")]
fn with_disk(config: &CacheConfig, builder: CacheBuilder, clock: &Clock) -> Result<CacheBuilder> {
    Ok(builder.local_tier(config.open_disk(clock)?))
}

#[cfg(not(feature = "disk"))]
fn with_disk(_: &CacheConfig, builder: CacheBuilder, _: &Clock) -> Result<CacheBuilder> {
    Ok(builder)
}

#[cfg(feature = "redis")]
fn redis(config: &CacheConfig) -> Result<Option<crate::redis::RedisConfig>> {
    let section = &config.redis;
    let Some(url) = &section.url else { return Ok(None) };
    let mut config = crate::redis::RedisConfig::parse(url.reveal())?
        .connections(usize::try_from(section.pool_size).unwrap_or(usize::MAX))
        .response_limit(seconds(section.timeout));
    if let Some(password) = &section.password {
        config = config.password(password.reveal());
    }
    match section.db {
        Some(number) => config.database(number).map(Some),
        None => Ok(Some(config)),
    }
}

#[cfg(feature = "redis")]
fn redis_url(text: &str) -> Result<(), String> {
    crate::redis::RedisConfig::parse(text).map(drop).map_err(|error| error.to_string())
}

#[cfg(feature = "redis")]
fn join_redis(config: &CacheConfig, builder: CacheBuilder, clock: &Clock) -> Result<CacheBuilder> {
    let Some(settings) = redis(config)? else { return Ok(builder) };
    let redis = crate::redis::Redis::new(settings, clock.clone())?;
    let retries = u32::from(config.redis.retry_on_timeout);
    let builder = builder.tier(crate::Guard::new(redis.tier(), guard(config.redis.timeout, retries, clock)));
    Ok(match (config.carrier(), config.lease.enabled) {
        (By::Redis, true) => builder.bus(redis.bus(CHANNEL)).lease(redis.lease()),
        (By::Redis, false) => builder.bus(redis.bus(CHANNEL)),
        _ => builder,
    })
}

#[cfg(not(feature = "redis"))]
fn redis(_: &CacheConfig) -> Result<()> {
    Ok(())
}

#[cfg(not(feature = "redis"))]
fn redis_url(_: &str) -> Result<(), String> {
    Err(built_without("redis"))
}

#[cfg(not(feature = "redis"))]
fn join_redis(config: &CacheConfig, builder: CacheBuilder, _: &Clock) -> Result<CacheBuilder> {
    match &config.redis.url {
        Some(_) => {
            Err(cache_core::Error::new(cache_core::ErrorKind::Config, "configure", built_without("redis")))
        }
        None => Ok(builder),
    }
}

#[cfg(feature = "postgres")]
fn postgres_url(text: &str) -> Result<(), String> {
    crate::postgres::PgConfig::new(text).map(drop).map_err(|error| error.to_string())
}

#[cfg(feature = "postgres")]
fn join_postgres(config: &CacheConfig, builder: CacheBuilder, clock: &Clock) -> Result<CacheBuilder> {
    let section = &config.postgres;
    let Some(url) = &section.url else { return Ok(builder) };
    let pool_size = usize::try_from(section.pool_size).unwrap_or(usize::MAX);
    let settings = crate::postgres::PgConfig::new(url.reveal())?.pool_size(pool_size);
    let postgres = crate::postgres::Postgres::new(settings, clock.clone())?;
    let builder = builder.tier(crate::Guard::new(postgres.tier(), guard(section.timeout, 1, clock)));
    Ok(match (config.carrier(), config.lease.enabled) {
        (By::Postgres, true) => builder.bus(postgres.bus(CHANNEL)?).lease(postgres.lease()),
        (By::Postgres, false) => builder.bus(postgres.bus(CHANNEL)?),
        _ => builder,
    })
}

#[cfg(not(feature = "postgres"))]
fn postgres_url(_: &str) -> Result<(), String> {
    Err(built_without("postgres"))
}

#[cfg(not(feature = "postgres"))]
fn join_postgres(config: &CacheConfig, builder: CacheBuilder, _: &Clock) -> Result<CacheBuilder> {
    match &config.postgres.url {
        Some(_) => {
            Err(cache_core::Error::new(cache_core::ErrorKind::Config, "configure", built_without("postgres")))
        }
        None => Ok(builder),
    }
}
