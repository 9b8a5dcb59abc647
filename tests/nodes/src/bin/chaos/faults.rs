//! The servers, and the faults that are injected into them.

use std::net::SocketAddr;

use anyhow::Result;
use servers::{Postgres, PostgresOptions, Proxy, Redis, RedisOptions};
use tokio::task::block_in_place;

/// Redis, with a proxy before it for each node, and PostgreSQL.
#[derive(Debug)]
pub(crate) struct Servers {
    redis: Redis,
    proxies: [Proxy; 2],
    postgres: Postgres,
}

/// A fault to inject.
#[derive(Clone, Copy, Debug)]
pub(crate) enum FaultKind {
    /// Redis is killed by SIGKILL, and comes back with the values it held, old ones among them.
    RedisKilled,
    /// Redis is stopped by SIGSTOP, as if its machine hung.
    RedisPaused,
    /// No node can reach Redis.
    RedisCut,
    /// One node can't reach Redis, the other can.
    RedisCutFromOneNode,
    /// PostgreSQL is shut down and started again; the fault lasts as long as that takes.
    PostgresRestarted,
}

impl FaultKind {
    pub(crate) const ALL: [Self; 5] = [
        Self::RedisKilled,
        Self::RedisPaused,
        Self::RedisCut,
        Self::RedisCutFromOneNode,
        Self::PostgresRestarted,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::RedisKilled => "redis_killed",
            Self::RedisPaused => "redis_paused",
            Self::RedisCut => "redis_cut",
            Self::RedisCutFromOneNode => "redis_cut_from_one_node",
            Self::PostgresRestarted => "postgres_restarted",
        }
    }

    /// Whether the fault lasts until it is ended.
    pub(crate) fn lasts(self) -> bool {
        !matches!(self, Self::PostgresRestarted)
    }
}

impl Servers {
    /// Starts private servers. What Redis acknowledged outlives a `kill -9`: it has been handed to the
    /// system.
    ///
    /// # Errors
    ///
    /// If one can't be installed or started.
    pub(crate) fn start() -> Result<Self> {
        servers::install::all()?;
        let config = ["appendonly yes", "appendfsync no"].map(str::to_owned).to_vec();
        let redis = Redis::start(&RedisOptions { config, ..RedisOptions::default() })?;
        let target = SocketAddr::from(([127, 0, 0, 1], redis.port()));
        let proxies = [Proxy::start(target)?, Proxy::start(target)?];
        let postgres =
            Postgres::start_with(&PostgresOptions { durable: true, ..PostgresOptions::default() })?;
        Ok(Self { redis, proxies, postgres })
    }

    /// The URL of Redis for a node: that of the node's proxy.
    pub(crate) fn redis_of(&self, node: usize) -> String {
        format!("redis://{}", self.proxies[node].addr())
    }

    pub(crate) fn postgres(&self) -> String {
        self.postgres.url()
    }

    pub(crate) fn begin(&mut self, kind: FaultKind) -> Result<()> {
        block_in_place(|| {
            match kind {
                FaultKind::RedisKilled => self.redis.kill(),
                FaultKind::RedisPaused => self.redis.pause(),
                FaultKind::RedisCut => self.proxies.iter().for_each(Proxy::cut),
                FaultKind::RedisCutFromOneNode => self.proxies[0].cut(),
                FaultKind::PostgresRestarted => self.postgres.restart()?,
            }
            Ok(())
        })
    }

    pub(crate) fn end(&mut self, kind: FaultKind) -> Result<()> {
        block_in_place(|| {
            match kind {
                FaultKind::RedisKilled => self.redis.restart()?,
                FaultKind::RedisPaused => self.redis.resume(),
                FaultKind::RedisCut => self.proxies.iter().for_each(Proxy::restore),
                FaultKind::RedisCutFromOneNode => self.proxies[0].restore(),
                FaultKind::PostgresRestarted => {}
            }
            Ok(())
        })
    }
}
