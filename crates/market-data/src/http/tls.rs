//! TLS by rustls with ring, trusting whom the system trusts.

use std::sync::{Arc, LazyLock};

use cache_core::{Error, ErrorKind, Result};
use rustls::{ClientConfig, RootCertStore, crypto::ring};

/// Whom the system trusts, read once. Where that is nobody, no server is proven, and calls by https fail.
static ROOTS: LazyLock<Arc<RootCertStore>> = LazyLock::new(|| {
    let mut roots = RootCertStore::empty();
    // Some of a system's many may be odd; what matters is that there are any.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    Arc::new(roots)
});

/// How to speak TLS.
pub(super) fn config() -> Result<ClientConfig> {
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|why| Error::caused(ErrorKind::Config, "connect", "TLS can't be set up", why))?;
    Ok(config.with_root_certificates(Arc::clone(&ROOTS)).with_no_client_auth())
}
