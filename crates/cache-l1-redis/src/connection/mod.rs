//! One connection to a server, opened anew whenever it is lost. Who calls meanwhile fails at once.

pub(crate) mod address;
pub(crate) mod backoff;
pub(crate) mod birth_floor;
pub(crate) mod connect;
pub(crate) mod health;
pub(crate) mod node;
pub(crate) mod secret;
pub(crate) mod sentinel;
pub(crate) mod server;
pub(crate) mod server_info;
pub(crate) mod task;
pub(crate) mod tls;

use std::sync::Arc;

use cache_core::{Error, ErrorKind, Result};
use redis::{Cmd, Pipeline, RedisError, Value, aio::MultiplexedConnection};
use tokio::{
    sync::{Notify, watch},
    time::{Instant, sleep, timeout},
};

use crate::{
    connection::backoff::Backoff, connection::connect::Line, connection::server::Server,
    connection::task::Task, error,
};

/// How many keepalives pass between two looks at what the server says of itself.
const SURVEY_EVERY: u32 = 12;

#[derive(Clone, Debug)]
enum State {
    /// For the first time.
    Connecting,
    Up(MultiplexedConnection),
    Down(Error),
}

/// A connection that is kept.
#[derive(Debug)]
pub(crate) struct Link {
    server: Arc<Server>,
    state: watch::Receiver<State>,
    trouble: Arc<Notify>,
    _keeper: Task,
}

impl Link {
    /// Begins to connect, in the background.
    pub(crate) fn keep(server: Arc<Server>) -> Self {
        let (say, state) = watch::channel(State::Connecting);
        let trouble = Arc::new(Notify::new());
        let keeper = Task::spawn(keep(server.clone(), say, trouble.clone()));
        Self { server, state, trouble, _keeper: keeper }
    }

    /// Sends a call, whose answer may be the server's refusal of it.
    pub(crate) async fn ask_one(&self, operation: &'static str, call: &Cmd) -> Result<Value> {
        let mut connection = self.connection(operation).await?;
        connection.send_packed_command(call).await.map_err(|error| self.failed(operation, error))
    }

    /// Sends calls together; answer `i` belongs to call `i`, and may be the server's refusal of it.
    pub(crate) async fn ask(&self, operation: &'static str, calls: &Pipeline) -> Result<Vec<Value>> {
        let mut connection = self.connection(operation).await?;
        let answers = connection.send_packed_commands(calls, 0, calls.len()).await;
        answers.map_err(|error| self.failed(operation, error))
    }

    /// Why calls fail, if they do.
    pub(crate) fn error(&self) -> Option<Error> {
        match &*self.state.borrow() {
            State::Up(_) => None,
            State::Down(error) => Some(error.clone()),
            State::Connecting => Some(self.unavailable("connect", "is being connected to")),
        }
    }

    pub(crate) fn is_up(&self) -> bool {
        matches!(&*self.state.borrow(), State::Up(_))
    }

    /// Waits until the first try to connect has ended.
    pub(crate) async fn tried(&self) {
        // The keeper only ends with us.
        let _ = self.state.clone().wait_for(|state| !matches!(state, State::Connecting)).await;
    }

    /// Says that the connection may no longer serve.
    pub(crate) fn doubt(&self) {
        self.trouble.notify_one();
    }

    /// The connection. The very first is waited for; after a loss nobody waits.
    async fn connection(&self, operation: &'static str) -> Result<MultiplexedConnection> {
        if let Some(known) = self.known(operation) {
            return known;
        }
        let limit = self.server.shared.config.response_limit;
        // In a box, for it happens once, and every call carries what it takes.
        let _ = Box::pin(timeout(limit, self.tried())).await;
        self.known(operation)
            .unwrap_or_else(|| Err(self.unavailable(operation, "is still being connected to")))
    }

    fn known(&self, operation: &'static str) -> Option<Result<MultiplexedConnection>> {
        match &*self.state.borrow() {
            State::Up(connection) => Some(Ok(connection.clone())),
            State::Down(error) => {
                let message = format!("{} is not connected", self.server.called());
                Some(Err(Error::caused(ErrorKind::Unavailable, operation, message, error.clone())))
            }
            State::Connecting => None,
        }
    }

    fn failed(&self, operation: &'static str, error: RedisError) -> Error {
        if error::is_suspicious(&error) {
            self.doubt();
        }
        error::classify(operation, &self.server.called(), error)
    }

    fn unavailable(&self, operation: &'static str, why: &str) -> Error {
        Error::new(ErrorKind::Unavailable, operation, format!("{} {why}", self.server.called()))
    }
}

/// Connects, watches, and connects again, for as long as the link lives.
async fn keep(server: Arc<Server>, say: watch::Sender<State>, trouble: Arc<Notify>) {
    let config = &server.shared.config;
    let mut backoff = Backoff::new(config.reconnect.clone());
    loop {
        let error = match server.open().await {
            Ok(mut line) => {
                if let State::Down(_) = say.send_replace(State::Up(line.connection.clone())) {
                    tracing::info!(server = server.called(), "connected to Redis again");
                }
                let since = Instant::now();
                let error = watch(&server, &mut line, &trouble).await;
                tracing::warn!(server = server.called(), %error, "lost the connection to Redis");
                // One that is lost at once is no better than one that could not be had.
                if since.elapsed() > *config.reconnect.end() {
                    backoff.reset();
                }
                error
            }
            Err(error) => {
                if !matches!(&*say.borrow(), State::Down(_)) {
                    tracing::warn!(server = server.called(), %error, "can't connect to Redis");
                }
                error
            }
        };
        say.send_replace(State::Down(error));
        sleep(backoff.pause()).await;
    }
}

/// Returns when the connection no longer serves, with the reason.
async fn watch(server: &Server, line: &mut Line, trouble: &Notify) -> Error {
    let mut quiet = 0;
    loop {
        let doubted = tokio::select! {
            () = line.ended() => {
                let message = format!("{} closed the connection", server.called());
                return Error::new(ErrorKind::Unavailable, "connect", message);
            }
            () = trouble.notified() => true,
            () = sleep(server.shared.config.keepalive) => false,
        };
        quiet += 1;
        let checked = if doubted || quiet % SURVEY_EVERY == 0 {
            server.check(line).await
        } else {
            ping(server, line).await
        };
        if let Err(error) = checked {
            return error;
        }
    }
}

async fn ping(server: &Server, line: &mut Line) -> Result<()> {
    let pong = redis::cmd("PING").exec_async(&mut line.connection).await;
    pong.map_err(|error| error::classify("connect", &server.called(), error))
}
