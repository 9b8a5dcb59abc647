//! A loader as flights ask it: what it brings goes to several callers.

use std::sync::Arc;

use async_trait::async_trait;
use cache_core::{Loaded, Request, Result};

/// A loader as flights ask it: what it brings goes to several callers. It gives one answer for each key, or an
/// error.
#[async_trait]
pub(crate) trait SharedLoader<V>: Send + Sync + 'static {
    /// See [`Loader::max_batch`](cache_core::Loader::max_batch).
    fn max_batch(&self) -> usize;

    /// Whether keys of several callers go in one call.
    fn coalesces(&self) -> bool;

    /// See [`Loader::load`](cache_core::Loader::load).
    async fn load(&self, requests: &[Request<V>]) -> Result<Vec<Loaded<Arc<V>>>>;
}

/// Makes an answer one that several callers can have.
pub(super) fn shared<V>(answer: Loaded<V>) -> Loaded<Arc<V>> {
    match answer {
        Loaded::Value(fetched) => Loaded::Value(fetched.map(Arc::new)),
        Loaded::Absent => Loaded::Absent,
        Loaded::AbsentWith { tags } => Loaded::AbsentWith { tags },
        Loaded::NotModified { ttl } => Loaded::NotModified { ttl },
        Loaded::Failed(error) => Loaded::Failed(error),
    }
}
