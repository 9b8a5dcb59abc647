//! A Redis Cluster of three masters.

use std::time::Duration;

use anyhow::{Result, bail};

use super::{Redis, RedisOptions};
use crate::ports;
use crate::process::on_free_port;
use crate::wait;

const NODES: usize = 3;
const SLOTS: usize = 16_384;

/// A private Redis Cluster: three masters without replicas, each with a third of the slots, ended on drop.
///
/// A node is taken for dead by the others after 2 s; it comes back by [`Redis::restart`].
#[derive(Debug)]
pub struct RedisCluster {
    nodes: Vec<Redis>,
}

impl RedisCluster {
    /// Starts the nodes, joins them, and waits until all of them say that the cluster is well.
    ///
    /// # Errors
    /// Fails if Redis is not installed, or the nodes don't find together.
    pub fn start() -> Result<Self> {
        Self::start_with(&[])
    }

    /// The same, with more lines of `redis.conf` for every node, such as `cluster-require-full-coverage no`.
    ///
    /// # Errors
    /// Fails if Redis is not installed, or the nodes don't find together.
    pub fn start_with(config: &[&str]) -> Result<Self> {
        let mut lines = vec!["cluster-enabled yes", "cluster-node-timeout 2000"];
        lines.extend(config);
        let config = lines.into_iter().map(str::to_owned).collect();
        let options = RedisOptions { config, ..RedisOptions::default() };
        let start = |_| on_free_port(|port| Redis::start_on(port, &options, &[]));
        let cluster = Self { nodes: (0..NODES).map(start).collect::<Result<_>>()? };
        cluster.join()?;
        cluster.wait_until_well(wait::START_TIMEOUT)?;
        Ok(cluster)
    }

    fn join(&self) -> Result<()> {
        for (at, node) in self.nodes.iter().enumerate() {
            let slots: Vec<String> = slots(at).map(|slot| slot.to_string()).collect();
            let mut command = vec!["CLUSTER", "ADDSLOTS"];
            command.extend(slots.iter().map(String::as_str));
            node.command(&command)?;
            node.command(&["CLUSTER", "SET-CONFIG-EPOCH", &(at + 1).to_string()])?;
        }
        for other in &self.nodes[1..] {
            let (port, bus) =
                (other.port().to_string(), (other.port() + ports::CLUSTER_BUS_OFFSET).to_string());
            self.nodes[0].command(&["CLUSTER", "MEET", "127.0.0.1", &port, &bus])?;
        }
        Ok(())
    }

    /// Waits until every node says that the cluster is well: all nodes known, all slots served.
    ///
    /// # Errors
    /// Fails if that takes longer than `limit`, with what each node said last.
    pub fn wait_until_well(&self, limit: Duration) -> Result<()> {
        if wait::until(limit, || self.nodes.iter().all(|node| is_well(&info(node)))) {
            return Ok(());
        }
        let views: Vec<String> = self.nodes.iter().map(info).collect();
        bail!("the Redis Cluster is not well after {limit:?}; its nodes say:\n{}", views.join("\n"))
    }

    /// The nodes' URLs.
    #[must_use]
    pub fn urls(&self) -> Vec<String> {
        self.nodes.iter().map(Redis::url).collect()
    }

    /// The node that serves the `at`-th third of the slots.
    ///
    /// # Panics
    /// If `at` is not below three.
    pub fn node(&mut self, at: usize) -> &mut Redis {
        &mut self.nodes[at]
    }
}

/// The `at`-th third of the slots.
fn slots(at: usize) -> std::ops::Range<usize> {
    SLOTS * at / NODES..SLOTS * (at + 1) / NODES
}

/// What a node says of the cluster, or why it says nothing.
fn info(node: &Redis) -> String {
    match node.command(&["CLUSTER", "INFO"]) {
        Ok(reply) => reply.text().unwrap_or_default().to_owned(),
        Err(error) => format!("{error:#}"),
    }
}

fn is_well(info: &str) -> bool {
    let wanted = [
        "cluster_state:ok".to_owned(),
        format!("cluster_slots_ok:{SLOTS}"),
        format!("cluster_known_nodes:{NODES}"),
        format!("cluster_size:{NODES}"),
    ];
    wanted.iter().all(|wanted| info.lines().any(|line| line == wanted))
}

#[cfg(test)]
mod tests {
    use super::{NODES, SLOTS, is_well, slots};

    #[test]
    fn each_slot_has_one_node() {
        let all: Vec<usize> = (0..NODES).flat_map(slots).collect();
        assert_eq!(all, (0..SLOTS).collect::<Vec<_>>());
    }

    #[test]
    fn a_cluster_is_well_with_all_nodes_and_slots() {
        let info = "cluster_state:ok\r\ncluster_slots_assigned:16384\r\ncluster_slots_ok:16384\r\n\
                    cluster_known_nodes:3\r\ncluster_size:3\r\n";
        assert!(is_well(info));
        for (was, is) in [("ok:16384", "ok:5461"), ("nodes:3", "nodes:1"), ("state:ok", "state:fail")] {
            assert!(!is_well(&info.replace(was, is)), "{is}");
        }
        assert!(!is_well(""));
    }
}
