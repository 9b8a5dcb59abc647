//! Access: who may change something, and who may see the inside of the service.

use std::net::IpAddr;

use axum::{
    extract::Request,
    http::{HeaderMap, header},
};
use cache_core::Secret;
use tokio_util::task::TaskTracker;
use xxhash_rust::xxh3::xxh3_128;

use super::{large_bodies::LargeBodies, limits::MAX_BODY, own_values, reads::may_change};
use crate::{
    http::problem::{Problem, ProblemKind},
    settings::{MIN_TOKEN_BYTES, ServiceSection, Settings},
    socket::Client,
};

/// The headers by which a proxy on this machine says that the client is elsewhere.
const FORWARDED_HEADERS: [&str; 8] = [
    "forwarded",
    "via",
    "x-real-ip",
    "x-client-ip",
    "true-client-ip",
    "cf-connecting-ip",
    "fastly-client-ip",
    "x-envoy-external-address",
];
/// How the names of others begin that proxies add.
const FORWARDED_PREFIX: &str = "x-forwarded-";

/// The settings of the guard.
#[derive(Debug)]
pub(crate) struct Access {
    /// The names by which clients may call the service, in lower case.
    pub(super) hosts: Vec<String>,
    token: Option<Secret>,
    /// The requests under way that may change something.
    changes: TaskTracker,
    /// How long the body of a put may be, in bytes.
    pub(super) max_put: usize,
    pub(super) large_bodies: LargeBodies,
}

/// Who sent a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Caller {
    /// Someone on this machine, or who has the token. May see errors in full.
    Insider,
    /// Anyone else.
    Stranger,
}

/// Whether the sender of a request may read an application's own values.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MayReadOwn(pub(crate) bool);

impl Caller {
    /// Returns the text of an error in full to an insider, and `short` to a stranger.
    pub(crate) fn sees(self, full: String, short: &str) -> String {
        match self {
            Self::Insider => full,
            Self::Stranger => short.to_owned(),
        }
    }
}

impl Access {
    /// `changes` is to track the requests that may change something.
    pub(crate) fn new(settings: &Settings, changes: TaskTracker) -> Self {
        let ServiceSection { listen, allowed_hosts, access_token, .. } = &settings.service;
        let listen = listen.rsplit_once(':').map_or(listen.as_str(), |(host, _)| host);
        let hosts = allowed_hosts.iter().map(String::as_str).chain([listen]);
        let lower = |host: &str| host.trim_end_matches('.').to_ascii_lowercase();
        Self {
            hosts: hosts.map(lower).filter(|host| is_specific(host)).collect(),
            token: access_token.clone(),
            changes,
            max_put: settings.limits.max_value() + MAX_BODY,
            large_bodies: LargeBodies::default(),
        }
    }

    pub(super) fn changes(&self) -> &TaskTracker {
        &self.changes
    }

    /// Returns who sent the request.
    pub(super) fn caller(&self, request: &Request, client: Option<&Client>) -> Caller {
        let Some(client) = client else { return Caller::Insider };
        let is_here = is_loopback(client.peer.ip()) && !is_forwarded(request.headers());
        if is_here || self.has_token(request) { Caller::Insider } else { Caller::Stranger }
    }

    /// Returns whether a request has the token, if there is one.
    fn has_token(&self, request: &Request) -> bool {
        let token = self.token.as_ref().zip(bearer(request.headers()));
        token.is_some_and(|(token, text)| is_equal(text, token.reveal()))
    }

    /// Returns whether the sender may change something, and read values of an application's own: with a token, who
    /// has it; without one, who is on this machine.
    pub(super) fn trusts(&self, request: &Request, caller: Caller) -> bool {
        if self.token.is_some() { self.has_token(request) } else { caller == Caller::Insider }
    }

    /// Refuses a change by someone who may not make one. Values of an application's own are read by the same
    /// alone: what comes through a proxy on this machine may come from anywhere.
    pub(super) fn check(&self, request: &Request, caller: Caller) -> Result<(), Problem> {
        let is_open = !may_change(request) && !own_values::concerns(request);
        if is_open || self.trusts(request, caller) {
            return Ok(());
        }
        match &self.token {
            Some(_) if bearer(request.headers()).is_some() => {
                let detail = "the token that was sent is not that of the setting access_token: send that one, as \
                              Authorization: Bearer TOKEN";
                Err(Problem::new(ProblemKind::TokenWrong, detail))
            }
            Some(_) => {
                let detail = "a request that changes something, or reads below /v1/cache, needs the token of the \
                              setting access_token: send Authorization: Bearer TOKEN";
                Err(Problem::new(ProblemKind::TokenMissing, detail))
            }
            None => {
                let detail = "only programs on the machine of the service may change something, or read below \
                              /v1/cache: ask there, or set access_token (CACHE_ACCESS_TOKEN) and send Authorization: Bearer TOKEN";
                Err(Problem::new(ProblemKind::NotLocal, detail))
            }
        }
    }
}

/// Returns the bearer token of a request.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// Whether two texts are equal. The time it takes tells nothing of where they differ.
fn is_equal(given: &str, token: &str) -> bool {
    // A token that was read from printed settings is masked.
    token.len() >= MIN_TOKEN_BYTES
        && xxh3_128(given.as_bytes()) == xxh3_128(token.as_bytes())
        && given == token
}

fn is_forwarded(headers: &HeaderMap) -> bool {
    FORWARDED_HEADERS.iter().any(|name| headers.contains_key(*name))
        || headers.keys().any(|name| name.as_str().starts_with(FORWARDED_PREFIX))
}

/// Whether an address is of this machine alone, written as IPv6 too.
pub(super) fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

/// Whether a host is one, and not all addresses of a machine.
fn is_specific(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    !host.is_empty() && !address.is_ok_and(|address| address.is_unspecified())
}

#[cfg(test)]
mod tests {
    use super::is_equal;

    #[test]
    fn rule_74_a_token_that_is_short_or_masked_opens_nothing() {
        let long = "sixteen-letters-";
        assert!(is_equal(long, long) && !is_equal(&long[1..], long));
        for token in ["", "***", &long[1..]] {
            assert!(!is_equal(token, token), "{token:?}");
        }
    }
}
