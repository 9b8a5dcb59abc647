//! The place of TLS in a build without it: whatever asks for TLS is refused.

use std::io;

use cache_core::{Error, ErrorKind, Result};
use tokio::net::TcpStream;

use crate::connection::connect::Stream;

/// There is nothing to set.
#[derive(Clone, Debug, Default)]
pub(crate) struct TlsSettings(());

/// There is none.
pub(crate) enum TlsStreams {}

/// Whether TLS was built in.
pub(crate) fn built_in() -> Result<()> {
    Err(refused())
}

fn refused() -> Error {
    let message = "a Redis URL begins with rediss://, which is TLS, and this program was built without: build with \
                   the feature `redis-tls` of cache-facade (or `tls` of cache-l1-redis), or write redis:// for a \
                   connection that is not encrypted";
    Error::new(ErrorKind::Config, "connect", message)
}

impl TlsSettings {
    pub(crate) fn streams(&self) -> Result<TlsStreams> {
        Err(refused())
    }
}

impl TlsStreams {
    pub(crate) async fn open(&self, _: &str, _: TcpStream) -> io::Result<Box<dyn Stream>> {
        match *self {}
    }
}

#[cfg(test)]
mod tests {
    use cache_core::ErrorKind;

    use crate::RedisConfig;

    #[test]
    fn a_url_that_asks_for_tls_is_refused_and_the_feature_named() {
        for text in ["rediss://:hunter2@cache", "redis://a,rediss://b", "rediss://a?master=one"] {
            let error = RedisConfig::parse(text).unwrap_err();
            let said = error.to_string();
            assert!(error.kind() == ErrorKind::Config && said.contains("feature `redis-tls`"), "{said}");
            assert!(!said.contains("hunter2"), "{said}");
        }
        assert!(RedisConfig::parse("redis://cache").is_ok());
    }
}
