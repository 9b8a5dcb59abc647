//! TlsServer: the certificate that a server shows, with its key.

use std::{fmt, sync::Arc};

use cache_core::{Error, ErrorKind, Result};
use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{PrivateKeyDer, pem::PemObject},
};

use crate::certificates;

/// What fails.
const SHOW: &str = "show the certificate";

/// The TLS settings of a server: TLS 1.2 and 1.3, and no certificate asked of clients.
///
/// ```
/// use cache_tls::TlsServer;
///
/// let error = TlsServer::new(b"no certificate".to_vec(), b"no key".to_vec()).config().unwrap_err();
/// assert!(error.to_string().contains("no certificate"), "{error}");
/// ```
#[derive(Clone)]
pub struct TlsServer {
    chain: Vec<u8>,
    key: Vec<u8>,
    protocols: Vec<Vec<u8>>,
}

impl TlsServer {
    /// Returns settings that show the certificates in `chain`, the server's own first, with the private key `key`,
    /// both in PEM.
    #[must_use]
    pub fn new(chain: impl Into<Vec<u8>>, key: impl Into<Vec<u8>>) -> Self {
        Self { chain: chain.into(), key: key.into(), protocols: Vec::new() }
    }

    /// Offers these protocols (ALPN), such as `http/1.1`.
    #[must_use]
    pub fn protocols<'a>(mut self, protocols: impl IntoIterator<Item = &'a str>) -> Self {
        self.protocols = protocols.into_iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        self
    }

    /// Returns the settings for rustls.
    ///
    /// # Errors
    ///
    /// `Config` for certificates or a key that can't be read, and for a key that isn't the certificate's. The
    /// error contains no part of a key.
    pub fn config(&self) -> Result<ServerConfig> {
        let chain = certificates::parse(&self.chain)?;
        let key = PrivateKeyDer::from_pem_slice(&self.key).map_err(|_| {
            Error::new(ErrorKind::Config, SHOW, "the key of the certificate is no private key in PEM")
        })?;
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|why| Error::caused(ErrorKind::Config, SHOW, "TLS cannot be set up", why))?
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .map_err(|why| {
                Error::caused(ErrorKind::Config, SHOW, "the certificate cannot be used with its key", why)
            })?;
        config.alpn_protocols.clone_from(&self.protocols);
        Ok(config)
    }
}

impl fmt::Debug for TlsServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsServer").finish_non_exhaustive()
    }
}
