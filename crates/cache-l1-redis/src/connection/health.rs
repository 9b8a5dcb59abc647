//! The health of the servers, as it was last seen.

use cache_core::Error;

use crate::{cluster::router::Router, connection::node::Node};

/// The state of the servers, as it was last seen.
#[derive(Clone, Debug)]
pub struct RedisHealth {
    /// The servers that are written to, in no particular order.
    pub servers: Vec<ServerHealth>,
    /// Why the nodes of a Cluster are unknown, if they are.
    pub error: Option<Error>,
}

/// The state of one server. What it was not yet asked for, or may not tell, is `None`.
#[derive(Clone, Debug)]
pub struct ServerHealth {
    /// Its address, `host:port` or the path of a socket.
    pub address: String,
    /// Why calls to it fail, if they do.
    pub error: Option<Error>,
    /// Its version.
    pub version: Option<String>,
    /// Its `maxmemory-policy`: `noeviction`, `allkeys-lru`, ...
    pub eviction_policy: Option<String>,
    /// Whether it may evict protected keys and tombstones, since it has a memory limit and an `allkeys-*`
    /// policy.
    pub may_evict_protected: bool,
    /// By how many microseconds its clock is ahead of the cache's.
    pub skew_micros: Option<i64>,
}

impl RedisHealth {
    pub(crate) fn of(router: &Router) -> Self {
        match router {
            Router::One(node) => Self { servers: vec![server_health(node)], error: None },
            Router::Cluster(cluster) => {
                let map = cluster.current_map();
                let servers =
                    map.iter().flat_map(|map| map.nodes()).map(|node| server_health(node)).collect();
                Self { servers, error: cluster.error() }
            }
        }
    }
}

fn server_health(node: &Node) -> ServerHealth {
    let address = node.server.label();
    let info = node.server.info().clone();
    let eviction = info.as_ref().and_then(|info| info.eviction.clone());
    ServerHealth {
        address,
        error: node.error(),
        version: info.as_ref().and_then(|info| info.version.clone()),
        may_evict_protected: eviction
            .as_ref()
            .is_some_and(|eviction| eviction.has_memory_limit && eviction.evicts_any_key()),
        eviction_policy: eviction.map(|eviction| eviction.name),
        skew_micros: info.and_then(|info| info.clock_skew_micros),
    }
}
