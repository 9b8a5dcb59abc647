//! The socket: a limited number of connections, read and write timeouts, and draining at shutdown.

use std::{io, sync::Arc, time::Duration};

use axum::{Router, middleware};
use cache_core::{Clock, Error, ErrorKind, LogSum, Result};
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::{sleep, timeout},
};
use tokio_io_timeout::TimeoutStream;

use crate::http::host;

/// How long requests under way may continue at shutdown.
pub const DRAIN_TIMEOUT: Duration = Duration::from_millis(2000);
/// The largest read buffer of a connection, in bytes. A larger head gets 431 from hyper.
const MAX_READ_BUFFER: usize = 128 << 10;
/// The pause after a failed accept, in which connections may free resources such as file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Limits on connections.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How many connections are served at once. Further ones wait.
    pub connections: u32,
    /// The longest time for receiving a request's head, or between two requests.
    pub head: Duration,
    /// The longest time in which a client reads nothing of a response.
    pub stall: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { connections: 2048, head: Duration::from_secs(15), stall: Duration::from_secs(15) }
    }
}

/// Binds the socket that `listen` names.
///
/// # Errors
///
/// `Config` with a remedy, if it can't be bound.
pub async fn bind(listen: &str) -> Result<TcpListener> {
    TcpListener::bind(listen).await.map_err(|source| {
        let advice = match source.kind() {
            io::ErrorKind::AddrInUse => "stop the program that listens there, or choose another port",
            io::ErrorKind::PermissionDenied => "choose a port above 1023",
            io::ErrorKind::AddrNotAvailable => "choose an address of this machine",
            _ => "give an address and a port",
        };
        let message = format!(
            "can't listen on {listen:?}: {advice}, with --listen or CACHE_LISTEN, such as 127.0.0.1:8081"
        );
        Error::caused(ErrorKind::Config, "listen", message, source)
    })
}

/// Serves until `stop` is ready, then drains connections for at most [`DRAIN_TIMEOUT`].
pub async fn serve(listener: TcpListener, router: Router, limits: Limits, stop: impl Future) {
    let connections = Connections {
        listener,
        limits,
        permits: Arc::new(Semaphore::new(limits.connections as usize)),
        graceful: GracefulShutdown::new(),
        router: router.layer(middleware::from_fn(host::require)),
        clock: Clock::system(),
        refusals: LogSum::new("attempts to accept a connection that failed"),
    };
    tokio::select! {
        () = connections.accept() => {}
        _ = stop => {}
    }
    let Connections { listener, graceful, .. } = connections;
    drop(listener);
    let open = graceful.count();
    if timeout(DRAIN_TIMEOUT, graceful.shutdown()).await.is_err() {
        tracing::warn!(open, "connections still busy after {DRAIN_TIMEOUT:?} are closed");
    }
}

struct Connections {
    listener: TcpListener,
    limits: Limits,
    permits: Arc<Semaphore>,
    graceful: GracefulShutdown,
    router: Router,
    clock: Clock,
    /// Attempts to accept that failed.
    refusals: LogSum,
}

impl Connections {
    /// Accepts connections. Those past the limit wait in the backlog of the socket.
    async fn accept(&self) {
        loop {
            // The semaphore is never closed.
            let Ok(permit) = Arc::clone(&self.permits).acquire_owned().await else { return };
            let mut stream = TimeoutStream::new(self.next().await);
            stream.set_write_timeout(Some(self.limits.stall));
            let service = TowerToHyperService::new(self.router.clone());
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(self.limits.head)
                .max_buf_size(MAX_READ_BUFFER)
                .serve_connection(TokioIo::new(Box::pin(stream)), service);
            let connection = self.graceful.watch(connection);
            tokio::spawn(async move {
                if let Err(error) = connection.await {
                    tracing::debug!(%error, "connection ended with an error");
                }
                drop(permit);
            });
        }
    }

    async fn next(&self) -> TcpStream {
        loop {
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    // A response is one write, which Nagle's algorithm could delay.
                    if let Err(error) = stream.set_nodelay(true) {
                        tracing::debug!(%error, "can't set TCP_NODELAY");
                    }
                    if let Some(summary) = self.refusals.settle(self.clock.now()) {
                        tracing::warn!("{summary}");
                    }
                    return stream;
                }
                Err(error) if is_connection_error(&error) => {}
                Err(error) => {
                    if let Some(times) = self.refusals.count(self.clock.now()) {
                        tracing::error!(%error, times, "can't accept connections: retrying");
                    }
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
}

/// Whether the error concerns only that one connection.
fn is_connection_error(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset
    )
}
