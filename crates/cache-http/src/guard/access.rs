//! Access: who may change something, and who may see the inside of the service.

use std::net::IpAddr;

use axum::{
    extract::Request,
    http::{HeaderMap, header},
};
use cache_core::Secret;
use tokio_util::task::TaskTracker;
use xxhash_rust::xxh3::xxh3_128;

use super::{client::Client, large_bodies::LargeBodies, rules::RouteRules};
use crate::problem::{Problem, ProblemKind};

/// The headers by which a proxy on this machine says that the client is elsewhere.
const FORWARDED_HEADERS: [&str; 14] = [
    "forwarded",
    "forwarded-for",
    "via",
    "cdn-loop",
    "x-real-ip",
    "x-client-ip",
    "client-ip",
    "x-cluster-client-ip",
    "true-client-ip",
    "cf-connecting-ip",
    "fastly-client-ip",
    "fly-client-ip",
    "x-azure-clientip",
    "x-envoy-external-address",
];
/// How the names of others begin that proxies add.
const FORWARDED_PREFIXES: [&str; 2] = ["x-forwarded-", "x-original-"];

/// The fewest bytes that a token must have.
pub const MIN_TOKEN_BYTES: usize = 16;

/// The settings of the guard: by which names clients may call, who may change something, and what it must know of
/// the routes.
#[derive(Debug)]
pub struct Access {
    /// The names by which clients may call the service, in lower case.
    pub(super) hosts: Vec<String>,
    /// Whether a name that is not known is refused.
    pub(super) checks_hosts: bool,
    token: Option<Secret>,
    trusts_the_process: bool,
    /// The requests under way that may change something.
    changes: TaskTracker,
    pub(super) rules: RouteRules,
    pub(super) large_bodies: LargeBodies,
    token_setting: &'static str,
    pub(super) hosts_setting: &'static str,
}

/// Settings of an [`Access`].
#[derive(Debug)]
pub struct AccessBuilder(Access);

/// Who sent a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caller {
    /// Someone on this machine, or who has the token. May see errors in full.
    Insider,
    /// Anyone else.
    Stranger,
}

/// Whether the sender of a request may read what is private.
#[derive(Clone, Copy, Debug)]
pub struct MayReadPrivate(pub bool);

impl Caller {
    /// Returns the text of an error in full to an insider, and `short` to a stranger.
    pub fn sees(self, full: String, short: &str) -> String {
        match self {
            Self::Insider => full,
            Self::Stranger => short.to_owned(),
        }
    }
}

impl AccessBuilder {
    /// Sets the token of those who may change something. It must have [`MIN_TOKEN_BYTES`], or opens nothing.
    #[must_use]
    pub fn token(mut self, token: Option<Secret>) -> Self {
        self.0.token = token;
        self
    }

    /// Adds names by which clients may call, besides `localhost` and addresses. From then on others are refused,
    /// as they are without a token.
    #[must_use]
    pub fn hosts<'a>(mut self, hosts: impl IntoIterator<Item = &'a str>) -> Self {
        let lower = |host: &str| host.trim_end_matches('.').to_ascii_lowercase();
        let hosts = hosts.into_iter().map(lower);
        self.0.hosts.extend(hosts.filter(|host| is_specific(host)));
        self.0.checks_hosts = true;
        self
    }

    /// Says which routes ask for more than others do.
    #[must_use]
    pub fn rules(mut self, rules: RouteRules) -> Self {
        self.0.rules = rules;
        self
    }

    /// Has requests that may change something tracked here.
    #[must_use]
    pub fn changes(mut self, changes: TaskTracker) -> Self {
        self.0.changes = changes;
        self
    }

    /// Names the settings of token and hosts as the operator knows them, for refusals.
    #[must_use]
    pub fn setting_names(mut self, token: &'static str, hosts: &'static str) -> Self {
        (self.0.token_setting, self.0.hosts_setting) = (token, hosts);
        self
    }

    /// Trusts requests of which nothing says whence they came: those that the process makes itself. For a server
    /// that tells the [`Client`] of every other.
    #[must_use]
    pub fn trust_the_process(mut self) -> Self {
        self.0.trusts_the_process = true;
        self
    }

    /// Returns the settings.
    #[must_use]
    pub fn build(mut self) -> Access {
        self.0.checks_hosts |= self.0.token.is_none();
        self.0
    }
}

impl Access {
    /// Returns the default settings, to be changed and built: only programs on this machine may change something.
    #[must_use]
    pub fn builder() -> AccessBuilder {
        AccessBuilder(Self {
            hosts: Vec::new(),
            checks_hosts: false,
            token: None,
            trusts_the_process: false,
            changes: TaskTracker::new(),
            rules: RouteRules::default(),
            large_bodies: LargeBodies::default(),
            token_setting: "token of the router",
            hosts_setting: "hosts of the router",
        })
    }

    /// Returns the client of a request; `None` if the process makes it itself.
    pub(super) fn client(&self, request: &Request) -> Option<Client> {
        let client = Client::of(request);
        (client.peer.is_some() || !self.trusts_the_process).then_some(client)
    }

    pub(super) fn changes(&self) -> &TaskTracker {
        &self.changes
    }

    /// Returns who sent the request.
    pub(super) fn caller(&self, request: &Request, client: Option<&Client>) -> Caller {
        let Some(client) = client else { return Caller::Insider };
        let is_loopback = client.peer.is_some_and(|peer| is_loopback(peer.ip()));
        let is_here = is_loopback && !is_forwarded(request.headers());
        if is_here || self.has_token(request) { Caller::Insider } else { Caller::Stranger }
    }

    /// Returns whether a request has the token, if there is one.
    pub(super) fn has_token(&self, request: &Request) -> bool {
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
        let is_open = !self.rules.may_change(request) && !self.rules.is_private(request);
        if is_open || self.trusts(request, caller) {
            return Ok(());
        }
        let setting = self.token_setting;
        let what = match self.rules.private_paths() {
            none if none.is_empty() => "changes something".to_owned(),
            paths => format!("changes something, or reads below {paths}"),
        };
        let (kind, detail) = match &self.token {
            Some(_) if bearer(request.headers()).is_some() => (
                ProblemKind::TOKEN_WRONG,
                format!(
                    "the token that was sent is not that of the setting {setting}: send that one, as \
                     Authorization: Bearer TOKEN"
                ),
            ),
            Some(_) => (
                ProblemKind::TOKEN_MISSING,
                format!(
                    "a request that {what}, needs the token of the setting {setting}: send Authorization: Bearer TOKEN"
                ),
            ),
            None => (
                ProblemKind::NOT_LOCAL,
                format!(
                    "only a program on the machine of the service may send a request that {what}: ask there, or set \
                     {setting} and send Authorization: Bearer TOKEN"
                ),
            ),
        };
        Err(Problem::new(kind, detail))
    }
}

/// Returns the bearer token of a request.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    // Of two that differ nobody knows which is meant.
    let mut given = headers.get_all(header::AUTHORIZATION).iter();
    let (one, None) = (given.next()?, given.next()) else { return None };
    let (scheme, token) = one.to_str().ok()?.split_once(' ')?;
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
    // A request has few headers, and each look for one by its name costs a hash.
    headers.keys().map(|name| name.as_str()).any(|name| {
        FORWARDED_HEADERS.contains(&name) || FORWARDED_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
    })
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
