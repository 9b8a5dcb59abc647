//! TLS for the clients and the servers of the cache: rustls with ring, set up in one place.
//!
//! A [`TlsClient`] holds which authorities to trust, how much of a server's certificate to check, and which
//! certificate to show to the server; a [`TlsServer`] holds the certificate of a server. No crypto provider is
//! installed in the process, so other users of rustls are not affected.
//!
//! ```
//! use cache_tls::{Check, TlsClient};
//!
//! let encrypted_only = TlsClient::new().check(Check::Nothing);
//! assert!(encrypted_only.config().is_ok());
//!
//! let error = TlsClient::new().roots(b"no certificate".to_vec()).config().unwrap_err();
//! assert!(error.to_string().contains("no certificate"), "{error}");
//! ```

mod certificates;
mod server;
mod verifiers;

use std::sync::Arc;

use cache_core::{Error, ErrorKind, Result};
use rustls::{
    ClientConfig, RootCertStore,
    client::{VerifierBuilderError, WebPkiServerVerifier},
    crypto::ring,
    pki_types::{PrivateKeyDer, pem::PemObject},
};

pub use server::TlsServer;
use verifiers::{AnyServer, TrustedServer};

/// How much of a server's certificate is checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Check {
    /// It must be issued by a trusted authority, or be itself among the certificates to trust, for this host.
    #[default]
    Host,
    /// The same, for any host.
    Authority,
    /// Any certificate is accepted. The connection is encrypted, but nothing shows that its other end is the
    /// server.
    Nothing,
}

/// The TLS settings of a client.
#[derive(Clone, Default)]
pub struct TlsClient {
    check: Check,
    roots: Option<Vec<u8>>,
    without_roots: bool,
    identity: Option<(Vec<u8>, Vec<u8>)>,
}

impl TlsClient {
    /// Returns settings that trust the system's authorities, check the host and show no certificate.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets how much of a certificate is checked. Default: [`Check::Host`].
    #[must_use]
    pub fn check(self, check: Check) -> Self {
        Self { check, ..self }
    }

    /// Trusts the certificates in `pem`, and not those of the system: what they issued, and each of them itself,
    /// though it be marked as an authority's, as self-signed ones are that openssl makes.
    #[must_use]
    pub fn roots(self, pem: impl Into<Vec<u8>>) -> Self {
        Self { roots: Some(pem.into()), ..self }
    }

    /// Makes it no error that the system trusts no authority. Every server is then refused.
    #[must_use]
    pub fn even_without_roots(self) -> Self {
        Self { without_roots: true, ..self }
    }

    /// Shows the certificates in `chain`, with the private key `key`, both in PEM.
    #[must_use]
    pub fn identity(self, chain: impl Into<Vec<u8>>, key: impl Into<Vec<u8>>) -> Self {
        Self { identity: Some((chain.into(), key.into())), ..self }
    }

    /// Returns the settings for rustls.
    ///
    /// # Errors
    ///
    /// `Config` for certificates or a key that can't be read, and if a certificate must be checked but no
    /// authority is trusted. The error contains no part of a key.
    pub fn config(&self) -> Result<ClientConfig> {
        let provider = Arc::new(ring::default_provider());
        let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|why| config_error_from("TLS cannot be set up", why))?;
        let roots = || certificates::roots(self.roots.as_deref(), self.without_roots);
        let config = match self.check {
            Check::Host | Check::Authority => {
                let verifier = WebPkiServerVerifier::builder_with_provider(roots()?, provider);
                match verifier.build() {
                    Ok(by_authority) => {
                        let any_host = self.check == Check::Authority;
                        let pinned = self.roots.as_deref().map(certificates::parse).transpose()?;
                        let pinned = pinned.unwrap_or_default();
                        let verifier = TrustedServer { by_authority, pinned, any_host };
                        config.dangerous().with_custom_certificate_verifier(Arc::new(verifier))
                    }
                    // Every server is refused.
                    Err(VerifierBuilderError::NoRootAnchors) if self.without_roots => {
                        config.with_root_certificates(RootCertStore::empty())
                    }
                    Err(why) => {
                        return Err(config_error_from("the certificates to trust cannot be used", why));
                    }
                }
            }
            Check::Nothing => {
                config.dangerous().with_custom_certificate_verifier(Arc::new(AnyServer(provider)))
            }
        };
        let Some((chain, key)) = &self.identity else { return Ok(config.with_no_client_auth()) };
        let key = PrivateKeyDer::from_pem_slice(key)
            .map_err(|_| config_error("the key of the certificate to show is not a private key in PEM"))?;
        config
            .with_client_auth_cert(certificates::parse(chain)?, key)
            .map_err(|why| config_error_from("the certificate to show cannot be used with its key", why))
    }
}

impl std::fmt::Debug for TlsClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TlsClient")
            .field("check", &self.check)
            .field("own_roots", &self.roots.is_some())
            .field("identity", &self.identity.is_some())
            .finish()
    }
}

fn config_error(why: &str) -> Error {
    Error::new(ErrorKind::Config, "connect", why)
}

fn config_error_from(what: &str, why: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::caused(ErrorKind::Config, "connect", what, why)
}

#[cfg(test)]
mod tests {
    use super::{Check, TlsClient};

    #[test]
    fn invalid_certificates_are_errors_that_do_not_show_them() {
        let bad = b"-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----\n".to_vec();
        let roots = TlsClient::new().roots(bad.clone());
        let shown = TlsClient::new().check(Check::Nothing).identity(bad.clone(), bad);
        for client in [roots, shown] {
            let error = client.config().unwrap_err();
            assert!(!format!("{error} {client:?}").contains("hunter2"), "{error}");
        }
    }
}
