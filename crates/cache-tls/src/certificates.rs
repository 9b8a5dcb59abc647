//! Certificates from PEM, and whom the system trusts.

use std::sync::{Arc, LazyLock};

use cache_core::Result;
use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};

use crate::{plainly, refused};

/// Whom the system trusts, read once.
static SYSTEM: LazyLock<Arc<RootCertStore>> = LazyLock::new(|| {
    let mut roots = RootCertStore::empty();
    // Some of a system's many may be odd; what matters is that there are any.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    Arc::new(roots)
});

/// Returns the certificates to trust: those in `pem`, or the system's, of which there may be none only
/// if `none_allowed`.
pub(crate) fn roots(pem: Option<&[u8]>, none_allowed: bool) -> Result<Arc<RootCertStore>> {
    let Some(pem) = pem else {
        if SYSTEM.is_empty() && !none_allowed {
            return Err(plainly(
                "the system trusts no certificate: install its CA certificates (Debian: ca-certificates), or name those to trust",
            ));
        }
        return Ok(Arc::clone(&SYSTEM));
    };
    let mut roots = RootCertStore::empty();
    for certificate in parse(pem)? {
        roots.add(certificate).map_err(|why| refused("a certificate to trust is bad", why))?;
    }
    Ok(Arc::new(roots))
}

/// Returns the certificates in `pem`, of which there must be one.
pub(crate) fn parse(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>> {
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(|why| refused("a certificate is not in PEM", why))?;
    if certificates.is_empty() {
        return Err(plainly("there is no certificate in what should be some in PEM"));
    }
    Ok(certificates)
}
