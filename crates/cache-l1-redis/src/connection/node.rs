//! A server and the connections to it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use cache_core::{Error, Result};
use cache_task::BackgroundTask;
use redis::{Cmd, Pipeline, Value};
use tokio::time::sleep;

use crate::{
    config::Topology,
    connection::{
        Connection,
        server::{Location, Server, ServerContext},
    },
};

/// How often it is looked which server an address leads to.
const SCOUT_INTERVAL: Duration = Duration::from_secs(2);

/// A server, and the connections to it that take turns.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) server: Arc<Server>,
    connections: Vec<Connection>,
    turn: AtomicUsize,
    /// Absent in a Cluster, whose nodes tell of their changes themselves.
    scout: Option<BackgroundTask>,
}

impl Node {
    /// Begins to open the connections in the background.
    pub(crate) fn new(context: &Arc<ServerContext>, location: Location) -> Arc<Self> {
        let server = Arc::new(Server::new(context.clone(), location));
        let connections =
            (0..context.config.connections).map(|_| Connection::start(server.clone())).collect();
        let is_cluster = matches!(context.config.topology, Topology::Cluster(_));
        let scouted = server.clone();
        let scout = (!is_cluster).then(|| BackgroundTask::new(move || scout(scouted.clone())));
        Arc::new(Self { server, connections, turn: AtomicUsize::new(0), scout })
    }

    /// Sends one command. The reply may be the server's error.
    pub(crate) async fn send_one(&self, operation: &'static str, cmd: &Cmd) -> Result<Value> {
        self.ensure_running();
        self.connection().send_one(operation, cmd).await
    }

    /// Sends commands in one pipeline. Reply `i` belongs to command `i`, and may be the server's error.
    pub(crate) async fn send(&self, operation: &'static str, commands: &Pipeline) -> Result<Vec<Value>> {
        self.ensure_running();
        self.connection().send(operation, commands).await
    }

    /// Begins anew what has ended with its runtime.
    fn ensure_running(&self) {
        self.connections.iter().for_each(Connection::ensure_running);
        self.scout.iter().for_each(BackgroundTask::ensure_running);
    }

    /// Returns the next connection that is up, or just the next if none is.
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

    /// Waits until the first attempt of each connection has succeeded or failed.
    pub(crate) async fn first_attempt(&self) {
        for connection in &self.connections {
            connection.first_attempt().await;
        }
    }

    /// Returns why calls fail, if all connections are down.
    pub(crate) fn error(&self) -> Option<Error> {
        let errors: Vec<Error> = self.connections.iter().filter_map(Connection::error).collect();
        if errors.len() == self.connections.len() { errors.into_iter().next() } else { None }
    }

    /// Has all connections checked now.
    pub(crate) fn recheck(&self) {
        self.connections.iter().for_each(Connection::recheck);
    }
}

/// Looks from time to time which server the address leads to: open connections stay at the one that they reached,
/// also when another has taken its place and it doesn't know of that.
async fn scout(server: Arc<Server>) {
    loop {
        sleep(SCOUT_INTERVAL.mul_f64(0.75 + fastrand::f64() / 2.0)).await;
        if let Err(error) = server.look_again().await {
            tracing::debug!(server = server.label(), %error, "could not look which server the address leads to");
        }
    }
}
