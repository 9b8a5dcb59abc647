//! The servers, and what befalls them.

use std::net::SocketAddr;

use anyhow::Result;
use servers::{Postgres, PostgresOptions, Proxy, Redis, RedisOptions};
use tokio::task::block_in_place;

/// Redis, with a line to it for each node, and PostgreSQL.
#[derive(Debug)]
pub(crate) struct Servers {
    redis: Redis,
    lines: [Proxy; 2],
    postgres: Postgres,
}

/// What befalls them.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Scene {
    /// `kill -9`; back with what it held, old values among it.
    RedisKilled,
    /// SIGSTOP, as if its machine stood still.
    RedisPaused,
    /// No node reaches it.
    RedisCut,
    /// One node doesn't reach it, the other does.
    RedisCutFromOneNode,
    /// Shut down and started again: the fault lasts as long as that takes.
    PostgresRestarted,
}

impl Scene {
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

    /// Whether it is over only when it is ended.
    pub(crate) fn lasts(self) -> bool {
        !matches!(self, Self::PostgresRestarted)
    }
}

impl Servers {
    /// Starts private servers. What Redis acknowledged outlives a `kill -9`: it has been handed to the system.
    ///
    /// # Errors
    ///
    /// If one can't be installed or started.
    pub(crate) fn start() -> Result<Self> {
        servers::install::all()?;
        let config = ["appendonly yes", "appendfsync no"].map(str::to_owned).to_vec();
        let redis = Redis::start(&RedisOptions { config, ..RedisOptions::default() })?;
        let target = SocketAddr::from(([127, 0, 0, 1], redis.port()));
        let lines = [Proxy::start(target)?, Proxy::start(target)?];
        let postgres =
            Postgres::start_with(&PostgresOptions { durable: true, ..PostgresOptions::default() })?;
        Ok(Self { redis, lines, postgres })
    }

    /// Where a node finds Redis: at the end of its own line.
    pub(crate) fn redis_of(&self, node: usize) -> String {
        format!("redis://{}", self.lines[node].addr())
    }

    pub(crate) fn postgres(&self) -> String {
        self.postgres.url()
    }

    pub(crate) fn begin(&mut self, scene: Scene) -> Result<()> {
        block_in_place(|| {
            match scene {
                Scene::RedisKilled => self.redis.kill(),
                Scene::RedisPaused => self.redis.pause(),
                Scene::RedisCut => self.lines.iter().for_each(Proxy::cut),
                Scene::RedisCutFromOneNode => self.lines[0].cut(),
                Scene::PostgresRestarted => self.postgres.restart()?,
            }
            Ok(())
        })
    }

    pub(crate) fn end(&mut self, scene: Scene) -> Result<()> {
        block_in_place(|| {
            match scene {
                Scene::RedisKilled => self.redis.restart()?,
                Scene::RedisPaused => self.redis.resume(),
                Scene::RedisCut => self.lines.iter().for_each(Proxy::restore),
                Scene::RedisCutFromOneNode => self.lines[0].restore(),
                Scene::PostgresRestarted => {}
            }
            Ok(())
        })
    }
}
