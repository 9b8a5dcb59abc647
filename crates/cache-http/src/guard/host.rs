//! The host by which a client calls the service. A foreign one is a page's whose name was made to mean this
//! address (DNS rebinding), so nothing is answered to it.

use std::net::{IpAddr, Ipv6Addr};

use axum::{
    extract::Request,
    http::{HeaderValue, Version, header},
};

use super::{
    access::{Access, is_loopback},
    client::Client,
};
use crate::{
    problem::{Problem, ProblemKind},
    request::query::echo,
};

/// A host and a port as a header writes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Authority<'a> {
    /// The name, or the address without brackets.
    pub(super) host: &'a str,
    pub(super) port: Option<u16>,
}

impl<'a> Authority<'a> {
    /// Parses `name`, `name:port`, `1.2.3.4:port` or `[::1]:port`.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (host, port) = rest.split_once(']')?;
                host.parse::<Ipv6Addr>().ok()?;
                (host, if port.is_empty() { None } else { Some(port.strip_prefix(':')?) })
            }
            None => {
                let (host, port) =
                    text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port)));
                let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
                if host.is_empty() || !host.bytes().all(is_name) {
                    return None;
                }
                (host, port)
            }
        };
        let port = match port {
            None | Some("") => None,
            Some(port) if port.bytes().all(|byte| byte.is_ascii_digit()) => Some(port.parse().ok()?),
            Some(_) => return None,
        };
        Some(Self { host, port })
    }

    /// Returns the address, if the host is one.
    fn address(self) -> Option<IpAddr> {
        self.host.parse().ok()
    }
}

/// Refuses a request without `Host`, with more than one, or with one that is malformed, with 400 (RFC 9112,
/// 3.2); with one that is not the service's, with 421 (RFC 9110, 7.4). HTTP/1.0 needs none.
pub(super) fn check(access: &Access, request: &Request, client: &Client) -> Result<(), Problem> {
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let host = match (hosts.next(), hosts.count()) {
        (None, _) if request.version() == Version::HTTP_10 => None,
        (None, _) => return Err(invalid("the request has 0 Host headers: give one")),
        (Some(host), 0) => Some(host),
        (Some(_), more) => {
            return Err(invalid(&format!("the request has {} Host headers: give only one", more + 1)));
        }
    };
    let named = host.map(parse).transpose()?;
    // A target that is a whole URL has a host of its own, which counts instead (RFC 9112, 3.2.2).
    let target = match request.uri().authority() {
        Some(authority) => {
            Some(Authority::parse(authority.as_str()).ok_or_else(|| malformed(authority.as_str()))?)
        }
        None => None,
    };
    match named.into_iter().chain(target).find(|named| !is_ours(access, *named, client)) {
        None => Ok(()),
        Some(foreign) => {
            let detail = format!(
                "{:?} is no host of this service: call it localhost or by its address, or add the name to \
                 {}",
                echo(foreign.host),
                access.hosts_setting
            );
            Err(Problem::new(ProblemKind::FOREIGN_HOST, detail))
        }
    }
}

fn parse(value: &HeaderValue) -> Result<Authority<'_>, Problem> {
    let text = value.to_str().map_err(|_| malformed("bytes that are not ASCII"))?;
    Authority::parse(text).ok_or_else(|| malformed(text))
}

fn malformed(text: &str) -> Problem {
    invalid(&format!("the Host header is {:?}: give a name and a port", echo(text)))
}

fn invalid(what: &str) -> Problem {
    Problem::new(ProblemKind::INVALID_HOST, format!("{what}, as in Host: localhost"))
}

/// Whether a name is of this machine, of the address that the client connected to, or configured.
fn is_ours(access: &Access, named: Authority<'_>, client: &Client) -> bool {
    if !access.checks_hosts {
        return true;
    }
    if let Some(address) = named.address() {
        let local = client.local.map(|local| local.ip().to_canonical());
        // A page's name is no address, so an address is harmless where ours is not known.
        if is_loopback(address) || local.is_none_or(|local| local == address.to_canonical()) {
            return true;
        }
    }
    let host = named.host.trim_end_matches('.');
    host.eq_ignore_ascii_case("localhost")
        || access.hosts.iter().any(|known| {
            let known = known.trim_start_matches('[').trim_end_matches(']');
            known.eq_ignore_ascii_case(host)
        })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_no_host_is_told_from_what_is_one() {
        for (text, host, port) in [
            ("localhost", "localhost", None),
            ("localhost:8080", "localhost", Some(8080)),
            ("localhost:", "localhost", None),
            ("LocalHost.:1", "LocalHost.", Some(1)),
            ("[::1]:80", "::1", Some(80)),
            ("[::ffff:127.0.0.1]", "::ffff:127.0.0.1", None),
            ("127.0.0.1:65535", "127.0.0.1", Some(65535)),
        ] {
            assert_eq!(Authority::parse(text), Some(Authority { host, port }), "{text}");
        }
        for text in [
            "",
            " ",
            "a b",
            "a,b",
            "a/b",
            "a@b",
            "u:p@localhost",
            "localhost:65536",
            "localhost:+80",
            "localhost:a",
            "localhost:80:80",
            ":80",
            "::1",
            "[::1",
            "[::1]80",
            "[localhost]",
            "[]",
            "http://localhost",
            "a\tb",
            "localhost#",
            "localhost?x",
            "a%20b",
            "ä",
            "localhost: 80",
            "[::1%25lo]",
        ] {
            assert_eq!(Authority::parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_parsed_is_made_of_harmless_bytes(text in "[ -~]{0,20}|[a-z0-9.:\\[\\]]{0,20}") {
            if let Some(authority) = Authority::parse(&text) {
                let harmless = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:".contains(&byte);
                prop_assert!(authority.host.bytes().all(harmless));
                prop_assert!(text.contains(authority.host));
            }
        }
    }
}
