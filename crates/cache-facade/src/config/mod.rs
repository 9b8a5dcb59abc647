//! A cache from its configuration: YAML, environment and flags; which tiers there are depends on the features.
//!
#![cfg_attr(feature = "disk", doc = "```")]
#![cfg_attr(not(feature = "disk"), doc = "```ignore")]
//! use cache_facade::{CacheBuilder, Clock, config::CacheConfig};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> cache_facade::Result<()> {
//! # let folder = tempfile::tempdir().unwrap();
//! # let folder = folder.path().display();
//! let config = CacheConfig::from_yaml(&format!("memory: {{mib: 16}}\ndisk: {{dir: {folder}}}"))?;
//! let cache = CacheBuilder::from_config(&config, Clock::system())?.build().await?;
//! assert_eq!(cache.stats().memory.budget, 16 << 20);
//! # Ok(())
//! # }
//! ```

mod cache;
mod life_setting;
mod sections;

use std::sync::Arc;
#[cfg(any(feature = "redis", feature = "postgres"))]
use std::time::Duration;

use cache_core::{Clock, QuotaStore, Result};

pub use cache::{CacheConfig, reader};
pub use cache_config::{
    ConfigErrors, ConfigReader, Origin, Position, Profile, Section, Setting, SettingSpec, Validator, Values,
    YamlValue, example, read_value, setting,
};
pub use cache_core::Secret;
pub use life_setting::LifeSetting;
pub use sections::{
    BusCarrier, BusSection, DiskSection, LeaseSection, LivesSection, MemorySection, PostgresSection,
    ProfileSection, RedisSection,
};

use crate::CacheBuilder;

/// How long the breaker of a shared tier stays open.
#[cfg(any(feature = "redis", feature = "postgres"))]
const BREAKER_PAUSE: Duration = Duration::from_secs(1);

#[cfg(any(feature = "redis", feature = "postgres"))]
fn guard_settings(timeout: f64, retries: u32) -> crate::GuardSettings {
    crate::GuardSettings { timeout: seconds(timeout), retries, pause: BREAKER_PAUSE, ..Default::default() }
}

#[cfg(any(feature = "redis", feature = "postgres"))]
fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
}

/// Why a setting can't be used: what it is for was not built in.
#[cfg(not(all(feature = "disk", feature = "redis", feature = "postgres")))]
fn built_without(feature: &str) -> String {
    format!("this program was built without {feature}: leave it out, or build with the feature {feature}")
}

#[cfg(feature = "disk")]
impl CacheConfig {
    /// Opens the disk tier, in the subfolder `disk` of the configured folder.
    ///
    /// # Errors
    ///
    /// If the folder can't be opened.
    pub fn open_disk(&self, clock: &Clock) -> Result<crate::disk::DiskTier> {
        crate::disk::DiskTier::open(self.disk_config().clock(clock.clone()))
    }

    /// Returns what counts calls of a single node over its restarts, in the subfolder `quota` of the configured
    /// folder.
    fn disk_quota(&self, clock: &Clock) -> Option<Arc<dyn QuotaStore>> {
        Some(Arc::new(crate::disk::DiskQuota::new(self.disk.dir.join("quota"), clock.clone())))
    }

    fn disk_config(&self) -> crate::disk::DiskConfig {
        crate::disk::DiskConfig::new(self.disk.dir.join("disk")).max_bytes(self.disk.mib << 20)
    }
}

#[cfg(not(feature = "disk"))]
impl CacheConfig {
    fn disk_quota(&self, _: &Clock) -> Option<Arc<dyn QuotaStore>> {
        None
    }
}

impl CacheConfig {
    /// Returns where calls to a source are counted, so that its quota holds for all nodes and over restarts:
    /// Redis if it is configured, else PostgreSQL, else the disk; `None` if none of them was built in. It has
    /// connections of its own.
    ///
    /// # Errors
    ///
    /// As [`CacheConfig::share`]. Redis needs a tokio runtime.
    pub fn quota_store(&self, clock: &Clock) -> Result<Option<Arc<dyn QuotaStore>>> {
        if let Some(store) = redis_quota(self, clock)? {
            return Ok(Some(store));
        }
        Ok(postgres_quota(self, clock)?.or_else(|| self.disk_quota(clock)))
    }
}

#[cfg(feature = "disk")]
fn add_disk(config: &CacheConfig, builder: CacheBuilder) -> Result<CacheBuilder> {
    builder.disk(config.disk_config())
}

/// Says why a setting of the disk can't be used, if so.
#[cfg(feature = "disk")]
fn without_disk() -> Option<String> {
    None
}

#[cfg(not(feature = "disk"))]
fn without_disk() -> Option<String> {
    Some(built_without("disk"))
}

#[cfg(not(feature = "disk"))]
fn add_disk(_: &CacheConfig, builder: CacheBuilder) -> Result<CacheBuilder> {
    Ok(builder)
}

#[cfg(feature = "redis")]
fn redis_config(config: &CacheConfig) -> Result<Option<crate::redis::RedisConfig>> {
    let section = &config.redis;
    let Some(url) = &section.url else { return Ok(None) };
    let mut config = crate::redis::RedisConfig::parse(url.reveal())?
        .connections(usize::try_from(section.pool_size).unwrap_or(usize::MAX))
        .response_timeout(seconds(section.timeout));
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
fn add_redis(config: &CacheConfig, builder: CacheBuilder) -> Result<CacheBuilder> {
    let Some(settings) = redis_config(config)? else { return Ok(builder) };
    let retries = u32::from(config.redis.retry_on_timeout);
    builder.redis_guarded(settings, guard_settings(config.redis.timeout, retries))
}

#[cfg(feature = "redis")]
fn redis_quota(config: &CacheConfig, clock: &Clock) -> Result<Option<Arc<dyn QuotaStore>>> {
    let Some(settings) = redis_config(config)? else { return Ok(None) };
    Ok(Some(Arc::new(crate::redis::Redis::new(settings.connections(1), clock.clone())?.quota())))
}

#[cfg(not(feature = "redis"))]
fn redis_quota(_: &CacheConfig, _: &Clock) -> Result<Option<Arc<dyn QuotaStore>>> {
    Ok(None)
}

#[cfg(not(feature = "redis"))]
fn redis_config(_: &CacheConfig) -> Result<()> {
    Ok(())
}

#[cfg(not(feature = "redis"))]
fn redis_url(_: &str) -> Result<(), String> {
    Err(built_without("redis"))
}

#[cfg(not(feature = "redis"))]
fn add_redis(config: &CacheConfig, builder: CacheBuilder) -> Result<CacheBuilder> {
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
fn add_postgres(config: &CacheConfig, builder: CacheBuilder) -> Result<CacheBuilder> {
    let section = &config.postgres;
    let Some(url) = &section.url else { return Ok(builder) };
    let pool_size = usize::try_from(section.pool_size).unwrap_or(usize::MAX);
    let settings = crate::postgres::PgConfig::new(url.reveal())?.pool_size(pool_size);
    builder.postgres_guarded(settings, guard_settings(section.timeout, 1))
}

#[cfg(feature = "postgres")]
fn postgres_quota(config: &CacheConfig, clock: &Clock) -> Result<Option<Arc<dyn QuotaStore>>> {
    let Some(url) = &config.postgres.url else { return Ok(None) };
    let settings = crate::postgres::PgConfig::new(url.reveal())?.pool_size(1);
    Ok(Some(Arc::new(crate::postgres::Postgres::new(settings, clock.clone())?.quota())))
}

#[cfg(not(feature = "postgres"))]
fn postgres_quota(_: &CacheConfig, _: &Clock) -> Result<Option<Arc<dyn QuotaStore>>> {
    Ok(None)
}

#[cfg(not(feature = "postgres"))]
fn postgres_url(_: &str) -> Result<(), String> {
    Err(built_without("postgres"))
}

#[cfg(not(feature = "postgres"))]
fn add_postgres(config: &CacheConfig, builder: CacheBuilder) -> Result<CacheBuilder> {
    match &config.postgres.url {
        Some(_) => {
            Err(cache_core::Error::new(cache_core::ErrorKind::Config, "configure", built_without("postgres")))
        }
        None => Ok(builder),
    }
}

#[cfg(test)]
mod tests {
    use super::CacheConfig;

    /// Reads settings for what may not be built in, and returns the error if it is not.
    fn refused(yaml: &str) -> Option<String> {
        CacheConfig::from_yaml(yaml).err().map(|error| error.to_string())
    }

    #[test]
    fn what_was_not_built_in_is_refused_and_its_feature_named() {
        for (yaml, feature, built_in) in [
            ("disk: {dir: ./data}", "disk", cfg!(feature = "disk")),
            ("disk: {mib: 64}", "disk", cfg!(feature = "disk")),
            ("redis: {url: \"redis://cache\"}", "redis", cfg!(feature = "redis")),
            ("redis: {url: \"rediss://cache\"}", "redis", cfg!(feature = "redis-tls")),
            ("postgres: {url: \"postgres://db/market\"}", "postgres", cfg!(feature = "postgres")),
            (
                "postgres: {url: \"postgres://db/market?sslmode=require\"}",
                "postgres",
                cfg!(feature = "postgres-tls"),
            ),
        ] {
            let error = refused(yaml);
            assert_eq!(error.is_none(), built_in, "{yaml}: {error:?}");
            let names = |error: &String| error.contains("the feature") && error.contains(feature);
            assert!(error.as_ref().is_none_or(names), "{error:?}");
        }
        assert_eq!(refused("memory: {mib: 16}"), None, "and what is left out is no error");
    }
}
