//! The socket: a limited number of connections, read and write timeouts, and draining at shutdown.

mod client_stream;
mod places;
mod plain_error;
mod tls;

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use axum::{Router, extract::Request};
use cache_core::{Clock, Error, ErrorKind, LogSum, Result};
use cache_http::{Problem, guard::Client};
use hyper::{
    body::Incoming,
    server::conn::http1,
    service::{Service, service_fn},
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::{GracefulShutdown, Watcher},
    service::TowerToHyperService,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    time::{sleep, timeout},
};

pub use self::tls::ServerTls;
use self::{
    client_stream::ClientStream,
    places::{Place, Places, TakenPlace},
    tls::Spoken,
};
use crate::http::problems::TLS_REQUIRED;

/// How long requests under way may continue at shutdown.
pub const DRAIN_TIMEOUT: Duration = Duration::from_millis(2000);
/// The largest read buffer of a connection, in bytes: what bodies take that are refused unread. A larger head gets
/// 431 from hyper; the longest URL that it reads, to answer with 414, has 64 KiB.
const MAX_READ_BUFFER: usize = 80 << 10;
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

/// Serves, with TLS if there is a certificate for it, until `stop` is ready. Then drains connections for at most
/// [`DRAIN_TIMEOUT`].
pub async fn serve(
    listener: TcpListener,
    tls: Option<ServerTls>,
    router: Router,
    limits: Limits,
    stop: impl Future,
) {
    let connections = Connections {
        listener,
        tls,
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
    tls: Option<ServerTls>,
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
            let client = Client {
                peer: Some(peer),
                local: Some(local),
                body_timeout: self.limits.body,
                connection: taken.place.clone(),
            };
            let connection = Connection {
                client,
                taken,
                limits: self.limits,
                router: self.router.clone(),
                watcher: self.graceful.watcher(),
            };
            tokio::spawn(connection.serve(stream, self.tls.clone()));
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

/// One connection.
struct Connection {
    client: Client,
    taken: TakenPlace,
    limits: Limits,
    router: Router,
    watcher: Watcher,
}

impl Connection {
    /// Serves a client until it goes, or its place is given to another.
    async fn serve(self, stream: TcpStream, tls: Option<ServerTls>) {
        let peer = self.client.peer;
        let Self { client, taken, limits, router, watcher } = self;
        let place = Arc::clone(&taken.place);
        let serving = async {
            let Some(tls) = tls else { return answer(stream, client, &place, limits, router, watcher).await };
            let result = match timeout(limits.head, tls.accept(stream)).await {
                Ok(Ok(Spoken::Tls(stream))) => {
                    return answer(*stream, client, &place, limits, router, watcher).await;
                }
                Ok(Ok(Spoken::Plain(stream))) => {
                    let problem = Problem::new(
                        TLS_REQUIRED,
                        "clients are served by TLS here: begin the URL with https://",
                    );
                    ClientStream::new(stream, limits.stall, Arc::clone(&place)).refuse(problem).await
                }
                Ok(Err(error)) => Err(error),
                Err(_) => Err(io::ErrorKind::TimedOut.into()),
            };
            if let Err(error) = result {
                tracing::debug!(?peer, %error, "TLS handshake failed");
            }
        };
        tokio::select! {
            () = serving => {}
            () = place.given_up() => {
                tracing::debug!(?peer, "all connections are taken: closed one that sent nothing");
            }
        }
    }
}

/// Has the requests of a client answered.
async fn answer<S: AsyncRead + AsyncWrite + Send + 'static>(
    stream: S,
    client: Client,
    place: &Arc<Place>,
    limits: Limits,
    router: Router,
    watcher: Watcher,
) {
    let stream = ClientStream::new(stream, limits.stall, Arc::clone(place));
    let router = TowerToHyperService::new(router);
    let service = service_fn(|mut request: Request<Incoming>| {
        place.waits();
        request.extensions_mut().insert(client.clone());
        let (answering, place) = (router.call(request), Arc::clone(place));
        async move {
            let response = answering.await;
            place.waits();
            response
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head)
        .max_buf_size(MAX_READ_BUFFER)
        .serve_connection(TokioIo::new(stream), service);
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(%error, "connection ended with an error");
    }
}

/// Whether the error concerns only that one connection.
fn is_connection_error(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset
    )
}
