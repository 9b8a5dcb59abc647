//! TLS to a server: what it trusts, what it shows, and the streams it opens.

use std::{io, sync::Arc};

use cache_core::Result;
use cache_tls::TlsClient;
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, rustls::pki_types::ServerName};

use crate::{RedisConfig, connection::connect::Stream};

/// What TLS trusts and shows.
#[derive(Clone, Debug, Default)]
pub(crate) struct TlsSettings(TlsClient);

/// Opens TLS streams over TCP.
pub(crate) struct TlsStreams(TlsConnector);

/// Whether TLS was built in.
pub(crate) fn built_in() -> Result<()> {
    Ok(())
}

impl TlsSettings {
    pub(crate) fn streams(&self) -> Result<TlsStreams> {
        Ok(TlsStreams(TlsConnector::from(Arc::new(self.0.config()?))))
    }
}

impl TlsStreams {
    pub(crate) async fn open(&self, host: &str, stream: TcpStream) -> io::Result<Box<dyn Stream>> {
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        Ok(Box::new(self.0.connect(name, stream).await?))
    }
}

impl RedisConfig {
    /// Sets the certificates, in PEM, that TLS trusts instead of the system's. Feature `tls`.
    ///
    /// ```
    /// use cache_l1_redis::RedisConfig;
    ///
    /// let authority = "-----BEGIN CERTIFICATE-----\n...";
    /// let config = RedisConfig::single("rediss://app:secret@cache.example/2")?.trust(authority);
    /// # Ok::<(), cache_core::Error>(())
    /// ```
    #[must_use]
    pub fn trust(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.tls.0 = self.tls.0.roots(pem);
        self
    }

    /// Sets the certificate for servers that ask the client for one, and its private key, both in PEM. Feature
    /// `tls`.
    #[must_use]
    pub fn identity(mut self, certificate: impl Into<Vec<u8>>, key: impl Into<Vec<u8>>) -> Self {
        self.tls.0 = self.tls.0.identity(certificate, key);
        self
    }
}

#[cfg(test)]
mod tests {
    use crate::{RedisConfig, connection::address::ParsedUrl};

    #[test]
    fn a_url_asks_for_tls_by_its_scheme() {
        for (text, tls) in [("rediss://cache", true), ("redis://cache", false)] {
            assert_eq!(ParsedUrl::parse(text).unwrap().address.is_tls(), tls, "{text}");
        }
    }

    #[test]
    fn private_keys_are_not_shown() {
        let config = RedisConfig::single("rediss://cache").unwrap().identity("", "hunter2");
        assert!(!format!("{config:?}").contains("hunter2"));
    }
}
