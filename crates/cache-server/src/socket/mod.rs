//! The socket: a limited number of connections, read and write timeouts, and draining at shutdown.

mod client_stream;
mod places;
mod plain_error;

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use axum::{Router, extract::Request};
use cache_core::{Clock, Error, ErrorKind, LogSum, Result};
use hyper::{
    body::Incoming,
    server::conn::http1,
    service::{Service, service_fn},
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    time::{sleep, timeout},
};

pub(crate) use self::places::Place;
use self::{client_stream::ClientStream, places::Places};

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
    /// The longest time for receiving a request's body.
    pub body: Duration,
    /// The longest time in which a client reads nothing of a response.
    pub stall: Duration,
}

impl Limits {
    /// Returns limits that wait for a client no longer than `patience`, whatever for.
    #[must_use]
    pub fn new(connections: u32, patience: Duration) -> Self {
        Self { connections, head: patience, body: patience, stall: patience }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::new(2048, Duration::from_secs(15))
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

/// The client of a request that came over a socket.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    /// The client's address.
    pub(crate) peer: SocketAddr,
    /// The address that it connected to.
    pub(crate) local: SocketAddr,
    /// The longest time for receiving a body.
    pub(crate) body_timeout: Duration,
    pub(crate) place: Arc<Place>,
}

/// Serves until `stop` is ready, then drains connections for at most [`DRAIN_TIMEOUT`].
pub async fn serve(listener: TcpListener, router: Router, limits: Limits, stop: impl Future) {
    let connections = Connections {
        listener,
        limits,
        places: Places::new(limits.connections),
        graceful: GracefulShutdown::new(),
        router,
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
    places: Arc<Places>,
    graceful: GracefulShutdown,
    router: Router,
    clock: Clock,
    /// Attempts to accept that failed.
    refusals: LogSum,
}

impl Connections {
    /// Accepts connections. Those past the limit wait, one of them accepted and the others in the backlog of the
    /// socket.
    async fn accept(&self) {
        for number in 0.. {
            let (stream, peer) = self.next().await;
            let taken = self.places.take(number).await;
            // The client may be gone already.
            let Ok(local) = stream.local_addr() else { continue };
            let place = Arc::clone(&taken.place);
            let stream = ClientStream::new(stream, self.limits.stall, Arc::clone(&place));
            let client = Client { peer, local, body_timeout: self.limits.body, place };
            let router = TowerToHyperService::new(self.router.clone());
            let service = service_fn(move |mut request: Request<Incoming>| {
                client.place.waits();
                request.extensions_mut().insert(client.clone());
                let (answering, place) = (router.call(request), Arc::clone(&client.place));
                async move {
                    let response = answering.await;
                    place.waits();
                    response
                }
            });
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(self.limits.head)
                .max_buf_size(MAX_READ_BUFFER)
                .serve_connection(TokioIo::new(stream), service);
            let connection = self.graceful.watch(connection);
            tokio::spawn(async move {
                tokio::select! {
                    result = connection => if let Err(error) = result {
                        tracing::debug!(%error, "connection ended with an error");
                    },
                    () = taken.place.given_up() => {
                        tracing::debug!(%peer, "all connections are taken: closed one that sent nothing");
                    }
                }
            });
        }
    }

    async fn next(&self) -> (TcpStream, SocketAddr) {
        loop {
            match self.listener.accept().await {
                Ok((stream, peer)) => {
                    // A response is one write, which Nagle's algorithm could delay.
                    if let Err(error) = stream.set_nodelay(true) {
                        tracing::debug!(%error, "can't set TCP_NODELAY");
                    }
                    if let Some(summary) = self.refusals.settle(self.clock.now()) {
                        tracing::warn!("{summary}");
                    }
                    return (stream, peer);
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
