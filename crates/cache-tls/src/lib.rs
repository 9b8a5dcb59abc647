//! TLS for the clients of the cache: rustls with ring, set up in one place.
//!
//! A [`TlsClient`] says whom to trust, how much of a server's certificate to check, and which
//! certificate to show. Nothing is installed in the process, so other users of rustls are not touched.
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
mod verifiers;

use std::sync::Arc;

use cache_core::{Error, ErrorKind, Result};
use rustls::{
    ClientConfig,
    client::WebPkiServerVerifier,
    crypto::ring,
    pki_types::{PrivateKeyDer, pem::PemObject},
};

use verifiers::{AnyHost, AnyServer};

/// How much of a server's certificate is checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Check {
    /// That a trusted authority issued it for this host.
    #[default]
    Host,
    /// That a trusted authority issued it, for whichever host.
    Authority,
    /// Nothing: who listens on the wire learns nothing, who answers in the server's place does.
    Nothing,
}

/// How a client speaks TLS.
#[derive(Clone, Default)]
pub struct TlsClient {
    check: Check,
    roots: Option<Vec<u8>>,
    without_roots: bool,
    identity: Option<(Vec<u8>, Vec<u8>)>,
}

impl TlsClient {
    /// Trusts whom the system trusts, checks the host, and shows no certificate.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same, checking so much.
    #[must_use]
    pub fn check(self, check: Check) -> Self {
        Self { check, ..self }
    }

    /// The same, trusting the certificates in `pem` alone.
    #[must_use]
    pub fn roots(self, pem: impl Into<Vec<u8>>) -> Self {
        Self { roots: Some(pem.into()), ..self }
    }

    /// The same, set up even where the system trusts nobody: every server is refused there.
    #[must_use]
    pub fn even_without_roots(self) -> Self {
        Self { without_roots: true, ..self }
    }

    /// The same, showing the certificates in `chain`, whose key is `key`, both in PEM.
    #[must_use]
    pub fn identity(self, chain: impl Into<Vec<u8>>, key: impl Into<Vec<u8>>) -> Self {
        Self { identity: Some((chain.into(), key.into())), ..self }
    }

    /// Returns the settings for rustls.
    ///
    /// # Errors
    ///
    /// `Config` for certificates or a key that are none, and where nobody is trusted though something is
    /// to be checked. No part of a key is told.
    pub fn config(&self) -> Result<ClientConfig> {
        let provider = Arc::new(ring::default_provider());
        let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|why| refused("TLS can't be set up", why))?;
        let roots = || certificates::roots(self.roots.as_deref(), self.without_roots);
        let config = match self.check {
            Check::Host => config.with_root_certificates(roots()?),
            Check::Authority => {
                let known = WebPkiServerVerifier::builder_with_provider(roots()?, provider)
                    .build()
                    .map_err(|why| refused("the certificates to trust do not serve", why))?;
                config.dangerous().with_custom_certificate_verifier(Arc::new(AnyHost(known)))
            }
            Check::Nothing => {
                config.dangerous().with_custom_certificate_verifier(Arc::new(AnyServer(provider)))
            }
        };
        let Some((chain, key)) = &self.identity else { return Ok(config.with_no_client_auth()) };
        let key = PrivateKeyDer::from_pem_slice(key)
            .map_err(|_| plainly("the key of the certificate to show is no private key in PEM"))?;
        config
            .with_client_auth_cert(certificates::parse(chain)?, key)
            .map_err(|why| refused("the certificate to show does not serve", why))
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

fn plainly(why: &str) -> Error {
    Error::new(ErrorKind::Config, "connect", why)
}

fn refused(what: &str, why: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::caused(ErrorKind::Config, "connect", what, why)
}

#[cfg(test)]
mod tests {
    use super::TlsClient;

    #[test]
    fn certificates_that_are_none_are_refused_without_showing_them() {
        let bad = b"-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----\n".to_vec();
        let roots = TlsClient::new().roots(bad.clone());
        let shown = TlsClient::new().check(super::Check::Nothing).identity(bad.clone(), bad);
        for client in [roots, shown] {
            let error = client.config().unwrap_err();
            assert!(!format!("{error} {client:?}").contains("hunter2"), "{error}");
        }
    }
}
