//! By what tier, bus and lease of one connection reach the servers.

use std::sync::Arc;

use cache_core::Timestamp;

use crate::{cluster::router::Router, connection::server::ServerContext, keyspace::key_names::KeyNames};

/// The servers, and what keys are called there.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) server_context: Arc<ServerContext>,
    pub(crate) router: Router,
    pub(crate) names: KeyNames,
}

impl Context {
    pub(crate) fn now(&self) -> Timestamp {
        self.server_context.clock.now()
    }
}
