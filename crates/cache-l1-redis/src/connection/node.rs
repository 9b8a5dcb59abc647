//! The connections to one server.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use cache_core::{Error, Result};
use redis::{Cmd, Pipeline, Value};

use crate::{
    connection::Connection,
    connection::server::{Location, Server, ServerContext},
};

/// A server and a few connections to it, which take turns.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) server: Arc<Server>,
    connections: Vec<Connection>,
    turn: AtomicUsize,
}

impl Node {
    /// Begins to connect, in the background.
    pub(crate) fn new(context: &Arc<ServerContext>, location: Location) -> Arc<Self> {
        let server = Arc::new(Server::new(context.clone(), location));
        let connections =
            (0..context.config.connections).map(|_| Connection::start(server.clone())).collect();
        Arc::new(Self { server, connections, turn: AtomicUsize::new(0) })
    }

    /// Sends a call, whose answer may be the server's refusal of it.
    pub(crate) async fn send_one(&self, operation: &'static str, call: &Cmd) -> Result<Value> {
        self.connection().send_one(operation, call).await
    }

    /// Sends calls together, over one connection; answer `i` belongs to call `i`, and may be the server's
    /// refusal of it.
    pub(crate) async fn send(&self, operation: &'static str, calls: &Pipeline) -> Result<Vec<Value>> {
        self.connection().send(operation, calls).await
    }

    /// The next connection that is up, or just the next.
    fn connection(&self) -> &Connection {
        if let [only] = &*self.connections {
            return only;
        }
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let mut connections =
            self.connections.iter().cycle().skip(turn % self.connections.len()).take(self.connections.len());
        let next = connections.next().unwrap_or(&self.connections[0]);
        if next.is_up() { next } else { connections.find(|connection| connection.is_up()).unwrap_or(next) }
    }

    /// Waits until every connection was tried once.
    pub(crate) async fn first_attempt(&self) {
        for connection in &self.connections {
            connection.first_attempt().await;
        }
    }

    /// Why calls fail, if they all do.
    pub(crate) fn error(&self) -> Option<Error> {
        let errors: Vec<Error> = self.connections.iter().filter_map(Connection::error).collect();
        if errors.len() == self.connections.len() { errors.into_iter().next() } else { None }
    }

    /// Says that the connections may no longer serve.
    pub(crate) fn recheck(&self) {
        self.connections.iter().for_each(Connection::recheck);
    }
}
