//! By what tier, bus and lease of one connection reach the servers.

use std::sync::Arc;

use cache_core::Timestamp;

use crate::{cluster::router::Router, connection::server::Shared, keyspace::key_names::Names};

/// The servers, and what keys are called there.
#[derive(Debug)]
pub(crate) struct Reach {
    pub(crate) shared: Arc<Shared>,
    pub(crate) router: Router,
    pub(crate) names: Names,
}

impl Reach {
    pub(crate) fn now(&self) -> Timestamp {
        self.shared.clock.now()
    }
}
