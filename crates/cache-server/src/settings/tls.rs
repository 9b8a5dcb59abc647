//! TLS for clients: the files of the certificate and its key, and what is read from them.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

use cache_config::{ConfigErrors, Values, read_text_file, section, setting};
use cache_tls::TlsServer;
use tokio_rustls::rustls::{
    ServerConfig,
    pki_types::{CertificateDer, pem::PemObject},
};
use x509_cert::{Certificate, der::Decode};
use xxhash_rust::xxh3::xxh3_128;

/// The setting whose file can change without it.
pub(crate) const CERTIFICATE: &str = "tls.certificate";
const KEY: &str = "tls.key";
/// The longest file that is read, in bytes: a longer chain is more than clients take in a handshake.
const MAX_FILE: u64 = 64 << 10;

section! {
    /// TLS for clients.
    pub struct TlsSection("tls.", _profile) {
        /// The file of the certificate that clients are shown, in PEM, followed by those that lead to its
        /// authority. A reload reads it and its key anew. Left out: clients are served without TLS.
        certificate: Option<PathBuf> = None, setting().env(&["CACHE_TLS_CERTIFICATE"]).flag("tls-certificate"),
        /// The file of the certificate's private key, in PEM.
        key: Option<PathBuf> = None, setting().env(&["CACHE_TLS_KEY"]).flag("tls-key"),
    }
}

/// A certificate with its key, ready to be shown.
#[derive(Clone)]
pub struct ServerCertificate {
    pub(crate) config: Arc<ServerConfig>,
    pub(crate) digest: u128,
    /// When the first of its chain ends, in seconds since 1970.
    pub(crate) ends: Option<i64>,
}

impl TlsSection {
    /// Refuses one file without the other.
    pub(super) fn check(&self, values: &Values, errors: &mut ConfigErrors) {
        match (&self.certificate, &self.key) {
            (Some(_), None) => errors.add(
                &values.origin(CERTIFICATE),
                "tls.certificate is given without tls.key: name the file of its private key, too",
            ),
            (None, Some(_)) => errors.add(
                &values.origin(KEY),
                "tls.key is given without tls.certificate: name the file of the certificate, too",
            ),
            _ => {}
        }
    }

    /// Reads the files, if there are any. Adds to `errors` what is wrong with them.
    pub(crate) fn read(&self, values: &Values, errors: &mut ConfigErrors) -> Option<ServerCertificate> {
        let (certificate, key) = (self.certificate.as_deref()?, self.key.as_deref()?);
        let mut text = |name: &str, path: &Path| {
            let unreadable = |why| {
                let told = format!("{name}: {:?} can't be read: {why}", path.display().to_string());
                errors.add(&values.origin(name), told);
            };
            read_text_file(path, MAX_FILE).map_err(unreadable).ok()
        };
        let (chain, secret) = (text(CERTIFICATE, certificate), text(KEY, key));
        let (chain, secret) = (chain?, secret?);
        let digest = xxh3_128([chain.as_bytes(), secret.as_bytes()].concat().as_slice());
        let ends = ends(chain.as_bytes());
        match TlsServer::new(chain, secret).protocols(["http/1.1"]).config() {
            Ok(config) => Some(ServerCertificate { config: Arc::new(config), digest, ends }),
            Err(why) => {
                let paths = format!("{:?} and {:?}", certificate.display(), key.display());
                let told = format_args!("tls.certificate and tls.key: {paths} can't be used: {why}");
                errors.add(&values.origin(CERTIFICATE), told);
                None
            }
        }
    }
}

/// Returns when the first certificate of a chain ends that does, in seconds since 1970. One that can't be read has
/// been refused before.
fn ends(chain: &[u8]) -> Option<i64> {
    let certificates = CertificateDer::pem_slice_iter(chain).filter_map(Result::ok);
    let end = |der: CertificateDer<'_>| {
        let certificate = Certificate::from_der(&der).ok()?;
        i64::try_from(certificate.tbs_certificate.validity.not_after.to_unix_duration().as_secs()).ok()
    };
    certificates.filter_map(end).min()
}

impl fmt::Debug for ServerCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerCertificate").finish_non_exhaustive()
    }
}
