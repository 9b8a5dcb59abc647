//! The client of a running service, which all commands share.

mod events;
mod options;
mod problem;

use std::{net::IpAddr, time::Duration};

use cache_tls::TlsClient;
use reqwest::{
    Method, RequestBuilder, Response, Url,
    header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderValue},
    redirect::Policy,
};
use serde_json::Value;
use tokio::time::timeout;

pub use self::options::ConnectionArgs;
pub(crate) use self::{
    events::{EventStream, ServerEvent},
    options::CLIENT_VARIABLES,
};
use super::exit::{CommandError, CommandResult, Exit};
use crate::log::print_to_stderr;

/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long nothing comes in a stream before it is given up, at least: figures are told each second.
const LEAST_SILENCE: Duration = Duration::from_secs(5);

/// The longest answer that is read, in bytes: the service's own have 8 MiB at most, with some for a long report.
const MAX_ANSWER: usize = 64 << 20;

/// The key that is asked for to see whether keys are told: whether it is held doesn't matter.
const PROBED: &str = "price:AAPL";

/// A client of one service.
#[derive(Clone, Debug)]
pub(crate) struct ServiceClient {
    http: reqwest::Client,
    base: Url,
    /// How long an answer may take. Streams have no end.
    timeout: Duration,
}

/// What a service counted.
#[derive(Clone, Debug)]
pub(crate) struct ServiceFigures {
    /// `/v1/stats`.
    pub(crate) stats: Value,
    /// `/cache/report`, without what a walk over memory tells.
    pub(crate) report: Value,
}

impl ServiceClient {
    /// Returns a client of the service that the arguments name. Nothing is sent yet.
    pub(crate) fn new(args: &ConnectionArgs) -> CommandResult<Self> {
        let base = args.url()?;
        let mut headers = HeaderMap::new();
        if let Some(token) = args.token()? {
            if base.scheme() == "http" && !is_here(&base) {
                print_to_stderr(&format!(
                    "warning: the token goes to {base} unencrypted, for anybody on the way to read: serve by TLS, and give an https:// URL"
                ));
            }
            headers.insert(AUTHORIZATION, token);
        }
        let mut tls = TlsClient::new().even_without_roots();
        if let Some(roots) = args.roots()? {
            tls = tls.roots(roots);
        }
        let tls = tls.config().map_err(|error| CommandError::usage(error.to_string()))?;
        let http = reqwest::Client::builder()
            .use_preconfigured_tls(tls)
            .default_headers(headers)
            // The token is for the service alone.
            .redirect(Policy::none())
            .no_proxy()
            .connect_timeout(CONNECT_TIMEOUT.min(args.timeout()))
            .user_agent(concat!("cache-server/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| CommandError::failed(format!("can't make an HTTP client: {error}")))?;
        Ok(Self { http, base, timeout: args.timeout() })
    }

    /// Returns where the service is, as it was given.
    pub(crate) fn base(&self) -> &Url {
        &self.base
    }

    /// Returns the URL of a path below the service's, of segments that are written as they are.
    pub(crate) fn url(&self, path: &[&str], query: &[(&str, &str)]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }

    /// Gets a JSON document.
    pub(crate) async fn get(&self, path: &[&str], query: &[(&str, &str)]) -> CommandResult<Value> {
        self.json(path, self.http.get(self.url(path, query))).await
    }

    /// Gets what the service counted.
    pub(crate) async fn figures(&self) -> CommandResult<ServiceFigures> {
        let (stats, report) = tokio::try_join!(
            self.get(&["v1", "stats"], &[]),
            self.get(&["cache", "report"], &[("held", "false")])
        )?;
        Ok(ServiceFigures { stats, report })
    }

    /// Gets a text.
    pub(crate) async fn text(&self, path: &[&str], query: &[(&str, &str)]) -> CommandResult<String> {
        let answer = self.send(self.http.get(self.url(path, query)).timeout(self.timeout)).await?;
        self.check_type(&answer, "text/plain")?;
        let body = whole(&self.base, answer).await?;
        Ok(String::from_utf8_lossy(&body).into_owned())
    }

    /// Gets a JSON document, with directives of HTTP for caches.
    pub(crate) async fn get_with(&self, path: &[&str], directives: Option<&str>) -> CommandResult<Value> {
        self.json(path, directed(self.http.get(self.url(path, &[])), directives)).await
    }

    /// Posts a JSON document, with directives of HTTP for caches, and returns the one that answers it.
    pub(crate) async fn post_with(
        &self,
        path: &[&str],
        body: &Value,
        directives: Option<&str>,
    ) -> CommandResult<Value> {
        self.json(path, directed(self.posting(path, body), directives)).await
    }

    /// Posts a JSON document whose answer may take as long as it takes.
    pub(crate) async fn post_patiently(&self, path: &[&str], body: &Value) -> CommandResult<Value> {
        self.read(path, self.send(self.posting(path, body)).await?).await
    }

    /// Checks that the service tells this client what is not for everybody: keys, and changes.
    ///
    /// # Errors
    ///
    /// What the service says of it, if it refuses.
    pub(crate) async fn check_private(&self) -> CommandResult {
        match self.get(&["cache", "keys", PROBED], &[]).await {
            Ok(_) | Err(CommandError { exit: Exit::NotFound, .. }) => Ok(()),
            Err(failure) => Err(failure),
        }
    }

    /// Begins to follow the events of the service.
    pub(crate) async fn events(&self) -> CommandResult<EventStream> {
        let asked = self.send(self.http.get(self.url(&["cache", "events"], &[])));
        let answer =
            timeout(self.timeout, asked).await.map_err(|_| problem::silent(&self.base, self.timeout))??;
        self.check_type(&answer, "text/event-stream")?;
        Ok(EventStream::new(answer, self.base.clone(), self.timeout.max(LEAST_SILENCE)))
    }

    /// Sends a request of any kind, and returns the answer whatever its status.
    pub(crate) async fn raw(&self, method: Method, url: Url) -> Result<Response, reqwest::Error> {
        self.http.request(method, url).timeout(self.timeout).send().await
    }

    fn posting(&self, path: &[&str], body: &Value) -> RequestBuilder {
        self.http.post(self.url(path, &[])).header(CONTENT_TYPE, "application/json").body(body.to_string())
    }

    async fn json(&self, path: &[&str], request: RequestBuilder) -> CommandResult<Value> {
        self.read(path, self.send(request.timeout(self.timeout)).await?).await
    }

    async fn send(&self, request: RequestBuilder) -> CommandResult<Response> {
        let answer = request.send().await.map_err(|error| problem::unreachable(&self.base, &error))?;
        if answer.status().is_success() {
            Ok(answer)
        } else {
            Err(problem::refused(&self.base, answer).await)
        }
    }

    async fn read(&self, path: &[&str], answer: Response) -> CommandResult<Value> {
        let body = whole(&self.base, answer).await?;
        let document = serde_json::from_slice::<Value>(&body).ok();
        let ours =
            document.filter(|document| member_of(path).is_none_or(|member| document.get(member).is_some()));
        ours.ok_or_else(|| {
            problem::foreign(&self.base, "what is there answered something other than our JSON")
        })
    }

    /// Checks that an answer is of a type, as a cache-server's is.
    fn check_type(&self, answer: &Response, wanted: &str) -> CommandResult {
        let given = answer.headers().get(CONTENT_TYPE).and_then(|given| given.to_str().ok());
        match given {
            Some(given) if given.starts_with(wanted) => Ok(()),
            _ => Err(problem::foreign(
                &self.base,
                &format!("what is there answered something other than {wanted}"),
            )),
        }
    }
}

/// Reads an answer to its end.
async fn whole(base: &Url, mut answer: Response) -> CommandResult<Vec<u8>> {
    let mut body = Vec::new();
    while let Some(part) = answer.chunk().await.map_err(|error| problem::unreachable(base, &error))? {
        if body.len() + part.len() > MAX_ANSWER {
            return Err(problem::foreign(
                base,
                &format!("what is there answers with more than {} MiB", MAX_ANSWER >> 20),
            ));
        }
        body.extend_from_slice(&part);
    }
    Ok(body)
}

/// Returns a member that every answer of a path has, if one is known: without it something else answered.
fn member_of(path: &[&str]) -> Option<&'static str> {
    let member = match path {
        ["v1", "cache", ..] => "key",
        ["cache", "overview"] => "tiers",
        ["v1", "stats"] => "hits",
        ["v1", "batch"] => "items",
        ["cache", "report"] => "since_start",
        ["cache", "keys"] => "keys",
        ["cache", "keys", _] => "places",
        ["cache", "invalidate"] => "removed",
        ["cache", "warming", "trigger"] => "results",
        ["cache", "warming", _] => "strategies",
        ["cache", "health"] => "status",
        _ => return None,
    };
    Some(member)
}

fn directed(request: RequestBuilder, directives: Option<&str>) -> RequestBuilder {
    match directives.and_then(|directives| HeaderValue::from_str(directives).ok()) {
        Some(directives) => request.header(CACHE_CONTROL, directives),
        None => request,
    }
}

/// Whether a URL is of this machine.
fn is_here(url: &Url) -> bool {
    url.host_str().is_some_and(|host| {
        let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        host == "localhost" || address.is_ok_and(|address| address.to_canonical().is_loopback())
    })
}
