//! The connections to one server.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use cache_core::{Error, Result};
use redis::{Cmd, Pipeline, Value};

use crate::{
    connection::Link,
    connection::server::{Server, Shared, Whereabouts},
};

/// A server and a few connections to it, which take turns.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) server: Arc<Server>,
    links: Vec<Link>,
    turn: AtomicUsize,
}

impl Node {
    /// Begins to connect, in the background.
    pub(crate) fn new(shared: &Arc<Shared>, whereabouts: Whereabouts) -> Arc<Self> {
        let server = Arc::new(Server::new(shared.clone(), whereabouts));
        let links = (0..shared.config.connections).map(|_| Link::keep(server.clone())).collect();
        Arc::new(Self { server, links, turn: AtomicUsize::new(0) })
    }

    /// Sends a call, whose answer may be the server's refusal of it.
    pub(crate) async fn ask_one(&self, operation: &'static str, call: &Cmd) -> Result<Value> {
        self.link().ask_one(operation, call).await
    }

    /// Sends calls together, over one connection; answer `i` belongs to call `i`, and may be the server's
    /// refusal of it.
    pub(crate) async fn ask(&self, operation: &'static str, calls: &Pipeline) -> Result<Vec<Value>> {
        self.link().ask(operation, calls).await
    }

    /// The next connection that is up, or just the next.
    fn link(&self) -> &Link {
        if let [only] = &*self.links {
            return only;
        }
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let mut links = self.links.iter().cycle().skip(turn % self.links.len()).take(self.links.len());
        let next = links.next().unwrap_or(&self.links[0]);
        if next.is_up() { next } else { links.find(|link| link.is_up()).unwrap_or(next) }
    }

    /// Waits until every connection was tried once.
    pub(crate) async fn tried(&self) {
        for link in &self.links {
            link.tried().await;
        }
    }

    /// Why calls fail, if they all do.
    pub(crate) fn error(&self) -> Option<Error> {
        let errors: Vec<Error> = self.links.iter().filter_map(Link::error).collect();
        if errors.len() == self.links.len() { errors.into_iter().next() } else { None }
    }

    /// Says that the connections may no longer serve.
    pub(crate) fn doubt(&self) {
        self.links.iter().for_each(Link::doubt);
    }
}
