//! The client of a request, as far as the guard must know it.

use std::{
    fmt::{self, Debug},
    net::SocketAddr,
    sync::Arc,
    time::Duration,
};

use axum::extract::{ConnectInfo, Request};

/// The longest time for a body, unless the server says otherwise.
const BODY_TIMEOUT: Duration = Duration::from_secs(15);

/// The client of a request that came over a socket. A server of one's own puts it into the extensions of each
/// request; for the others axum's `ConnectInfo<SocketAddr>` says who it is.
#[derive(Clone, Debug)]
pub struct Client {
    /// The client's address; `None` if the server doesn't tell.
    pub peer: Option<SocketAddr>,
    /// The address that it connected to; `None` if the server doesn't tell.
    pub local: Option<SocketAddr>,
    /// The longest time for receiving a body.
    pub body_timeout: Duration,
    /// Its connection.
    pub connection: Arc<dyn ClientConnection>,
}

/// What the guard tells the connection of a client.
pub trait ClientConnection: Debug + Send + Sync {
    /// The request is being answered.
    fn answers(&self) {}

    /// The rest of the request is not read, so no other can follow it.
    fn refuses_the_rest(&self) {}
}

/// A connection that is told nothing.
#[derive(Debug)]
struct Untold;

impl ClientConnection for Untold {}

impl Client {
    /// Returns the client of a request. Without a word of the server it is known that there is one, and no more.
    pub(super) fn of(request: &Request) -> Self {
        let extensions = request.extensions();
        extensions.get::<Self>().cloned().unwrap_or_else(|| Self {
            peer: extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0),
            local: None,
            body_timeout: BODY_TIMEOUT,
            connection: Arc::new(Untold),
        })
    }
}

/// Who sent a request, for the log of changes.
#[derive(Clone, Copy, Debug)]
pub struct Sender {
    pub(super) peer: Option<SocketAddr>,
    pub(super) has_token: bool,
}

impl fmt::Display for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.peer {
            Some(peer) => fmt::Display::fmt(&peer, f)?,
            None => f.write_str("unknown")?,
        }
        if self.has_token { f.write_str(" with the token") } else { Ok(()) }
    }
}
