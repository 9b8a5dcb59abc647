//! The set-ups: what lies behind memory, and the servers for it.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use cache_facade::{Cache, CacheBuilder, Memory};
use serde::Serialize;
use servers::{Postgres, Redis, RedisOptions};

/// What lies behind memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SetupKind {
    Disk,
    Redis,
    RedisAndPostgres,
}

impl SetupKind {
    pub(crate) const ALL: [Self; 3] = [Self::Disk, Self::Redis, Self::RedisAndPostgres];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Disk => "embedded",
            Self::Redis => "redis",
            Self::RedisAndPostgres => "redis+postgres",
        }
    }
}

/// A server, and the version that it says it has.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ServerVersion {
    pub(crate) name: String,
    pub(crate) version: String,
}

/// A set-up whose servers run; they are stopped on drop.
#[derive(Debug)]
pub(crate) struct Setup {
    kind: SetupKind,
    redis: Option<Redis>,
    postgres: Option<Postgres>,
    folder: PathBuf,
}

impl Setup {
    /// Starts the servers, and waits until they are ready. Disks are below `folder`.
    pub(crate) async fn start(kind: SetupKind, folder: &Path) -> Result<Self> {
        let folder = folder.join(kind.name());
        let started = tokio::task::spawn_blocking(move || {
            let redis = match kind {
                SetupKind::Disk => None,
                _ => Some(Redis::start(&RedisOptions::default()).context("no Redis to load")?),
            };
            let postgres = match kind {
                SetupKind::RedisAndPostgres => Some(Postgres::start().context("no PostgreSQL to load")?),
                _ => None,
            };
            anyhow::Ok(Self { kind, redis, postgres, folder })
        });
        started.await.context("the servers could not be started")?
    }

    /// Returns the versions of the servers.
    pub(crate) fn versions(&self) -> Result<Vec<ServerVersion>> {
        let mut versions = Vec::new();
        if let Some(redis) = &self.redis {
            versions.push(ServerVersion { name: "Redis".to_owned(), version: redis.version()? });
        }
        if let Some(postgres) = &self.postgres {
            let version = postgres.sql("SHOW server_version")?;
            versions.push(ServerVersion { name: "PostgreSQL".to_owned(), version });
        }
        Ok(versions)
    }

    /// Builds a cache on these servers that has a namespace of its own, and so begins empty.
    pub(crate) async fn cache(
        &self,
        namespace: &str,
        with: impl FnOnce(CacheBuilder) -> CacheBuilder,
    ) -> Result<Cache> {
        let mut builder = Cache::builder().namespace(namespace).memory(Memory::mib(64)).require_tiers(true);
        if self.kind == SetupKind::Disk {
            builder = builder.disk(self.folder.join(namespace))?;
        }
        if let Some(redis) = &self.redis {
            builder = builder.redis(&redis.url())?;
        }
        if let Some(postgres) = &self.postgres {
            builder = builder.postgres(&postgres.url())?;
        }
        with(builder).build().await.context("no cache on these servers")
    }
}
