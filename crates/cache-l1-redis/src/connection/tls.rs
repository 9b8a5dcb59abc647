//! TLS by rustls with ring, set up here and nowhere in the process.

use std::sync::Arc;

use cache_core::{Error, ErrorKind, Result};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use tokio_rustls::TlsConnector;

use crate::connection::secret::Secret;

/// Certificates in PEM.
#[derive(Clone, Debug, Default)]
pub(crate) struct Certificates {
    /// Whom to trust; the system's if there are none.
    pub(crate) roots: Option<Vec<u8>>,
    /// What to show, with its key.
    pub(crate) identity: Option<(Vec<u8>, Secret<Vec<u8>>)>,
}

impl Certificates {
    pub(crate) fn connector(&self) -> Result<TlsConnector> {
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|why| refused("TLS can't be set up", why))?
            .with_root_certificates(self.trusted()?);
        let config = match &self.identity {
            None => config.with_no_client_auth(),
            Some((chain, Secret(key))) => {
                let key = PrivateKeyDer::from_pem_slice(key)
                    .map_err(|_| plainly("the key of the certificate to show is no private key in PEM"))?;
                let chain = certificates(chain)?;
                config
                    .with_client_auth_cert(chain, key)
                    .map_err(|why| refused("the certificate to show does not serve", why))?
            }
        };
        Ok(TlsConnector::from(Arc::new(config)))
    }

    fn trusted(&self) -> Result<RootCertStore> {
        let mut store = RootCertStore::empty();
        match &self.roots {
            Some(pem) => {
                for certificate in certificates(pem)? {
                    store.add(certificate).map_err(|why| refused("a certificate to trust is bad", why))?;
                }
            }
            None => {
                // Some of a system's many may be odd; what matters is that there are any.
                store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
                if store.is_empty() {
                    return Err(plainly("the system has no certificates to trust: give some to `trust`"));
                }
            }
        }
        Ok(store)
    }
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>> {
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(|why| refused("a certificate is not in PEM", why))?;
    if certificates.is_empty() {
        return Err(plainly("there is no certificate in what should be some in PEM"));
    }
    Ok(certificates)
}

fn plainly(why: &str) -> Error {
    Error::new(ErrorKind::Config, "connect", why)
}

fn refused(what: &str, why: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::caused(ErrorKind::Config, "connect", what, why)
}

#[cfg(test)]
mod tests {
    use super::{Certificates, Secret};

    #[test]
    fn certificates_that_are_none_are_refused_without_showing_them() {
        let bad = b"-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----\n".to_vec();
        let roots = Certificates { roots: Some(bad.clone()), identity: None };
        let shown = Certificates { roots: None, identity: Some((bad.clone(), Secret(bad))) };
        for certificates in [roots, shown] {
            let error = certificates.connector().err().expect("an error");
            assert!(!format!("{error} {certificates:?}").contains("hunter2"), "{error}");
        }
    }
}
