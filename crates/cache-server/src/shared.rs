//! What this node shares with others: tiers on Redis and PostgreSQL, a bus, and a lease.

use std::{fmt, str::FromStr, time::Duration};

use cache_core::{Clock, Error, ErrorKind, Result};
use cache_facade::{
    CacheBuilder, Guard, GuardSettings, WhenDeaf,
    postgres::{PgConfig, Postgres},
    redis::{Redis, RedisConfig},
};

/// The channel of the bus.
const CHANNEL: &str = "cache_server";

/// How long one attempt at a shared tier may take, and how long it is left alone after repeated failures.
const TIMEOUT: Duration = Duration::from_millis(500);
const PAUSE: Duration = Duration::from_secs(1);

/// Where other nodes are.
#[derive(Clone, Debug, clap::Args)]
pub struct SharedSettings {
    /// Redis as a shared tier: a URL, several of a Cluster parted by commas, or sentinels with ?master=NAME.
    #[arg(long, env = "REDIS_URL", value_name = "URLS", hide_env_values = true)]
    pub redis_url: Option<Url>,

    /// PostgreSQL as the durable tier.
    #[arg(long, env = "DATABASE_URL", value_name = "URL", hide_env_values = true)]
    pub postgres_url: Option<Url>,

    /// By what nodes hear of each other's writes and agree on who loads: redis, postgres, or off. Default:
    /// the first of them that is there.
    #[arg(long, env = "CACHE_BUS", value_name = "WHICH", value_enum)]
    pub bus: Option<By>,

    /// What memory does while other nodes can't be heard: serve what it holds, or ask the tiers.
    #[arg(long, env = "CACHE_WHEN_DEAF", value_name = "WHAT", value_enum, default_value_t)]
    pub when_deaf: Deaf,
}

/// A URL that may hold a password, and is not shown.
#[derive(Clone)]
pub struct Url(String);

/// By what nodes hear of each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum By {
    /// Redis.
    Redis,
    /// PostgreSQL.
    Postgres,
    /// They don't.
    Off,
}

/// What memory does while other nodes can't be heard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Deaf {
    /// It serves what it holds.
    #[default]
    Serve,
    /// It serves nothing; the tiers are asked.
    Ask,
}

impl FromStr for Url {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Url(hidden)")
    }
}

impl SharedSettings {
    /// Whether they can hold.
    ///
    /// # Errors
    ///
    /// `Config` for a URL that can't be read, and for a bus on a server that isn't given.
    pub fn check(&self) -> Result<()> {
        self.redis()?;
        self.postgres()?;
        let missing = match self.bus {
            Some(By::Redis) if self.redis_url.is_none() => "--bus redis needs --redis-url or REDIS_URL",
            Some(By::Postgres) if self.postgres_url.is_none() => {
                "--bus postgres needs --postgres-url or DATABASE_URL"
            }
            _ => return Ok(()),
        };
        Err(Error::new(ErrorKind::Config, "start", missing))
    }

    /// Puts the shared tiers behind those of `builder`, the bus and the lease beside them. Servers that can't
    /// be reached now are used once they can.
    ///
    /// # Errors
    ///
    /// As [`SharedSettings::check`].
    pub fn join(&self, mut builder: CacheBuilder, clock: &Clock) -> Result<CacheBuilder> {
        let redis = self.redis()?.map(|config| Redis::new(config, clock.clone())).transpose()?;
        let postgres = self.postgres()?.map(|config| Postgres::new(config, clock.clone())).transpose()?;
        let guard =
            || GuardSettings { timeout: TIMEOUT, pause: PAUSE, clock: clock.clone(), ..Default::default() };
        if let Some(redis) = &redis {
            builder = builder.tier(Guard::new(redis.tier(), guard()));
        }
        if let Some(postgres) = &postgres {
            builder = builder.tier(Guard::new(postgres.tier(), guard()));
        }
        builder = match (self.bus, redis, postgres) {
            (Some(By::Redis) | None, Some(redis), _) => builder.bus(redis.bus(CHANNEL)).lease(redis.lease()),
            (Some(By::Postgres) | None, _, Some(postgres)) => {
                builder.bus(postgres.bus(CHANNEL)?).lease(postgres.lease())
            }
            _ => builder,
        };
        Ok(builder.when_deaf(match self.when_deaf {
            Deaf::Serve => WhenDeaf::Serve,
            Deaf::Ask => WhenDeaf::Ask,
        }))
    }

    fn redis(&self) -> Result<Option<RedisConfig>> {
        self.redis_url.as_ref().map(|url| RedisConfig::parse(&url.0)).transpose()
    }

    fn postgres(&self) -> Result<Option<PgConfig>> {
        self.postgres_url.as_ref().map(|url| PgConfig::new(&url.0)).transpose()
    }

    /// The shared tiers by name, in order.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'static str> {
        let named = |url: &Option<Url>, name| url.as_ref().map(|_| name);
        [named(&self.redis_url, "redis"), named(&self.postgres_url, "postgres")].into_iter().flatten()
    }
}
