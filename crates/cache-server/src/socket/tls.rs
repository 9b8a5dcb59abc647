//! ServerTls: the handshake with a client, by the certificate that is in force.

use std::{io, sync::Arc};

use cache_core::sync::RwLock;
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use crate::settings::ServerCertificate;

/// The first byte of a client that speaks TLS: a record of a handshake.
const HANDSHAKE: u8 = 22;

/// What clients are shown. Each handshake takes the certificate that is in force when it begins.
#[derive(Clone, Debug)]
pub struct ServerTls(Arc<RwLock<ServerCertificate>>);

/// What a client turned out to speak.
pub(super) enum Spoken {
    Tls(Box<TlsStream<TcpStream>>),
    Plain(TcpStream),
}

impl ServerTls {
    /// Returns TLS with this certificate.
    #[must_use]
    pub fn new(certificate: ServerCertificate) -> Self {
        Self(Arc::new(RwLock::new(certificate)))
    }

    /// Shows this certificate from now on. Connections that there are go on.
    pub fn replace(&self, certificate: ServerCertificate) {
        *self.0.write() = certificate;
    }

    /// Shakes hands, unless the client doesn't speak TLS.
    pub(super) async fn accept(&self, stream: TcpStream) -> io::Result<Spoken> {
        let mut first = [0];
        if stream.peek(&mut first).await? == 1 && first[0] != HANDSHAKE {
            return Ok(Spoken::Plain(stream));
        }
        let acceptor = TlsAcceptor::from(Arc::clone(&self.0.read().config));
        Ok(Spoken::Tls(Box::new(acceptor.accept(stream).await?)))
    }
}
