//! The URL of a database: where it is, the user, and how much of the server's certificate to check.

use std::{borrow::Cow, path::PathBuf};

use cache_core::{Error, ErrorKind, Result};
use percent_encoding::percent_decode_str;
use tokio_postgres::{
    Config,
    config::{Host, SslMode, TargetSessionAttrs},
};

use crate::connection::tls;

/// How much of the server's certificate to check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verify {
    Nothing,
    /// Who issued it.
    Authority,
    /// Who issued it, and for which host.
    Host,
}

/// The URL of a database, parsed. `Debug` hides the password.
#[derive(Clone, Debug)]
pub(crate) struct DatabaseUrl {
    config: Config,
    pub(crate) verify: Verify,
}

impl DatabaseUrl {
    /// Parses a URL, and returns with it the CA file that it names.
    pub(crate) fn parse(url: &str) -> Result<(Self, Option<PathBuf>)> {
        if !["postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme)) {
            return Err(unreadable("does not begin with postgres://"));
        }
        // A `?` before the `@` belongs to the password, as in the driver.
        let host_at = url.find('@').unwrap_or(0);
        let query_at = url[host_at..].find('?').map_or(url.len(), |at| host_at + at);
        let (location, query) = (&url[..query_at], url[query_at..].trim_start_matches('?'));
        let (mut mode, mut ca_file, mut rest) = (SslMode::Prefer, None, Vec::new());
        let mut verify = Verify::Nothing;
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            match pair.split_once('=') {
                Some(("sslmode", name)) => (mode, verify) = sslmode(name)?,
                Some(("sslrootcert", path)) => {
                    let path = decoded(path)?;
                    tls::built_in("an sslrootcert")?;
                    ca_file = Some(path.into());
                }
                _ => rest.push(pair),
            }
        }
        // The driver's error may quote what it could not parse, which may be part of the password.
        let mut config: Config = format!("{location}?{}", rest.join("&"))
            .parse()
            .map_err(|_| unreadable("has a part or an option that PostgreSQL does not know"))?;
        let is_named = |host: &Host| *host != Host::Tcp(String::new());
        if !config.get_hosts().iter().any(is_named) && config.get_hostaddrs().is_empty() {
            return Err(unreadable("names no host"));
        }
        config.ssl_mode(mode);
        Ok((Self { config, verify }, ca_file))
    }

    pub(crate) fn set_password(&mut self, password: &str) {
        self.config.password(password);
    }

    /// Returns the driver's settings, with `options` for the session before the URL's own.
    pub(crate) fn with_options(&self, options: &str) -> Config {
        let mut config = self.config.clone();
        let given = config.get_options().unwrap_or_default().to_owned();
        config.options(format!("{options} {given}"));
        if config.get_application_name().is_none() {
            config.application_name("cache-l2-pg");
        }
        // A standby, or whatever else takes no writes, is no server for a cache.
        config.target_session_attrs(TargetSessionAttrs::ReadWrite);
        config
    }

    /// Returns the first host, its port and the database, for messages.
    pub(crate) fn address(&self) -> String {
        let host = match (self.config.get_hosts().first(), self.config.get_hostaddrs().first()) {
            (Some(Host::Tcp(host)), _) => host.clone(),
            (Some(Host::Unix(path)), _) => path.display().to_string(),
            (None, Some(address)) => address.to_string(),
            (None, None) => String::new(),
        };
        let port = self.config.get_ports().first().copied().unwrap_or(5432);
        let database = self.config.get_dbname().or(self.config.get_user()).unwrap_or_default();
        format!("{host}:{port}/{database}")
    }
}

fn sslmode(name: &str) -> Result<(SslMode, Verify)> {
    let (mode, verify) = match name {
        "disable" => (SslMode::Disable, Verify::Nothing),
        "prefer" => (SslMode::Prefer, Verify::Nothing),
        "require" => (SslMode::Require, Verify::Nothing),
        "verify-ca" => (SslMode::Require, Verify::Authority),
        "verify-full" => (SslMode::Require, Verify::Host),
        _ => {
            let known = "disable, prefer, require, verify-ca and verify-full";
            return Err(unreadable(&format!("has an sslmode that is none of {known}")));
        }
    };
    if mode == SslMode::Require {
        tls::built_in(&format!("sslmode={name}"))?;
    }
    Ok((mode, verify))
}

fn decoded(text: &str) -> Result<String> {
    let text = percent_decode_str(text).decode_utf8();
    text.map(Cow::into_owned).map_err(|_| unreadable("has an sslrootcert that is not UTF-8"))
}

fn unreadable(why: &str) -> Error {
    let message = format!(
        "the URL of the database {why}: write postgres://user:password@host:5432/database?sslmode=prefer, \
         special characters percent-encoded"
    );
    Error::new(ErrorKind::Config, "open", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_read() {
        let (url, ca) =
            DatabaseUrl::parse("postgres://me:s%40fe@db:5433/market?sslmode=disable&connect_timeout=3")
                .unwrap();
        assert_eq!(url.address(), "db:5433/market");
        assert_eq!((url.verify, url.config.get_ssl_mode()), (Verify::Nothing, SslMode::Disable));
        assert_eq!(ca, None);
        assert_eq!(url.config.get_password(), Some(&b"s@fe"[..]));
        let (odd, _) = DatabaseUrl::parse("postgres://me:a?sslmode=b@db/market?sslmode=disable").unwrap();
        assert_eq!(odd.config.get_password(), Some(&b"a?sslmode=b"[..]));
        assert_eq!(odd.config.get_ssl_mode(), SslMode::Disable);
        assert!(url.config.get_connect_timeout().is_some());
        let (socket, _) = DatabaseUrl::parse("postgresql://me@%2Fvar%2Frun%2Fpostgresql/market").unwrap();
        assert_eq!(socket.address(), "/var/run/postgresql:5432/market");
        assert_eq!((socket.verify, socket.config.get_ssl_mode()), (Verify::Nothing, SslMode::Prefer));
    }

    #[test]
    fn no_secret_is_shown() {
        let (url, _) = DatabaseUrl::parse("postgres://me:hunter2@db/market").unwrap();
        assert!(!format!("{url:?} {}", url.address()).contains("hunter2"));

        for url in [
            "postgres://me:x@db/market?hunter2=1",
            "postgres://me:x@db:hunter2/market",
            "host=db password=hunter2",
            "mysql://me:hunter2@db/market",
            "postgres://me:hunter2@/market",
            "postgres://me:hunter2@db/market?sslmode=hunter2",
            "postgres://me:hunter2@db/market?sslrootcert=%ff",
        ] {
            let error = DatabaseUrl::parse(url).expect_err(url);
            assert_eq!(error.kind(), ErrorKind::Config, "{url}");
            let said = format!("{error} {error:?}");
            assert!(!said.contains("hunter2") && !said.contains("ter2"), "{said}");
        }
    }

    #[test]
    fn options_are_added_to_those_of_the_url() {
        let (url, _) = DatabaseUrl::parse("postgres://me@db/market?options=-c%20work_mem%3D8MB").unwrap();
        let config = url.with_options("-c statement_timeout=5000");
        assert_eq!(config.get_options(), Some("-c statement_timeout=5000 -c work_mem=8MB"));
    }
}
