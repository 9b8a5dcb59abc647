//! The servers, and the faults that are injected into them.

use std::{
    net::SocketAddr,
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use nodes::Request;
use servers::{Postgres, PostgresOptions, Proxy, Redis, RedisOptions};
use tokio::task::block_in_place;

/// How long a replica may take to get its copy.
const REPLICATION_LIMIT: Duration = Duration::from_secs(20);

/// Redis, with a proxy before it for each node, and PostgreSQL.
#[derive(Debug)]
pub(crate) struct Servers {
    redis: Redis,
    replica: Option<Redis>,
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
    /// The address of Redis leads to its promoted replica; connections to the old master stay open.
    RedisMasterChanged,
    /// The clock of one node is 30 s behind, and jumps.
    ClockOfOneNode,
    /// Notifications reach nobody, though every connection lives and every call succeeds.
    BusSwallowed,
}

impl FaultKind {
    pub(crate) const ALL: [Self; 8] = [
        Self::RedisKilled,
        Self::RedisPaused,
        Self::RedisCut,
        Self::RedisCutFromOneNode,
        Self::PostgresRestarted,
        Self::ClockOfOneNode,
        Self::BusSwallowed,
        // The last, since the servers stay as they are then.
        Self::RedisMasterChanged,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::RedisKilled => "redis_killed",
            Self::RedisPaused => "redis_paused",
            Self::RedisCut => "redis_cut",
            Self::RedisCutFromOneNode => "redis_cut_from_one_node",
            Self::PostgresRestarted => "postgres_restarted",
            Self::RedisMasterChanged => "redis_master_changed",
            Self::ClockOfOneNode => "clock_of_one_node",
            Self::BusSwallowed => "bus_swallowed",
        }
    }

    /// What the nodes are told to do when the fault begins, then every second, each by its number.
    pub(crate) fn request(self, node: usize, second: u64) -> Option<Request> {
        match (self, node) {
            (Self::ClockOfOneNode, 1) => {
                let jumps = [-30, -30, 45, -3_600, 0, -31];
                Some(Request::ShiftClock(jumps[second as usize % jumps.len()] * 1_000_000))
            }
            (Self::BusSwallowed, _) => Some(Request::SwallowMessages(true)),
            _ => None,
        }
    }

    /// How long it has to last for its effect to be seen.
    pub(crate) fn shortest(self) -> Duration {
        match self {
            Self::BusSwallowed => Duration::from_secs(14),
            Self::ClockOfOneNode => Duration::from_secs(6),
            _ => Duration::ZERO,
        }
    }

    /// Whether the fault lasts until it is ended.
    pub(crate) fn lasts(self) -> bool {
        !matches!(self, Self::PostgresRestarted | Self::RedisMasterChanged)
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
        Ok(Self { redis, replica: None, proxies, postgres })
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
                FaultKind::RedisMasterChanged => self.change_master()?,
                FaultKind::ClockOfOneNode | FaultKind::BusSwallowed => {}
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
                FaultKind::PostgresRestarted
                | FaultKind::RedisMasterChanged
                | FaultKind::ClockOfOneNode
                | FaultKind::BusSwallowed => {}
            }
            Ok(())
        })
    }

    /// Starts a replica of Redis, promotes it once it has its copy, and lets every address lead to it.
    fn change_master(&mut self) -> Result<()> {
        let config = vec![format!("replicaof 127.0.0.1 {}", self.redis.port())];
        self.redis.command(&["CONFIG", "SET", "repl-diskless-sync-delay", "0"])?;
        let replica = Redis::start(&RedisOptions { config, ..RedisOptions::default() })?;
        let until = Instant::now() + REPLICATION_LIMIT;
        while !format!("{:?}", replica.command(&["INFO", "replication"])?).contains("master_link_status:up") {
            ensure!(Instant::now() < until, "the replica has no copy after {REPLICATION_LIMIT:?}");
            sleep(Duration::from_millis(50));
        }
        let port = replica.port().to_string();
        // Writes wait meanwhile, as in a failover that loses nothing.
        self.redis.command(&["CLIENT", "PAUSE", "1000", "WRITE"])?;
        self.redis.command(&["WAIT", "1", "1000"])?;
        replica.command(&["REPLICAOF", "NO", "ONE"])?;
        let target = SocketAddr::from(([127, 0, 0, 1], replica.port()));
        self.proxies.iter().for_each(|proxy| proxy.switch(target));
        self.redis.command(&["REPLICAOF", "127.0.0.1", &port])?;
        self.redis.command(&["CLIENT", "UNPAUSE"])?;
        self.replica = Some(replica);
        Ok(())
    }
}
