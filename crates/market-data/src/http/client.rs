//! The client of one upstream: limits on time, size and redirects; errors by kind.

use std::{fmt, sync::Arc, time::Duration};

use bytes::BytesMut;
use cache_core::{Clock, Error, ErrorKind, Result, root_cause, trace};
use cache_tls::TlsClient;
use reqwest::{
    header::{DATE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER},
    redirect,
};
use tracing::{Instrument, Span, field};
use url::Url;

use super::{items::JsonItems, reply::HttpReply, request::HttpRequest, retry_after};
use crate::{ProviderError, ProviderErrorKind, SPANS};

/// The headers of [W3C Trace Context](https://www.w3.org/TR/trace-context/).
const TRACEPARENT: HeaderName = HeaderName::from_static(trace::TRACEPARENT);
const TRACESTATE: HeaderName = HeaderName::from_static(trace::TRACESTATE);

/// How many redirects are followed, all within one host.
const REDIRECTS: usize = 3;

/// The settings of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpClientConfig {
    /// The URL under which all paths lie: `https://query1.finance.yahoo.com`.
    pub base_url: String,
    /// How long a call may take as a whole. Default: 10 s.
    pub timeout: Duration,
    /// How long connecting may take. Default: 3 s.
    pub connect_timeout: Duration,
    /// The largest body, decompressed, in bytes. Default: 16 MiB.
    pub max_body: usize,
    /// The most values of JSON in a body, each of which takes far more memory than it has bytes. Default: 500,000.
    pub max_items: usize,
    /// The `User-Agent` header.
    pub user_agent: String,
}

impl HttpClientConfig {
    /// The default settings for an upstream at `base_url`.
    #[must_use]
    pub fn new(base_url: impl Into<String>) -> Self {
        Self {
            base_url: base_url.into(),
            timeout: Duration::from_secs(10),
            connect_timeout: Duration::from_secs(3),
            max_body: 16 << 20,
            max_items: 500_000,
            user_agent: concat!("cache-market/", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }
}

/// A client of one upstream, whose connections are kept and shared by its clones.
///
/// ```no_run
/// use cache_core::Clock;
/// use market_data::http::{HttpRequest, HttpClient, HttpClientConfig};
///
/// # async fn ask() -> Result<(), Box<dyn std::error::Error>> {
/// let settings = HttpClientConfig::new("https://api.example/v1");
/// let client = HttpClient::new("example", settings, Clock::system())?;
/// let reply = client.send(&HttpRequest::get(["quotes"]).query("symbols", "AAPL,MSFT")).await?.succeeded()?;
/// println!("{} bytes", reply.body.len());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct HttpClient {
    provider: Arc<str>,
    client: reqwest::Client,
    base: Url,
    max_body: usize,
    max_items: usize,
    timeout: Duration,
    clock: Clock,
}

impl HttpClient {
    /// Returns the provider's name.
    pub(crate) fn name(&self) -> &str {
        &self.provider
    }

    /// A client of an upstream; errors call it `provider`.
    ///
    /// # Errors
    ///
    /// `Config` for a base URL that is not http or https, or that has a user, a password, a query or a
    /// fragment; and for a user agent that can't be a header's value.
    pub fn new(provider: &str, settings: HttpClientConfig, clock: Clock) -> Result<Self> {
        let base = base(provider, &settings.base_url)?;
        let agent = HeaderValue::from_str(&settings.user_agent).map_err(|_| {
            config(format!("the user agent {:?} of {provider} can't stand in a header", settings.user_agent))
        })?;
        let client = reqwest::Client::builder()
            .use_preconfigured_tls(TlsClient::new().even_without_roots().config()?)
            .redirect(redirect::Policy::custom(within_one_host))
            .connect_timeout(settings.connect_timeout)
            .timeout(settings.timeout)
            .user_agent(agent)
            .build()
            .map_err(|why| {
                Error::caused(
                    ErrorKind::Config,
                    "connect",
                    format!("the HTTP client of {provider} can't be set up"),
                    why,
                )
            })?;
        let HttpClientConfig { max_body, max_items, timeout, .. } = settings;
        Ok(Self { provider: provider.into(), client, base, max_body, max_items, timeout, clock })
    }

    /// Sends a request. The reply may have any status: see [`HttpReply::succeeded`]. The request carries the trace
    /// context that goes [out](cache_core::trace::outgoing), and has a span of its own, `provider.request`, which
    /// shows neither its path nor its query: they name what is asked for, and may hold secrets.
    ///
    /// # Errors
    ///
    /// `Unreachable`; `TimedOut`; `BadAnswer` for a body that is too large, holds too many values or nests them
    /// too deep, or can't be decompressed; `BadRequest` for a request that can't be sent.
    pub async fn send(&self, call: &HttpRequest) -> Result<HttpReply, ProviderError> {
        let span = self.span();
        let outcome = self.exchange(call).instrument(span.clone()).await;
        match &outcome {
            Ok(reply) => {
                span.record("http.response.status_code", reply.status);
                if reply.status >= 400 {
                    span.record("error.type", field::display(reply.status));
                    span.record("otel.status_code", "ERROR");
                }
            }
            Err(error) => {
                span.record("error.type", error.kind().name());
                span.record("otel.status_code", "ERROR");
            }
        }
        outcome
    }

    fn span(&self) -> Span {
        tracing::debug_span!(
            target: SPANS, "provider.request",
            provider = &*self.provider,
            http.request.method = "GET",
            server.address = self.base.host_str(),
            server.port = self.base.port_or_known_default(),
            http.response.status_code = field::Empty,
            error.type = field::Empty,
            otel.kind = "client",
            otel.status_code = field::Empty,
        )
    }

    async fn exchange(&self, call: &HttpRequest) -> Result<HttpReply, ProviderError> {
        let request = self.client.get(call.url(&self.base)?).headers(self.headers(call)?);
        let mut response = request.send().await.map_err(|why| self.failure(why))?;
        let headers = readable(response.headers());
        let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
        let retry_after =
            header(RETRY_AFTER).and_then(|text| retry_after::pause(text, header(DATE), self.clock.now()));
        let (mut body, mut items) = (BytesMut::new(), JsonItems::new(self.max_items));
        while let Some(chunk) = response.chunk().await.map_err(|why| self.failure(why))? {
            if body.len() + chunk.len() > self.max_body {
                let message = format!(
                    "{} sent more than {} bytes, the most that is read",
                    self.provider, self.max_body
                );
                return Err(ProviderError::new(ProviderErrorKind::BadAnswer, message));
            }
            items.take(&chunk).map_err(|what| {
                let message = format!("{} sent a body of {what}", self.provider);
                ProviderError::new(ProviderErrorKind::BadAnswer, message)
            })?;
            body.extend_from_slice(&chunk);
        }
        Ok(HttpReply {
            status: response.status().as_u16(),
            body: body.freeze(),
            provider: Arc::clone(&self.provider),
            headers,
            retry_after,
            secrets: call.secrets(),
            timeout: self.timeout,
        })
    }

    fn headers(&self, call: &HttpRequest) -> Result<HeaderMap, ProviderError> {
        let mut headers = HeaderMap::new();
        for (name, text, secret) in call.headers() {
            let pair = HeaderName::from_bytes(name.as_bytes()).ok().zip(HeaderValue::from_str(&text).ok());
            let Some((known, mut value)) = pair else {
                let message =
                    format!("{} can't be sent the header {name}: its value is invalid", self.provider);
                return Err(ProviderError::new(ProviderErrorKind::BadRequest, message));
            };
            value.set_sensitive(secret);
            headers.append(known, value);
        }
        add_trace_context(&mut headers);
        Ok(headers)
    }

    /// Converts the error of a call. The URL is left out: it may hold secrets.
    fn failure(&self, error: reqwest::Error) -> ProviderError {
        let (provider, host) = (&self.provider, self.base.host_str().unwrap_or_default());
        let (kind, what) = if error.is_timeout() {
            return ProviderError::new(
                ProviderErrorKind::TimedOut,
                format!("{provider} did not answer in time"),
            );
        } else if error.is_connect() {
            (ProviderErrorKind::Unreachable, format!("{provider} can't be reached at {host}"))
        } else if error.is_builder() {
            (ProviderErrorKind::BadRequest, format!("{provider} can't be sent this request"))
        } else {
            (ProviderErrorKind::Unreachable, format!("{provider} broke off its response"))
        };
        ProviderError::new(kind, format!("{what}: {}", root_cause(&error.without_url())))
    }
}

/// Adds the headers of the present trace, if there is one.
fn add_trace_context(headers: &mut HeaderMap) {
    let Some(context) = trace::outgoing() else { return };
    let texts =
        [(TRACEPARENT, Some(context.traceparent())), (TRACESTATE, context.tracestate().map(str::to_owned))];
    for (name, text) in texts {
        if let Some(value) = text.and_then(|text| HeaderValue::try_from(text).ok()) {
            headers.insert(name, value);
        }
    }
}

/// Follows a few redirects within one host and scheme: elsewhere, API keys would leak.
fn within_one_host(attempt: redirect::Attempt<'_>) -> redirect::Action {
    let place = |url: &Url| (url.scheme().to_owned(), url.host_str().map(str::to_owned), url.port());
    let at_home = attempt.previous().first().is_some_and(|first| place(first) == place(attempt.url()));
    if at_home && attempt.previous().len() <= REDIRECTS { attempt.follow() } else { attempt.stop() }
}

fn readable(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |(name, value): (&HeaderName, &HeaderValue)| {
        Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
    };
    headers.iter().filter_map(text).collect()
}

fn base(provider: &str, text: &str) -> Result<Url> {
    let wanted = "give one such as https://api.example.com/v1";
    let url: Url = text.parse().map_err(|why| {
        // A text that can't be parsed may hold a password: it is not shown.
        config(format!("the base URL of {provider} is invalid: {why}: {wanted}"))
    })?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(config(format!("the base URL of {provider} is a {} URL: {wanted}", url.scheme())));
    }
    let plain = url.username().is_empty() && url.password().is_none();
    if !plain || url.query().is_some() || url.fragment().is_some() {
        let more = "holds a user, a password, a query or a fragment";
        return Err(config(format!("the base URL of {provider} {more}: leave that out, {wanted}")));
    }
    Ok(url)
}

fn config(message: String) -> Error {
    Error::new(ErrorKind::Config, "connect", message)
}

impl fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpClient")
            .field("provider", &self.provider)
            .field("base", &self.base.as_str())
            .finish_non_exhaustive()
    }
}
