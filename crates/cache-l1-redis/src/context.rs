//! What a tier, its buses and its leases share: the servers, the router to them, and the names of keys.

use std::sync::Arc;

use cache_core::Timestamp;

use crate::{
    RedisConfig, cluster::router::Router, connection::server::ServerContext, keyspace::key_names::KeyNames,
    stats::RedisLogSums,
};

/// The servers, and what keys are called there.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) servers: Arc<ServerContext>,
    pub(crate) router: Router,
    pub(crate) names: KeyNames,
    pub(crate) log_sums: RedisLogSums,
}

impl Context {
    pub(crate) fn config(&self) -> &RedisConfig {
        &self.servers.config
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.servers.clock.now()
    }
}
