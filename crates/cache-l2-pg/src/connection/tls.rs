//! TLS to the server, checking as much of its certificate as the sslmode asks for.

use std::{
    error, fs, io,
    path::{Path, PathBuf},
};

use cache_core::{Error, ErrorKind, Result};
use cache_tls::{Check, TlsClient};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::{PgConfig, connection::url::Verify};

/// What opens TLS streams.
pub(crate) type MakeTls = MakeRustlsConnect;

/// The largest file of certificates, in bytes.
const MAX_CA_BYTES: u64 = 16 << 20;

/// Whether TLS was built in, which `_what` of a URL asks for.
pub(crate) fn built_in(_what: &str) -> Result<()> {
    Ok(())
}

impl PgConfig {
    /// A PEM file with the certificates of the authorities that may issue the server's. Feature `tls`.
    ///
    /// ```
    /// use cache_l2_pg::PgConfig;
    ///
    /// let config = PgConfig::new("postgres://cache:secret@db.internal/market?sslmode=verify-full")?
    ///     .ca_file("/etc/ssl/private-ca.pem");
    /// # Ok::<(), cache_core::Error>(())
    /// ```
    #[must_use]
    pub fn ca_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.ca_file = Some(path.into());
        self
    }
}

/// Returns a TLS client that checks what `verify` says; with a CA file at least that this authority issued
/// the certificate.
///
/// # Errors
///
/// `Config` if something is to be checked and no CA file says by whom, or if the file is no PEM file of
/// certificates.
pub(crate) fn client(verify: Verify, ca_file: Option<&Path>) -> Result<MakeTls> {
    let check = match verify {
        Verify::Nothing => Check::Nothing,
        Verify::Authority => Check::Authority,
        Verify::Host => Check::Host,
    };
    let config = match (check, ca_file) {
        (Check::Nothing, None) => TlsClient::new().check(check).config()?,
        (Check::Host | Check::Authority, None) => {
            let message = "the sslmode asks to verify the server's certificate, but no CA file was given: name one with \
                 ca_file or sslrootcert, such as /etc/ssl/certs/ca-certificates.crt for public authorities";
            return Err(Error::new(ErrorKind::Config, "open", message));
        }
        (check, Some(path)) => {
            let check = if check == Check::Nothing { Check::Authority } else { check };
            let certificates = read(path).map_err(|error| unusable(path, error))?;
            TlsClient::new()
                .roots(certificates)
                .check(check)
                .config()
                .map_err(|error| unusable(path, error))?
        }
    };
    Ok(MakeRustlsConnect::new(config))
}

/// Reads a regular file. A pipe may never end, and opening it may block.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    let found = fs::metadata(path)?;
    if !found.is_file() || found.len() > MAX_CA_BYTES {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file of at most 16 MiB"));
    }
    fs::read(path)
}

fn unusable(path: &Path, why: impl error::Error + Send + Sync + 'static) -> Error {
    let message = format!("the CA file {} is no file of PEM certificates", path.display());
    Error::caused(ErrorKind::Config, "open", message, why)
}

#[cfg(test)]
mod tests {
    use super::Verify;
    use crate::connection::DatabaseUrl;

    #[test]
    fn a_url_says_how_much_to_verify_and_by_whom() {
        for (query, verify, ca_file) in [
            ("sslmode=require", Verify::Nothing, None),
            ("sslmode=verify-ca", Verify::Authority, None),
            ("sslmode=verify-full&sslrootcert=%2Fca.pem", Verify::Host, Some("/ca.pem")),
        ] {
            let (url, found) = DatabaseUrl::parse(&format!("postgres://me@db/market?{query}")).unwrap();
            assert_eq!((url.verify, found), (verify, ca_file.map(Into::into)), "{query}");
        }
    }
}
