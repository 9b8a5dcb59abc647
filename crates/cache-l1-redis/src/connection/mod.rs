//! A connection to one server: opened in the background, checked while idle, opened again when lost.
//!
//! While it is down, calls fail at once instead of waiting. It ends with the runtime that it was opened on; the
//! next call, from another runtime, opens it there.

pub(crate) mod address;
pub(crate) mod birth_floor;
pub(crate) mod connect;
pub(crate) mod health;
pub(crate) mod node;
pub(crate) mod sentinel;
pub(crate) mod server;
pub(crate) mod server_info;
#[cfg_attr(not(feature = "tls"), path = "no_tls.rs")]
pub(crate) mod tls;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use cache_core::{Backoff, Error, ErrorKind, Result};
use cache_task::BackgroundTask;
use redis::{Cmd, Pipeline, RedisError, Value, aio::MultiplexedConnection};
use tokio::{
    sync::{Notify, watch},
    time::{Instant, sleep, timeout},
};

use crate::error;

use self::{connect::OpenConnection, server::Server};

/// Every so many keepalives the server is asked for its `INFO` too.
const KEEPALIVES_PER_INFO: u32 = 12;

/// How often the server is asked for its role and its time, at least.
pub(crate) const ROLE_INTERVAL: Duration = Duration::from_secs(1);

/// A connection that reconnects by itself. Dropping it closes it.
#[derive(Debug)]
pub(crate) struct Connection {
    shared: Arc<Shared>,
    maintenance: BackgroundTask,
}

/// What the connection and the task that maintains it share.
#[derive(Debug)]
struct Shared {
    server: Arc<Server>,
    state: watch::Sender<State>,
    recheck: Notify,
    /// The number of the latest open connection on which the server said that it is the wrong one.
    wrong: watch::Sender<u64>,
    /// How many connections were opened: the number of the last.
    opened: AtomicU64,
}

#[derive(Clone, Debug)]
enum State {
    /// The first attempt is under way.
    Connecting,
    /// The open connection, and its number.
    Up(MultiplexedConnection, u64),
    Down(Error),
}

impl Connection {
    /// Begins to connect in the background.
    pub(crate) fn start(server: Arc<Server>) -> Self {
        let shared = Arc::new(Shared {
            server,
            state: watch::Sender::new(State::Connecting),
            recheck: Notify::new(),
            wrong: watch::Sender::new(0),
            opened: AtomicU64::new(0),
        });
        let maintained = shared.clone();
        let maintenance = BackgroundTask::new(move || {
            // What was open has ended with its runtime: calls wait for the first attempt again.
            maintained.state.send_replace(State::Connecting);
            maintain(maintained.clone())
        });
        Self { shared, maintenance }
    }

    /// Begins to connect anew if the runtime of the connection has ended.
    pub(crate) fn ensure_running(&self) {
        self.maintenance.ensure_running();
    }

    /// Sends one command. The reply may be the server's error.
    pub(crate) async fn send_one(&self, operation: &'static str, cmd: &Cmd) -> Result<Value> {
        let (mut connection, number) = self.multiplexed(operation).await?;
        let reply = connection.send_packed_command(cmd).await;
        let reply = reply.map_err(|error| self.failed(operation, error))?;
        self.check_server(number, std::slice::from_ref(&reply));
        Ok(reply)
    }

    /// Sends commands in one pipeline. Reply `i` belongs to command `i`, and may be the server's error.
    pub(crate) async fn send(&self, operation: &'static str, commands: &Pipeline) -> Result<Vec<Value>> {
        let (mut connection, number) = self.multiplexed(operation).await?;
        let replies = connection.send_packed_commands(commands, 0, commands.len()).await;
        let replies = replies.map_err(|error| self.failed(operation, error))?;
        self.check_server(number, &replies);
        Ok(replies)
    }

    /// Ends the open connection of that number if a reply says that the server is the wrong one.
    fn check_server(&self, number: u64, replies: &[Value]) {
        if replies.iter().any(error::is_of_wrong_server) {
            self.shared.wrong.send_modify(|wrong| *wrong = number.max(*wrong));
        }
    }

    /// Returns why calls fail now, or `None` while the connection is up.
    pub(crate) fn error(&self) -> Option<Error> {
        match &*self.shared.state.borrow() {
            State::Up(..) => None,
            State::Down(error) => Some(error.clone()),
            State::Connecting => Some(self.unavailable("connect", "is being connected to")),
        }
    }

    pub(crate) fn is_up(&self) -> bool {
        matches!(&*self.shared.state.borrow(), State::Up(..))
    }

    /// Waits until the first attempt to connect has succeeded or failed.
    pub(crate) async fn first_attempt(&self) {
        // An error would mean that the sender is gone, which is in `self`.
        let _ = self.shared.state.subscribe().wait_for(|state| !matches!(state, State::Connecting)).await;
    }

    /// Has the connection checked now rather than at the next keepalive.
    pub(crate) fn recheck(&self) {
        self.shared.recheck.notify_one();
    }

    /// Returns the open connection. Waits for the first attempt, and never for a reconnection.
    async fn multiplexed(&self, operation: &'static str) -> Result<(MultiplexedConnection, u64)> {
        if let Some(current) = self.current(operation) {
            return current;
        }
        let limit = self.shared.server.context.config.response_timeout;
        // Boxed, since it is rare and every call's future would otherwise be as large.
        let _ = Box::pin(timeout(limit, self.first_attempt())).await;
        self.current(operation)
            .unwrap_or_else(|| Err(self.unavailable(operation, "is still being connected to")))
    }

    /// Returns the open connection or why there is none, and `None` during the first attempt.
    fn current(&self, operation: &'static str) -> Option<Result<(MultiplexedConnection, u64)>> {
        match &*self.shared.state.borrow() {
            State::Up(connection, number) => Some(Ok((connection.clone(), *number))),
            State::Down(error) => {
                let message = format!("{} is not connected", self.shared.server.label());
                Some(Err(Error::caused(ErrorKind::Unavailable, operation, message, error.clone())))
            }
            State::Connecting => None,
        }
    }

    fn failed(&self, operation: &'static str, error: RedisError) -> Error {
        if error::needs_recheck(&error) {
            self.recheck();
        }
        error::classify(operation, &self.shared.server.label(), error)
    }

    fn unavailable(&self, operation: &'static str, why: &str) -> Error {
        Error::new(ErrorKind::Unavailable, operation, format!("{} {why}", self.shared.server.label()))
    }
}

/// Connects, monitors the connection, and connects again, until it is aborted.
async fn maintain(shared: Arc<Shared>) {
    let Shared { server, state, recheck, wrong, opened } = &*shared;
    let mut wrong = wrong.subscribe();
    let config = &server.context.config;
    let mut backoff = Backoff::new(config.reconnect.clone());
    loop {
        let error = match server.open().await {
            Ok(mut open) => {
                let number = opened.fetch_add(1, Ordering::Relaxed) + 1;
                if let State::Down(_) = state.send_replace(State::Up(open.connection.clone(), number)) {
                    tracing::info!(server = server.label(), "reconnected to Redis");
                }
                let since = Instant::now();
                let error = tokio::select! {
                    error = monitor(server, &mut open, recheck) => error,
                    // It fails only if the connection is dropped, and this task with it.
                    _ = wrong.wait_for(|wrong| *wrong >= number) => {
                        server.renew();
                        let message = format!("{} said that it is not the server that is needed", server.label());
                        Error::new(ErrorKind::Unavailable, "connect", message)
                    }
                };
                tracing::warn!(server = server.label(), %error, "lost the connection to Redis, reconnecting");
                // A connection that is lost at once counts as a failed attempt.
                if since.elapsed() > *config.reconnect.end() {
                    backoff.reset();
                }
                error
            }
            Err(error) => {
                if !matches!(&*state.borrow(), State::Down(_)) {
                    tracing::warn!(server = server.label(), %error, "can't connect to Redis, trying again");
                }
                error
            }
        };
        state.send_replace(State::Down(error));
        sleep(backoff.pause()).await;
    }
}

/// Checks an open connection at each keepalive, each interval for its role, and on request. Returns why it no
/// longer serves.
async fn monitor(server: &Server, open: &mut OpenConnection, recheck: &Notify) -> Error {
    let keepalive = server.context.config.keepalive;
    let (mut renewals, mut info_at) = (server.renewals(), Instant::now() + keepalive * KEEPALIVES_PER_INFO);
    loop {
        let requested = tokio::select! {
            () = open.ended() => {
                let message = format!("{} closed the connection", server.label());
                return Error::new(ErrorKind::Unavailable, "connect", message);
            }
            () = recheck.notified() => true,
            _ = renewals.changed() => true,
            () = sleep(keepalive.min(ROLE_INTERVAL)) => false,
        };
        let address = server.info().as_ref().map(|info| info.address.clone());
        let checked = match address {
            Some(address) if !requested && Instant::now() < info_at => {
                server.check_role(open, &address).await
            }
            _ => {
                info_at = Instant::now() + keepalive * KEEPALIVES_PER_INFO;
                server.check(open).await
            }
        };
        if let Err(error) = checked {
            server.renew();
            return error;
        }
    }
}
