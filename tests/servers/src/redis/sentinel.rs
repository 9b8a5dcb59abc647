//! Redis under Sentinel: a master, a replica, and three sentinels that watch them.

use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::Reply;
use super::{Redis, RedisOptions};
use crate::process::on_free_port;
use crate::wait;

const MASTER_NAME: &str = "cache";
const SENTINELS: usize = 3;

/// Private Redis servers under Sentinel, ended on drop.
///
/// A master that does not answer for 1 s is replaced by its replica.
#[derive(Debug)]
pub struct RedisSentinel {
    servers: Vec<Redis>,
    sentinels: Vec<Redis>,
}

impl RedisSentinel {
    /// Starts all five, and waits until the sentinels agree on the master and know its replica and each
    /// other.
    ///
    /// # Errors
    /// Fails if Redis is not installed, or the servers don't find together.
    pub fn start() -> Result<Self> {
        // By default a master waits 5 s for more replicas before it feeds the first.
        let prompt = "repl-diskless-sync-delay 0".to_owned();
        let master = Redis::start(&with(vec![prompt.clone()]))?;
        let replica = Redis::start(&with(vec![prompt, format!("replicaof 127.0.0.1 {}", master.port())]))?;
        wait_for_copy(&replica)?;
        let watch = with(vec![
            format!("sentinel monitor {MASTER_NAME} 127.0.0.1 {} 2", master.port()),
            format!("sentinel down-after-milliseconds {MASTER_NAME} 1000"),
            format!("sentinel failover-timeout {MASTER_NAME} 5000"),
        ]);
        let start = |_| on_free_port(|port| Redis::start_on(port, &watch, &["--sentinel"]));
        let sentinels = (0..SENTINELS).map(start).collect::<Result<_>>()?;
        let all = Self { servers: vec![master, replica], sentinels };
        if !wait::until(wait::START_TIMEOUT, || all.agrees()) {
            let views: Vec<String> = all.sentinels.iter().map(|each| format!("{:?}", view(each))).collect();
            bail!(
                "the sentinels don't agree after {:?}; they say:\n{}",
                wait::START_TIMEOUT,
                views.join("\n")
            );
        }
        Ok(all)
    }

    /// Whether every sentinel sees a healthy master, the replica in step with it, and the other sentinels.
    fn agrees(&self) -> bool {
        let others = (SENTINELS - 1).to_string();
        let is_well = |sentinel| {
            view(sentinel).is_ok_and(|(master, replica)| {
                master.field("flags") == Some("master")
                    && master.field("num-other-sentinels") == Some(&others)
                    && replica.field("flags") == Some("slave")
                    && replica.field("master-link-status") == Some("ok")
            })
        };
        self.sentinels.iter().all(is_well)
    }

    /// The sentinels' URLs; each tells where the master is.
    #[must_use]
    pub fn sentinel_urls(&self) -> Vec<String> {
        self.sentinels.iter().map(Redis::url).collect()
    }

    /// The name under which the sentinels know the master.
    #[must_use]
    pub fn master_name(&self) -> &'static str {
        MASTER_NAME
    }

    /// The server that the first sentinel takes for the master now.
    ///
    /// # Errors
    /// Fails if that sentinel is down.
    pub fn master(&mut self) -> Result<&mut Redis> {
        let port = self.master_port()?;
        self.servers.iter_mut().find(|server| server.port() == port).context("the master is none of ours")
    }

    fn master_port(&self) -> Result<u16> {
        let reply = self.sentinels[0].command(&["SENTINEL", "GET-MASTER-ADDR-BY-NAME", MASTER_NAME])?;
        let port = match &reply {
            Reply::Many(parts) => parts.get(1).and_then(Reply::text).and_then(|port| port.parse().ok()),
            _ => None,
        };
        port.with_context(|| format!("the sentinel names no master: {reply:?}"))
    }

    /// Kills the master with SIGKILL, and returns its port. Restarted, by [`RedisSentinel::server`], it
    /// comes back as a replica.
    ///
    /// # Errors
    /// Fails if no sentinel tells which one that is.
    pub fn kill_master(&mut self) -> Result<u16> {
        let master = self.master()?;
        master.kill();
        Ok(master.port())
    }

    /// Waits until the sentinels have made another server than that of `port` the master.
    ///
    /// # Errors
    /// Fails if that takes longer than `limit`.
    pub fn wait_for_failover(&self, port: u16, limit: Duration) -> Result<()> {
        let is_over = || self.master_port().is_ok_and(|now| now != port) && self.new_master_accepts(port);
        if wait::until(limit, is_over) {
            return Ok(());
        }
        bail!("after {limit:?} the sentinels still name the dead server at port {port} as the master")
    }

    /// A server is promoted a moment before it knows.
    fn new_master_accepts(&self, old: u16) -> bool {
        let new = self.servers.iter().find(|server| server.port() != old);
        new.and_then(|server| server.command(&["ROLE"]).ok()).is_some_and(|role| match role {
            Reply::Many(parts) => parts.first().and_then(Reply::text) == Some("master"),
            _ => false,
        })
    }

    /// The server of that port.
    ///
    /// # Panics
    /// If none of the two servers has that port.
    pub fn server(&mut self, port: u16) -> &mut Redis {
        let server = self.servers.iter_mut().find(|server| server.port() == port);
        server.unwrap_or_else(|| panic!("no server at port {port}"))
    }
}

/// Waits until the replica has what its master has: sentinels look for replicas once in 10 s, so it had
/// better be there when they first look.
fn wait_for_copy(replica: &Redis) -> Result<()> {
    let is_up = || {
        let info = replica.command(&["INFO", "replication"]);
        info.is_ok_and(|info| info.text().unwrap_or_default().contains("master_link_status:up"))
    };
    if wait::until(wait::START_TIMEOUT, is_up) {
        return Ok(());
    }
    bail!("the replica has no copy after {:?}. Its last output:\n{}", wait::START_TIMEOUT, replica.log())
}

fn with(config: Vec<String>) -> RedisOptions {
    RedisOptions { config, ..RedisOptions::default() }
}

/// What a sentinel knows of the master and of its one replica.
fn view(sentinel: &Redis) -> Result<(Reply, Reply)> {
    let master = sentinel.command(&["SENTINEL", "MASTER", MASTER_NAME])?;
    let replica = match sentinel.command(&["SENTINEL", "REPLICAS", MASTER_NAME])? {
        Reply::Many(mut replicas) if replicas.len() == 1 => replicas.remove(0),
        other => other,
    };
    Ok((master, replica))
}
