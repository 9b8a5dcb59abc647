//! The place of TLS in a build without it: whatever asks for TLS is refused.

use std::path::Path;

use cache_core::{Error, ErrorKind, Result};
use tokio_postgres::NoTls;

use crate::connection::url::Verify;

/// What opens streams that are not encrypted.
pub(crate) type MakeTls = NoTls;

/// Whether TLS was built in, which `what` of a URL asks for.
pub(crate) fn built_in(what: &str) -> Result<()> {
    let message = format!(
        "the URL of the database has {what}, which is TLS, and this program was built without: build with the \
         feature `postgres-tls` of cache-facade (or `tls` of cache-l2-pg), or write sslmode=disable, alone, for \
         connections that are not encrypted"
    );
    Err(Error::new(ErrorKind::Config, "open", message))
}

/// Returns what opens connections, unless a certificate is to be checked.
pub(crate) fn client(verify: Verify, ca_file: Option<&Path>) -> Result<MakeTls> {
    if verify != Verify::Nothing || ca_file.is_some() {
        built_in("a certificate to check")?;
    }
    Ok(NoTls)
}

#[cfg(test)]
mod tests {
    use cache_core::{Clock, ErrorKind};

    use crate::{PgConfig, Postgres};

    #[test]
    fn a_url_that_asks_for_tls_is_refused_and_the_feature_named() {
        for query in ["sslmode=require", "sslmode=verify-ca", "sslmode=verify-full", "sslrootcert=%2Fca.pem"]
        {
            let error = PgConfig::new(&format!("postgres://me:hunter2@db/market?{query}")).unwrap_err();
            let said = error.to_string();
            assert!(error.kind() == ErrorKind::Config && said.contains("feature `postgres-tls`"), "{said}");
            assert!(said.contains(query.split('=').next().unwrap()) && !said.contains("hunter2"), "{said}");
        }
    }

    #[test]
    fn a_url_that_can_do_without_tls_is_taken() {
        for query in ["", "?sslmode=prefer", "?sslmode=disable"] {
            let config = PgConfig::new(&format!("postgres://db/market{query}")).unwrap();
            assert!(Postgres::new(config, Clock::manual()).is_ok(), "{query}");
        }
    }
}
