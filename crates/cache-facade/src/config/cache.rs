//! CacheConfig: the sections that make a cache, and what must hold between them.

use std::path::Path;

use cache_core::{Clock, Pattern, Result};
use cache_memory::{Eviction, Memory, MemoryBuilder};

use super::{
    BusSection, By, DiskSection, Faults, LeaseSection, MemorySection, PostgresSection, ProfileSection,
    Reading, RedisSection, Section, Setting, Values, join_postgres, join_redis, redis, with_disk,
};
use crate::CacheBuilder;

/// What a cache is made of: memory, a disk, tiers shared with other nodes, and how these hear of each other.
///
/// ```
/// use cache_core::Clock;
/// use cache_facade::{CacheBuilder, config::CacheConfig};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> cache_facade::Result<()> {
/// # let folder = tempfile::tempdir().unwrap();
/// # let folder = folder.path().display();
/// let config = CacheConfig::from_yaml(&format!("memory: {{mib: 16, policy: lru}}\ndisk: {{dir: {folder}}}"))?;
/// let cache = CacheBuilder::from_config(&config, Clock::system())?.build().await?;
/// assert_eq!(cache.stats().memory.budget, 16 << 20);
///
/// let error = CacheConfig::from_yaml("memory: {mb: 16}").unwrap_err();
/// assert!(error.to_string().contains("did you mean memory.mib?"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct CacheConfig {
    /// By which defaults are chosen.
    pub profile: ProfileSection,
    /// The near tier.
    pub memory: MemorySection,
    /// The disk tier.
    pub disk: DiskSection,
    /// The shared tier on Redis.
    pub redis: RedisSection,
    /// The durable tier on PostgreSQL.
    pub postgres: PostgresSection,
    /// What nodes tell each other.
    pub bus: BusSection,
    /// How nodes agree on who loads.
    pub lease: LeaseSection,
}

impl Section for CacheConfig {
    fn settings() -> Vec<Setting> {
        [
            ProfileSection::settings(),
            MemorySection::settings(),
            DiskSection::settings(),
            RedisSection::settings(),
            PostgresSection::settings(),
            BusSection::settings(),
            LeaseSection::settings(),
        ]
        .concat()
    }

    fn read(values: &Values) -> Self {
        Self {
            profile: Section::read(values),
            memory: Section::read(values),
            disk: Section::read(values),
            redis: Section::read(values),
            postgres: Section::read(values),
            bus: Section::read(values),
            lease: Section::read(values),
        }
    }
}

impl Default for CacheConfig {
    fn default() -> Self {
        Self::read(&Values::default())
    }
}

impl CacheConfig {
    /// Reads YAML, in which nothing is missing: what isn't there has its default.
    ///
    /// # Errors
    ///
    /// `Config` with all that is wrong: names that mean nothing, each with the nearest that does, values
    /// that can't be, and what doesn't go together.
    pub fn from_yaml(text: &str) -> Result<Self> {
        let mut reading = Reading::of(Self::settings());
        reading.file("configuration", text);
        Self::finished(reading)
    }

    /// Reads the file at `path`, then the environment's `variables` over it: `std::env::vars()`.
    ///
    /// # Errors
    ///
    /// As [`CacheConfig::from_yaml`], and `Config` for a file that can't be read.
    pub fn from_file(path: &Path, variables: impl IntoIterator<Item = (String, String)>) -> Result<Self> {
        let variables: Vec<(String, String)> = variables.into_iter().collect();
        let mut reading = Reading::of(Self::settings());
        reading.path(path);
        reading.variables(variables.iter().map(|(name, text)| (name.as_str(), text.as_str())));
        Self::finished(reading)
    }

    fn finished(reading: Reading) -> Result<Self> {
        let (values, _) = reading.finish()?;
        let config = Self::read(&values);
        let mut faults = Faults::default();
        config.check(&values, &mut faults);
        Ok(faults.or(config)?)
    }

    /// Notes what does not go together, each where it was given.
    pub fn check(&self, values: &Values, faults: &mut Faults) {
        let mut fault =
            |key: &str, what: String| faults.add(&values.origin(key), format_args!("{key} {what}"));
        let share = self.memory.protected_share;
        if let Some(pattern) = self.memory.protect.first()
            && (self.budget() as f64 * share) < 1.0
        {
            let what = format!(
                "is {share}: {pattern} can't be protected, give a share above 0, such as 0.25 (as by \
                 --memory-protected-share or CACHE_MEMORY_PROTECTED_SHARE), or no memory.protect"
            );
            fault("memory.protected_share", what);
        }
        match self.bus.by {
            Some(By::Redis) if self.redis.url.is_none() => {
                fault("bus.by", "is redis, which needs redis.url (--redis-url or REDIS_URL)".to_owned());
            }
            Some(By::Postgres) if self.postgres.url.is_none() => {
                fault(
                    "bus.by",
                    "is postgres, which needs postgres.url (--postgres-url or DATABASE_URL)".to_owned(),
                );
            }
            _ => {}
        }
        if self.redis.url.is_none() && (self.redis.password.is_some() || self.redis.db.is_some()) {
            let key = if self.redis.password.is_some() { "redis.password" } else { "redis.db" };
            fault(
                key,
                "is given, but not where Redis is: give redis.url (--redis-url or REDIS_URL)".to_owned(),
            );
        }
        if let Err(error) = redis(self) {
            fault("redis.url", format!("can't be used: {error}"));
        }
    }

    /// The settings of the near tier.
    #[must_use]
    pub fn memory(&self) -> MemoryBuilder {
        // Some policies set the share aside, so it is asked for only where something is to take it.
        let share = if self.memory.protect.is_empty() { 0.0 } else { self.memory.protected_share };
        // A name that is none was refused when it was read.
        let eviction: Eviction = self.memory.policy.parse().unwrap_or_default();
        Memory::builder().bytes(self.budget()).eviction(eviction).protected_share(share)
    }

    /// The patterns of keys that memory doesn't evict.
    ///
    /// # Errors
    ///
    /// `Config` for a text that is no pattern.
    pub fn protected(&self) -> Result<Vec<Pattern>> {
        self.memory.protect.iter().map(|text| Pattern::glob(text)).collect()
    }

    /// The shared tiers by name, in order.
    pub fn shared_tiers(&self) -> impl Iterator<Item = &'static str> {
        let redis = self.redis.url.as_ref().map(|_| "redis");
        let postgres = self.postgres.url.as_ref().map(|_| "postgres");
        [redis, postgres].into_iter().flatten()
    }

    /// Puts the shared tiers behind those of `builder`, the bus and the lease beside them. Servers that can't
    /// be reached now are used once they can.
    ///
    /// # Errors
    ///
    /// `Config` for what can't be used, and for a tier whose feature this program was built without.
    pub fn share(&self, builder: CacheBuilder, clock: &Clock) -> Result<CacheBuilder> {
        let builder = join_redis(self, builder, clock)?;
        let builder = join_postgres(self, builder, clock)?;
        Ok(builder.on_bus_loss(self.bus.on_bus_loss))
    }

    fn budget(&self) -> u64 {
        let bytes = self.memory.mib.saturating_mul(1 << 20);
        if self.memory.pressure_threshold < 1.0 {
            (bytes as f64 * self.memory.pressure_threshold) as u64
        } else {
            bytes
        }
    }
}

impl CacheBuilder {
    /// A cache as `config` has it, all in `clock`'s time: memory, the disk, and what is shared.
    /// What is to be protected is for [`Cache::protect`](crate::Cache::protect), once it is built.
    ///
    /// # Errors
    ///
    /// If the disk's folder can't be opened, and as [`CacheConfig::share`].
    pub fn from_config(config: &CacheConfig, clock: Clock) -> Result<Self> {
        let builder = Self::default().memory(config.memory()).clock(clock.clone());
        config.share(with_disk(config, builder, &clock)?, &clock)
    }
}
