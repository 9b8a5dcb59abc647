//! The source as a node sees it: at the other end of its connection to the referee.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use async_trait::async_trait;
use cache_core::{Error, ErrorKind, Fetched, Loaded, Loader, Request, Result};
use tokio::sync::{mpsc::UnboundedSender, oneshot};

use crate::wire::FromNode;

/// Asks the referee for one key at a time.
#[derive(Clone, Debug)]
pub(crate) struct Upstream(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    say: UnboundedSender<FromNode>,
    next: AtomicU64,
    waiting: Mutex<HashMap<u64, oneshot::Sender<u64>>>,
}

impl Upstream {
    pub(crate) fn new(say: UnboundedSender<FromNode>) -> Self {
        Self(Arc::new(Inner { say, next: AtomicU64::new(0), waiting: Mutex::default() }))
    }

    /// The referee answered.
    pub(crate) fn came(&self, number: u64, version: u64) {
        if let Some(waiter) = self.waiting().remove(&number) {
            // Who waited may have given up.
            let _ = waiter.send(version);
        }
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<u64, oneshot::Sender<u64>>> {
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Loader<u64> for Upstream {
    fn max_batch(&self) -> usize {
        1
    }

    async fn load(&self, requests: &[Request]) -> Result<Vec<Loaded<u64>>> {
        let mut loaded = Vec::with_capacity(requests.len());
        for request in requests {
            let number = self.0.next.fetch_add(1, Ordering::Relaxed);
            let (waiter, answer) = oneshot::channel();
            self.waiting().insert(number, waiter);
            let _ = self.0.say.send(FromNode::Load(number, request.key.id().to_owned()));
            let gone = |_| Error::new(ErrorKind::Load, "load", "the referee is gone");
            loaded.push(Loaded::Value(Fetched::new(answer.await.map_err(gone)?)));
        }
        Ok(loaded)
    }
}
