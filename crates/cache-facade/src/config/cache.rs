//! CacheConfig: all sections of a cache, and the checks across them.

use std::path::Path;

use cache_config::{ConfigErrors, ConfigReader, Origin, Section, Setting, Values};
use cache_core::{Clock, Error, ErrorKind, Lives, Pattern, Result, Ttl};
use cache_memory::{Eviction, Memory, MemoryBuilder};

use super::{
    BusCarrier, BusSection, DiskSection, LeaseSection, LifeSetting, LivesSection, MemorySection,
    PostgresSection, ProfileSection, RedisSection, add_disk, add_postgres, add_redis, redis_config,
    without_disk,
};
use crate::CacheBuilder;

/// The configuration of a cache: memory, disk, the tiers shared with other nodes, and the bus between nodes.
///
/// ```
/// use cache_facade::config::CacheConfig;
///
/// let config = CacheConfig::from_yaml("memory: {mib: 16, policy: fifo}")?;
/// assert_eq!(config.memory_budget(), 16 << 20);
///
/// let error = CacheConfig::from_yaml("memory: {mb: 16}").unwrap_err();
/// assert!(error.to_string().contains("did you mean memory.mib?"));
/// # Ok::<(), cache_facade::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct CacheConfig {
    /// Development or production.
    pub profile: ProfileSection,
    /// What the classes of lives come to.
    pub lives: LivesSection,
    /// The near tier.
    pub memory: MemorySection,
    /// The disk tier.
    pub disk: DiskSection,
    /// The shared tier on Redis.
    pub redis: RedisSection,
    /// The durable tier on PostgreSQL.
    pub postgres: PostgresSection,
    /// The bus, which carries invalidations between nodes.
    pub bus: BusSection,
    /// The lease, by which one node loads a key.
    pub lease: LeaseSection,
}

/// Returns a reader of `settings` that knows the variables of a cache: those that begin with `CACHE_`, of which
/// unknown ones are warnings, and `CACHE_CONFIG`, which names the file as `--config` does.
///
/// ```
/// use cache_facade::config::{MemorySection, Section, reader};
///
/// let mut reader = reader(MemorySection::settings());
/// reader.env([("CACHE_MEMORY_MIB", "16"), ("CACHE_MEMORY_MB", "32")]);
/// let (values, warnings) = reader.finish()?;
/// assert_eq!(MemorySection::from_values(&values).mib, 16);
/// assert_eq!(warnings, ["unknown variable CACHE_MEMORY_MB: did you mean CACHE_MEMORY_MIB?"]);
/// # Ok::<(), cache_facade::config::ConfigErrors>(())
/// ```
#[must_use]
pub fn reader(settings: Vec<Setting>) -> ConfigReader {
    ConfigReader::new(settings).env_prefix("CACHE_").file_option("config", "CACHE_CONFIG")
}

impl Section for CacheConfig {
    fn settings() -> Vec<Setting> {
        [
            ProfileSection::settings(),
            LivesSection::settings(),
            MemorySection::settings(),
            DiskSection::settings(),
            RedisSection::settings(),
            PostgresSection::settings(),
            BusSection::settings(),
            LeaseSection::settings(),
        ]
        .concat()
    }

    fn from_values(values: &Values) -> Self {
        Self {
            profile: Section::from_values(values),
            lives: Section::from_values(values),
            memory: Section::from_values(values),
            disk: Section::from_values(values),
            redis: Section::from_values(values),
            postgres: Section::from_values(values),
            bus: Section::from_values(values),
            lease: Section::from_values(values),
        }
    }
}

impl Default for CacheConfig {
    fn default() -> Self {
        Self::from_values(&Values::default())
    }
}

impl CacheConfig {
    /// Reads YAML. A setting that is left out has its default.
    ///
    /// # Errors
    ///
    /// `Config` with all errors: unknown names, each with the nearest known one, invalid values, settings that
    /// exclude each other, and those for which this program was built without the feature.
    pub fn from_yaml(text: &str) -> Result<Self> {
        let mut reader = reader(Self::settings());
        reader.yaml("configuration", text);
        Self::finished(reader)
    }

    /// Reads the file at `path`, then environment variables, which replace its values: `std::env::vars()`.
    ///
    /// # Errors
    ///
    /// As [`CacheConfig::from_yaml`], and `Config` for a file that can't be read.
    pub fn from_file(path: &Path, variables: impl IntoIterator<Item = (String, String)>) -> Result<Self> {
        let variables: Vec<(String, String)> = variables.into_iter().collect();
        let mut reader = reader(Self::settings());
        reader.file(path);
        reader.env(variables.iter().map(|(name, text)| (name.as_str(), text.as_str())));
        Self::finished(reader)
    }

    fn finished(reader: ConfigReader) -> Result<Self> {
        Self::checked(reader).map_err(|faults| Error::new(ErrorKind::Config, "configure", faults.to_string()))
    }

    fn checked(reader: ConfigReader) -> Result<Self, ConfigErrors> {
        let check =
            |values: &Values, errors: &mut ConfigErrors| Self::from_values(values).check(values, errors);
        reader.finish_with(check).map(|(values, _)| Self::from_values(&values))
    }

    /// Adds to `errors` what can't hold together, each with its origin. What a refused value is part of is not
    /// looked at.
    pub fn check(&self, values: &Values, errors: &mut ConfigErrors) {
        if !values.is_refused("memory.") {
            self.check_memory(values, errors);
        }
        check_disk(values, errors);
        if !["redis.", "postgres.", "bus."].iter().any(|section| values.is_refused(section)) {
            self.check_servers(values, errors);
        }
    }

    fn check_memory(&self, values: &Values, errors: &mut ConfigErrors) {
        let mut error =
            |key: &str, what: String| errors.add(&values.origin(key), format_args!("{key} {what}"));
        let share = self.memory.protected_share;
        if let Some(pattern) = self.memory.protect.first()
            && (self.memory_budget() as f64 * share) < 1.0
        {
            let what = format!(
                "is {share}: {pattern} can't be protected, give a share above 0, such as 0.25 (as by \
                 --memory-protected-share or CACHE_MEMORY_PROTECTED_SHARE), or no memory.protect"
            );
            error("memory.protected_share", what);
        }
    }

    fn check_servers(&self, values: &Values, errors: &mut ConfigErrors) {
        let mut error =
            |key: &str, what: String| errors.add(&values.origin(key), format_args!("{key} {what}"));
        match self.bus.by {
            Some(BusCarrier::Redis) if self.redis.url.is_none() => {
                error("bus.by", "is redis, which needs redis.url (--redis-url or REDIS_URL)".to_owned());
            }
            Some(BusCarrier::Postgres) if self.postgres.url.is_none() => {
                error(
                    "bus.by",
                    "is postgres, which needs postgres.url (--postgres-url or DATABASE_URL)".to_owned(),
                );
            }
            _ => {}
        }
        if self.redis.url.is_none() && (self.redis.password.is_some() || self.redis.db.is_some()) {
            let key = if self.redis.password.is_some() { "redis.password" } else { "redis.db" };
            error(
                key,
                "is given, but not where Redis is: give redis.url (--redis-url or REDIS_URL)".to_owned(),
            );
        }
        if let Err(why) = redis_config(self) {
            error("redis.url", format!("can't be used: {why}"));
        }
    }

    /// Returns the builder of the near tier.
    #[must_use]
    pub fn memory(&self) -> MemoryBuilder {
        // Some policies reserve the share, so it is set only if there are keys to protect.
        let share = if self.memory.protect.is_empty() { 0.0 } else { self.memory.protected_share };
        // The reader refused unknown names.
        let eviction: Eviction = self.memory.policy.parse().unwrap_or_default();
        Memory::builder().bytes(self.memory_budget()).eviction(eviction).protected_share(share)
    }

    /// Returns the patterns of the keys that memory doesn't evict.
    ///
    /// # Errors
    ///
    /// `Config` if a text is no pattern.
    pub fn protected(&self) -> Result<Vec<Pattern>> {
        self.memory.protect.iter().map(|text| Pattern::glob(text)).collect()
    }

    /// Returns the names of the configured shared tiers, in order.
    pub fn shared_tiers(&self) -> impl Iterator<Item = &'static str> {
        let redis = self.redis.url.as_ref().map(|_| "redis");
        let postgres = self.postgres.url.as_ref().map(|_| "postgres");
        [redis, postgres].into_iter().flatten()
    }

    /// Adds the shared tiers behind those of `builder`, with the bus and the lease. A server that can't be reached
    /// is used once it can be.
    ///
    /// # Errors
    ///
    /// `Config` for an invalid setting, for certificates that can't be read, and for a tier whose feature this
    /// program was built without.
    pub fn share(&self, builder: CacheBuilder) -> Result<CacheBuilder> {
        let mut builder = add_postgres(self, add_redis(self, builder)?)?;
        let sources = &mut builder.sources;
        sources.bus_carriers = match self.bus.by {
            None => sources.bus_carriers,
            Some(BusCarrier::Redis) => &["redis"],
            Some(BusCarrier::Postgres) => &["postgres"],
            Some(BusCarrier::Off) => &[],
        };
        sources.lease_carriers = if self.lease.enabled { sources.bus_carriers } else { &[] };
        Ok(builder.on_bus_loss(self.bus.on_bus_loss))
    }

    /// Returns what each class of lives comes to.
    #[must_use]
    pub fn lives(&self) -> Lives {
        let given =
            |span: Option<LifeSetting>, default| span.map_or(default, |LifeSetting(span)| Ttl::new(span));
        let (section, default) = (&self.lives, Lives::default());
        Lives {
            short: given(section.short, default.short),
            medium: given(section.medium, default.medium),
            long: given(section.long, default.long),
            very_long: given(section.very_long, default.very_long),
        }
    }

    /// Returns the budget of memory in bytes: the share `pressure_threshold` of `mib`.
    #[must_use]
    pub fn memory_budget(&self) -> u64 {
        let bytes = self.memory.mib.saturating_mul(1 << 20);
        if self.memory.pressure_threshold < 1.0 {
            (bytes as f64 * self.memory.pressure_threshold) as u64
        } else {
            bytes
        }
    }
}

/// Refuses settings of a disk that isn't built in: what they were given for would be lost with the process.
fn check_disk(values: &Values, errors: &mut ConfigErrors) {
    let Some(why) = without_disk() else { return };
    for setting in DiskSection::settings() {
        let origin = values.origin(setting.key);
        if origin != Origin::Default {
            errors.add(&origin, format_args!("{} can't be used: {why}", setting.key));
        }
    }
}

impl CacheBuilder {
    /// Returns the builder of the cache that `config` describes: memory, disk and shared tiers, all on `clock`.
    /// Keys are protected by [`Cache::protect`](crate::Cache::protect), once it is built.
    ///
    /// # Errors
    ///
    /// As [`CacheConfig::share`]. A folder of the disk tier that can't be opened fails [`CacheBuilder::build`].
    pub fn from_config(config: &CacheConfig, clock: Clock) -> Result<Self> {
        let builder = Self::default().memory(config.memory()).lives(config.lives()).clock(clock);
        config.share(add_disk(config, builder)?)
    }
}
