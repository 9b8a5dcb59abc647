//! Certificates read from PEM, and the authorities that the system trusts.

use std::sync::{Arc, LazyLock};

use cache_core::Result;
use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};

use crate::{config_error, config_error_from};

/// The authorities that the system trusts, read once.
static SYSTEM: LazyLock<Arc<RootCertStore>> = LazyLock::new(|| {
    let mut roots = RootCertStore::empty();
    // A certificate that can't be read is skipped, since others are likely to be readable.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    Arc::new(roots)
});

/// Returns the authorities to trust: those in `pem`, or else the system's. It is an error if the system has
/// none, unless `none_allowed`.
pub(crate) fn roots(pem: Option<&[u8]>, none_allowed: bool) -> Result<Arc<RootCertStore>> {
    let Some(pem) = pem else {
        if SYSTEM.is_empty() && !none_allowed {
            return Err(config_error(
                "the system trusts no certificate: install its CA certificates (Debian: ca-certificates), or set the certificates to trust",
            ));
        }
        return Ok(Arc::clone(&SYSTEM));
    };
    let mut roots = RootCertStore::empty();
    for certificate in parse(pem)? {
        roots.add(certificate).map_err(|why| config_error_from("a certificate to trust is invalid", why))?;
    }
    Ok(Arc::new(roots))
}

/// Returns the certificates in `pem`. It is an error if there is none.
pub(crate) fn parse(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>> {
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(|why| config_error_from("a certificate is not in PEM", why))?;
    if certificates.is_empty() {
        return Err(config_error("the PEM text contains no certificate"));
    }
    Ok(certificates)
}
