//! How the servers are doing.

use cache_core::Error;

use crate::{cluster::router::Router, connection::node::Node};

/// How the servers are doing, as far as they are known.
#[derive(Clone, Debug)]
pub struct RedisHealth {
    /// The servers that are written to, in no order.
    pub servers: Vec<ServerHealth>,
    /// Why it is not even known which servers there are, in a Cluster.
    pub error: Option<Error>,
}

/// How one server is doing. What it doesn't tell, or was not asked yet, is `None`.
#[derive(Clone, Debug)]
pub struct ServerHealth {
    /// Where it is, `host:port` or a path.
    pub address: String,
    /// Why calls to it fail, if they do.
    pub error: Option<Error>,
    /// Its version.
    pub version: Option<String>,
    /// Which keys it gives up when memory runs out: `noeviction`, `allkeys-lru`, ...
    pub eviction_policy: Option<String>,
    /// Whether it may give up what is protected, and what marks removals: it has a limit on memory, and
    /// an `allkeys-*` policy.
    pub may_evict_protected: bool,
    /// By how many microseconds its clock is ahead of the cache's.
    pub skew_micros: Option<i64>,
}

impl RedisHealth {
    pub(crate) fn of(router: &Router) -> Self {
        match router {
            Router::One(node) => Self { servers: vec![server(node)], error: None },
            Router::Cluster(cluster) => {
                let map = cluster.current_map();
                let servers = map.iter().flat_map(|map| map.nodes()).map(|node| server(node)).collect();
                Self { servers, error: cluster.error() }
            }
        }
    }
}

fn server(node: &Node) -> ServerHealth {
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
