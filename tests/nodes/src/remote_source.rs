//! The source as a node sees it: the controller at the other end of a connection.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use async_trait::async_trait;
use cache_core::{
    Error, ErrorKind, Fetched, Loaded, Loader, Request, Result,
    sync::{Mutex, MutexGuard},
};
use tokio::sync::{mpsc::UnboundedSender, oneshot};

use crate::protocol::FromNode;

/// A loader that asks the controller for one key at a time.
#[derive(Clone, Debug)]
pub(crate) struct RemoteSource(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    say: UnboundedSender<FromNode>,
    next: AtomicU64,
    waiting: Mutex<HashMap<u64, oneshot::Sender<u64>>>,
}

impl RemoteSource {
    pub(crate) fn new(say: UnboundedSender<FromNode>) -> Self {
        Self(Arc::new(Inner { say, next: AtomicU64::new(0), waiting: Mutex::default() }))
    }

    /// Completes the load of this number.
    pub(crate) fn resolve(&self, number: u64, version: u64) {
        if let Some(waiter) = self.waiting().remove(&number) {
            // The waiter may have given up.
            let _ = waiter.send(version);
        }
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<u64, oneshot::Sender<u64>>> {
        self.0.waiting.lock()
    }
}

#[async_trait]
impl Loader<u64> for RemoteSource {
    fn max_batch(&self) -> usize {
        1
    }

    async fn load(&self, requests: &[Request<u64>]) -> Result<Vec<Loaded<u64>>> {
        let mut loaded = Vec::with_capacity(requests.len());
        for request in requests {
            let number = self.0.next.fetch_add(1, Ordering::Relaxed);
            let (waiter, answer) = oneshot::channel();
            self.waiting().insert(number, waiter);
            let _ = self.0.say.send(FromNode::Load(number, request.key.id().to_owned()));
            let gone = |_| Error::new(ErrorKind::Load, "load", "the controller is gone");
            loaded.push(Loaded::Value(Fetched::new(answer.await.map_err(gone)?)));
        }
        Ok(loaded)
    }
}
