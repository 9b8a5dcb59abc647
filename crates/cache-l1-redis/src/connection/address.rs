//! The address of a server, and the URL that names it.

use std::{fmt, path::PathBuf, sync::Arc};

use cache_core::{Error, ErrorKind, Result, Secret};
use percent_encoding::percent_decode_str;
use url::Url;

use crate::connection::tls;

const DEFAULT_PORT: u16 = 6379;

/// The options that a URL may have behind its `?`.
const URL_OPTIONS: [&str; 5] = ["user", "pass", "db", "master", "cluster"];

/// The address of a server.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Address {
    Tcp { host: Arc<str>, port: u16, tls: bool },
    Unix(PathBuf),
}

impl Address {
    pub(crate) fn is_tls(&self) -> bool {
        matches!(self, Self::Tcp { tls: true, .. })
    }

    /// Returns the address of another server that is reached in the same way. An empty `host` means the same
    /// host.
    pub(crate) fn neighbour(&self, host: &str, port: u16) -> Self {
        let same: Arc<str> = match self {
            Self::Tcp { host, .. } => host.clone(),
            Self::Unix(_) => "127.0.0.1".into(),
        };
        let host = if host.is_empty() { same } else { host.into() };
        Self::Tcp { host, port, tls: self.is_tls() }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port, .. } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp { host, port, .. } => write!(f, "{host}:{port}"),
            Self::Unix(path) => write!(f, "{}", path.display()),
        }
    }
}

/// The user, the password and the database to use on a server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Login {
    pub(crate) user: Option<String>,
    pub(crate) password: Option<Secret>,
    pub(crate) database: u16,
}

/// What a URL says.
#[derive(Debug)]
pub(crate) struct ParsedUrl {
    pub(crate) address: Address,
    pub(crate) login: Login,
    /// The name of the master, if this is a sentinel.
    pub(crate) master: Option<String>,
    /// Whether the URL is marked as a node of a Cluster.
    pub(crate) cluster: bool,
}

impl ParsedUrl {
    /// Reads a URL. Its errors repeat none of its text, any part of which may be a password.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let url = Url::parse(text.trim()).map_err(|why| {
            refused(&format!("can't be read, {why}: write redis://[user:password@]host[:port]"))
        })?;
        let (unix, is_tls) = match url.scheme() {
            "redis" => (false, false),
            "rediss" => {
                tls::built_in()?;
                (false, true)
            }
            "unix" | "redis+unix" => (true, false),
            _ => return Err(refused("begins with none of redis://, rediss://, unix:// and redis+unix://")),
        };
        if url.fragment().is_some() {
            return Err(refused("has a '#': write it as %23 if it belongs to a password"));
        }
        let options = options(&url)?;
        let option = |name: &str| options.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
        let (address, path) = if unix {
            let path = percent_decoded(url.path(), "path")?;
            if url.host_str().is_some_and(|host| !host.is_empty()) || path.len() < 2 {
                return Err(refused("names no socket: write unix:///run/redis.sock"));
            }
            (Address::Unix(path.into()), String::new())
        } else {
            let host = url.host_str().filter(|host| !host.is_empty());
            let host = host.ok_or_else(|| refused("names no host"))?;
            let host = host.trim_start_matches('[').trim_end_matches(']').into();
            let address = Address::Tcp { host, port: url.port().unwrap_or(DEFAULT_PORT), tls: is_tls };
            (address, url.path().trim_matches('/').to_owned())
        };
        let database = option("db").unwrap_or(path);
        let user = Some(percent_decoded(url.username(), "user")?).filter(|user| !user.is_empty());
        let password = url.password().map(|password| percent_decoded(password, "password")).transpose()?;
        let login = Login {
            user: option("user").or(user),
            password: option("pass").or(password).map(Secret::from),
            database: match database.as_str() {
                "" => 0,
                number => number.parse().map_err(|_| refused("has a database that is not a number"))?,
            },
        };
        if login.user.is_some() && login.password.is_none() {
            return Err(refused(
                "has a user and no password: a password alone is written redis://:password@host",
            ));
        }
        let cluster = option("cluster").is_some_and(|text| text != "false");
        Ok(Self { address, login, master: option("master"), cluster })
    }
}

fn options(url: &Url) -> Result<Vec<(String, String)>> {
    let options: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    if options.iter().any(|(key, _)| !URL_OPTIONS.contains(&key.as_str())) {
        return Err(refused(&format!("has an option that is none of {}", URL_OPTIONS.join(", "))));
    }
    Ok(options)
}

fn percent_decoded(text: &str, what: &str) -> Result<String> {
    let text = percent_decode_str(text).decode_utf8();
    text.map(Into::into).map_err(|_| refused(&format!("has a {what} that is no UTF-8 once its %XX are read")))
}

fn refused(why: &str) -> Error {
    Error::new(ErrorKind::Config, "connect", format!("a Redis URL {why}"))
}

#[cfg(test)]
mod tests {
    use super::{Address, Login, ParsedUrl, Secret};

    fn login(user: Option<&str>, password: Option<&str>, database: u16) -> Login {
        let own = |text: &str| text.to_owned();
        Login { user: user.map(own), password: password.map(own).map(Secret::from), database }
    }

    #[test]
    fn urls_are_read() {
        let tcp = |host: &str, port| Address::Tcp { host: host.into(), port, tls: false };
        let socket = || Address::Unix("/run/redis.sock".into());
        for (text, address, expected) in [
            ("redis://cache", tcp("cache", 6379), login(None, None, 0)),
            ("redis://cache:7000/3", tcp("cache", 7000), login(None, None, 3)),
            ("redis://:p%40s@cache", tcp("cache", 6379), login(None, Some("p@s"), 0)),
            ("redis://app:secret@[::1]:7", tcp("::1", 7), login(Some("app"), Some("secret"), 0)),
            ("unix:///run/redis.sock", socket(), login(None, None, 0)),
            ("redis+unix:///run/redis.sock?db=2&user=a&pass=b", socket(), login(Some("a"), Some("b"), 2)),
        ] {
            let url = ParsedUrl::parse(text).unwrap();
            assert_eq!((url.address, url.login), (address, expected), "{text}");
        }
        assert_eq!(ParsedUrl::parse("redis://s?master=one").unwrap().master.as_deref(), Some("one"));
        assert!(ParsedUrl::parse("redis://s?cluster=true").unwrap().cluster);
    }

    #[test]
    fn errors_do_not_repeat_the_url() {
        for (text, why) in [
            ("hunter2", "relative URL"),
            ("hunter2:hunter2@cache", "begins with none of"),
            ("redis://hunter2@cache", "no password"),
            ("redis://:hunter2@", "host"),
            ("redis://:hunter2@cache/hunter2", "database"),
            ("redis://:hunter2@cache?hunter2=1", "none of user, pass"),
            ("redis://:hunter2#@cache", ""),
            ("redis://a:%ffhunter2@cache", "UTF-8"),
            ("unix://", "socket"),
        ] {
            let error = ParsedUrl::parse(text).unwrap_err().to_string();
            assert!(error.contains(why), "{text}: {error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn neighbours_are_reached_in_the_same_way() {
        let known = Address::Tcp { host: "cache".into(), port: 7000, tls: true };
        assert_eq!(known.neighbour("", 7001).to_string(), "cache:7001");
        assert!(known.neighbour("10.0.0.2", 7001).is_tls());
        assert_eq!(known.neighbour("::1", 7001).to_string(), "[::1]:7001");
    }
}
