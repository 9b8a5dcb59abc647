//! The socket: connections within limits, each read and written within deadlines, drained at the end.

use std::{io, sync::Arc, time::Duration};

use axum::{Router, middleware};
use cache_core::{Error, ErrorKind, Result};
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

/// How long requests under way may go on once the service is told to stop.
pub const DRAIN: Duration = Duration::from_millis(2000);
/// What is read of a connection ahead of its use. Past it hyper itself answers 431.
const MAX_BUFFER: usize = 128 << 10;
/// The pause after an accept that failed for want of something that connections hold.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What one client may take from the others.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How many connections are served at once; more wait.
    pub connections: u32,
    /// How long a client may take to send a request's head, or wait between two requests.
    pub head: Duration,
    /// How long a client may take none of an answer: one that never reads must not keep its place.
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
/// `Config`, saying what to set instead, if it can't be bound.
pub async fn bind(listen: &str) -> Result<TcpListener> {
    TcpListener::bind(listen).await.map_err(|source| {
        let advice = match source.kind() {
            io::ErrorKind::AddrInUse => "stop what listens there, or choose another port",
            io::ErrorKind::PermissionDenied => "choose a port above 1023",
            io::ErrorKind::AddrNotAvailable => "choose an address of this machine",
            _ => "give an address and a port",
        };
        let message = format!(
            "{listen:?} can't be had: {advice}, with --listen or CACHE_LISTEN, such as 127.0.0.1:8081"
        );
        Error::caused(ErrorKind::Config, "listen", message, source)
    })
}

/// Serves until `stop` is ready, then lets requests under way finish, for [`DRAIN`] at most.
pub async fn serve(listener: TcpListener, router: Router, limits: Limits, stop: impl Future) {
    let connections = Connections {
        listener,
        limits,
        room: Arc::new(Semaphore::new(limits.connections as usize)),
        graceful: GracefulShutdown::new(),
        router: router.layer(middleware::from_fn(host::require)),
    };
    tokio::select! {
        () = connections.accept() => {}
        _ = stop => {}
    }
    let Connections { listener, graceful, .. } = connections;
    drop(listener);
    let open = graceful.count();
    if timeout(DRAIN, graceful.shutdown()).await.is_err() {
        tracing::warn!(open, "connections were still busy after {DRAIN:?} and are cut");
    }
}

struct Connections {
    listener: TcpListener,
    limits: Limits,
    room: Arc<Semaphore>,
    graceful: GracefulShutdown,
    router: Router,
}

impl Connections {
    /// Takes connections for as long as it is polled. Past the limit they wait in the backlog.
    async fn accept(&self) {
        loop {
            // The semaphore is never closed.
            let Ok(place) = Arc::clone(&self.room).acquire_owned().await else { return };
            let mut stream = TimeoutStream::new(self.next().await);
            stream.set_write_timeout(Some(self.limits.stall));
            let service = TowerToHyperService::new(self.router.clone());
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(self.limits.head)
                .max_buf_size(MAX_BUFFER)
                .serve_connection(TokioIo::new(Box::pin(stream)), service);
            let connection = self.graceful.watch(connection);
            tokio::spawn(async move {
                if let Err(error) = connection.await {
                    tracing::debug!(%error, "a connection ended early");
                }
                drop(place);
            });
        }
    }

    async fn next(&self) -> TcpStream {
        loop {
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    // An answer is one write; without this it may wait for an acknowledgement.
                    if let Err(error) = stream.set_nodelay(true) {
                        tracing::debug!(%error, "a connection can't be told to send at once");
                    }
                    return stream;
                }
                Err(error) if is_the_clients(&error) => {}
                Err(error) => {
                    tracing::error!(%error, "can't accept connections: trying again");
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
}

/// Whether only that one connection is lost.
fn is_the_clients(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset
    )
}
