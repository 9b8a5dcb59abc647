//! A running `cache-server`, spoken to over HTTP.
//!
//! What is written are signals, one of the kinds of an application's own values, under ids that nobody else
//! has; they are removed at the end, and die by themselves if that fails.

use std::{collections::BTreeSet, env, sync::Arc, time::Duration};

use anyhow::{Context, Error, Result, anyhow, bail, ensure};
use cache_core::{root_cause, sync::Mutex};
use cache_tls::TlsClient;
use reqwest::{
    Client, RequestBuilder, StatusCode, Url,
    header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue},
    redirect::Policy,
};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::{Found, Life};
use crate::{report::units::printable, workload::quote::Quote};

/// The variable with the token, as the command line of `cache-server` takes it.
const TOKEN_VARIABLE: &str = "CACHE_ACCESS_TOKEN";
/// The variable with the file of the certificates to trust, as the command line takes it.
const CA_FILE_VARIABLE: &str = "CACHE_CA_FILE";
/// The kind of what is written.
const KIND: &str = "signals";
/// The most items of one batch.
const MAX_BATCH: usize = 200;
/// The most bytes of an answer: a batch of the largest is far below it.
const MAX_BODY: usize = 16 << 20;
/// How long a connection may take to be made, and an answer to come.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// A client of one service, with a bounded number of connections that are kept.
#[derive(Clone, Debug)]
pub(crate) struct LoadedService {
    http: Client,
    base: Url,
    connections: Arc<Semaphore>,
    /// What the ids of this run begin with.
    prefix: Arc<str>,
    written: Arc<Mutex<BTreeSet<u64>>>,
}

impl LoadedService {
    /// Makes a client of the service at this URL, which has so many connections at most. Nothing is sent yet.
    pub(crate) fn new(url: &str, connections: usize) -> Result<Self> {
        let base = parsed(url)?;
        let mut headers = HeaderMap::new();
        if let Some(token) = env::var(TOKEN_VARIABLE).ok().filter(|token| !token.trim().is_empty()) {
            // What is wrong with it is not shown: it would be the token.
            let mut token = HeaderValue::from_str(&format!("Bearer {}", token.trim()))
                .map_err(|_| anyhow!("{TOKEN_VARIABLE} has characters that no header can carry"))?;
            token.set_sensitive(true);
            headers.insert(AUTHORIZATION, token);
        }
        let mut tls = TlsClient::new().even_without_roots();
        if let Some(file) = env::var_os(CA_FILE_VARIABLE) {
            let pem = std::fs::read(&file)
                .with_context(|| format!("the file of {CA_FILE_VARIABLE} can't be read: {file:?}"))?;
            tls = tls.roots(pem);
        }
        let http = Client::builder()
            .use_preconfigured_tls(tls.config()?)
            .default_headers(headers)
            // The token is for the service alone.
            .redirect(Policy::none())
            .no_proxy()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(ANSWER_TIMEOUT)
            .tcp_nodelay(true)
            .pool_max_idle_per_host(connections)
            .build()
            .context("can't make an HTTP client")?;
        let prefix = format!("load-{:08x}-", fastrand::u32(..)).into();
        let connections = Arc::new(Semaphore::new(connections));
        Ok(Self { http, base, connections, prefix, written: Arc::default() })
    }

    /// Returns what the service says it is, with its version.
    ///
    /// # Errors
    ///
    /// If it can't be reached, or something else is there.
    pub(crate) async fn version(&self) -> Result<String> {
        let (status, index) = self.send(self.http.get(self.base.clone())).await?;
        let name = |member: &str| index[member].as_str().map(str::to_owned);
        match (status.is_success(), name("name"), name("version")) {
            _ if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => {
                Err(refused(status, &index))
            }
            (true, Some(name), Some(version)) => Ok(printable(&format!("{name} {version}"))),
            _ => bail!("{} is no cache-server: it answered with {status} and no index", self.base),
        }
    }

    /// Returns where the service is.
    pub(crate) fn name(&self) -> String {
        self.base.to_string()
    }

    pub(super) async fn get(&self, id: u64) -> Result<Found> {
        let request = self.http.get(self.url(&[KIND, &self.id(id)]));
        match self.send(request).await? {
            (StatusCode::NOT_FOUND, _) => Ok(Found { quote: None, by: "nowhere".into() }),
            (status, body) => found(checked(status, body)?),
        }
    }

    pub(super) async fn get_many(&self, ids: &[u64]) -> Result<Vec<Found>> {
        let ids: Vec<_> = ids.iter().map(|id| self.id(*id)).collect();
        let items = self.batch("get", json!(ids)).await?;
        items.into_iter().map(found).collect()
    }

    pub(super) async fn put(&self, quotes: Vec<Quote>, life: Life) -> Result<()> {
        self.written.lock().extend(quotes.iter().map(Quote::id));
        let ttl = life.seconds();
        if let [quote] = &quotes[..] {
            let body = json!({ "value": quote, "ttl": ttl });
            let request = self.http.put(self.url(&[KIND, &self.id(quote.id())]));
            let (status, body) = self.send(with_json(request, &body)).await?;
            checked(status, body)?;
            return Ok(());
        }
        for part in quotes.chunks(MAX_BATCH) {
            let items =
                part.iter().map(|quote| json!({ "id": self.id(quote.id()), "value": quote, "ttl": ttl }));
            self.batch("put", items.collect()).await?;
        }
        Ok(())
    }

    /// Removes all that was written. Goes on after a batch that fails, and returns the first error.
    pub(crate) async fn remove_all(&self) -> Result<()> {
        let ids: Vec<u64> = std::mem::take(&mut *self.written.lock()).into_iter().collect();
        let mut removed = Ok(());
        for part in ids.chunks(MAX_BATCH) {
            let part = self.batch("remove", part.iter().map(|id| self.id(*id)).collect()).await;
            removed = removed.and(part.map(drop));
        }
        removed
    }

    /// Makes all connections before anything is measured.
    pub(crate) async fn connect(&self) -> Result<()> {
        let all = self.connections.available_permits();
        let asked = (0..all).map(|_| self.send(self.http.get(self.url(&[KIND, &self.id(0)]))));
        for answer in futures_util::future::join_all(asked).await {
            answer?;
        }
        Ok(())
    }

    fn id(&self, id: u64) -> String {
        format!("{}{id}", self.prefix)
    }

    /// Returns the URL of a path below that of own values.
    fn url(&self, path: &[&str]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(["v1", "cache"]).extend(path);
        }
        url
    }

    /// Makes one step of a batch, and returns its items, all of which succeeded.
    async fn batch(&self, step: &str, items: Value) -> Result<Vec<Value>> {
        let request = self.http.post(self.url(&[&format!("{KIND}:batch")]));
        let (status, mut body) = self.send(with_json(request, &json!({ step: items }))).await?;
        if !status.is_success() {
            return Err(refused(status, &body));
        }
        let Value::Array(items) = body[step].take() else { bail!("the batch has no {step:?} in its answer") };
        let failed =
            |item: &&Value| !item["status"].as_u64().is_some_and(|status| status < 300 || status == 404);
        if let Some(item) = items.iter().find(failed) {
            bail!("an item of the batch failed: {item}");
        }
        Ok(items)
    }

    /// Sends a request as soon as a connection is free, and returns status and document of the answer.
    async fn send(&self, request: RequestBuilder) -> Result<(StatusCode, Value)> {
        let _connection = self.connections.acquire().await.context("the client was closed")?;
        let mut answer = request.send().await.map_err(|error| self.unanswered(&error))?;
        let status = answer.status();
        let mut body = Vec::new();
        while let Some(part) = answer.chunk().await.map_err(|error| self.unanswered(&error))? {
            body.extend_from_slice(&part);
            ensure!(body.len() <= MAX_BODY, "{} answered with more than {MAX_BODY} bytes", self.base);
        }
        Ok((status, serde_json::from_slice(&body).unwrap_or_default()))
    }

    fn unanswered(&self, error: &reqwest::Error) -> Error {
        let cause = root_cause(error);
        match error.is_connect() {
            true if cause.to_string().contains("os error 24") => {
                anyhow!("{} can't be asked: {cause}; raise `ulimit -n`, or lower --connections", self.base)
            }
            true => anyhow!("{} can't be reached: {cause}; is the service running there?", self.base),
            false => anyhow!("{} did not answer: {cause}", self.base),
        }
    }
}

/// Returns the URL, if it is one of a service. An address alone is taken for one.
fn parsed(text: &str) -> Result<Url> {
    let whole = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    let remedy = "give such as http://127.0.0.1:8080";
    // It may hold a password, and so is not repeated then.
    let shown = if text.contains('@') { "that was given".to_owned() } else { format!("{text:?}") };
    let url: Url = whole.parse().map_err(|why| anyhow!("the URL {shown} is none: {why}; {remedy}"))?;
    let is_plain = url.query().is_none() && url.fragment().is_none();
    ensure!(matches!(url.scheme(), "http" | "https"), "the URL {shown} is not of HTTP: {remedy}");
    ensure!(
        is_plain && url.username().is_empty() && url.password().is_none(),
        "a URL may have a path, and nothing else behind or before its host: {remedy}, and the token in \
         {TOKEN_VARIABLE}"
    );
    Ok(url)
}

fn with_json(request: RequestBuilder, body: &Value) -> RequestBuilder {
    request.header(CONTENT_TYPE, "application/json").body(body.to_string())
}

/// Returns the document of an answer that succeeded.
fn checked(status: StatusCode, body: Value) -> Result<Value> {
    if status.is_success() { Ok(body) } else { Err(refused(status, &body)) }
}

/// Returns the error of an answer that refused, with what to do about it.
fn refused(status: StatusCode, body: &Value) -> Error {
    let detail = body["detail"].as_str().or(body["title"].as_str()).unwrap_or("it does not say why");
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            anyhow!(
                "the service refused to keep values of ours ({status}): {detail}; put its token into {TOKEN_VARIABLE}"
            )
        }
        _ => anyhow!("the service answered {status}: {detail}"),
    }
}

/// Returns what a document tells of a value.
fn found(mut document: Value) -> Result<Found> {
    let quote: Option<Quote> = serde_json::from_value(document["value"].take())
        .context("the value that is there is none of ours")?;
    let by = document["source"].as_str().unwrap_or("nowhere").to_owned().into();
    Ok(Found { quote: quote.map(Arc::new), by })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_one_of_http_without_secrets() {
        assert_eq!(parsed("127.0.0.1:8080").unwrap().as_str(), "http://127.0.0.1:8080/");
        assert_eq!(parsed("https://cache.example/a/b").unwrap().path(), "/a/b");
        for wrong in ["ftp://a", "http://", "http://a?b=c"] {
            assert!(parsed(wrong).is_err(), "{wrong}");
        }
        let error = parsed("http://ada:secret@a").unwrap_err().to_string();
        assert!(error.contains(TOKEN_VARIABLE) && !error.contains("secret"), "{error}");
        for wrong in ["http://ada:secret@a:99999", "ftp://ada:secret@a"] {
            assert!(!parsed(wrong).unwrap_err().to_string().contains("secret"), "{wrong}");
        }
    }

    #[test]
    fn paths_go_below_that_of_the_url() {
        let service = LoadedService::new("http://a/nested/", 1).unwrap();
        assert_eq!(service.url(&[KIND, "x"]).path(), "/nested/v1/cache/signals/x");
    }

    #[test]
    fn a_foreign_value_is_an_error_and_none_is_absent() {
        assert!(found(json!({ "value": { "name": "Ada" }, "source": "memory" })).is_err());
        let absent = found(json!({ "status": 404 })).unwrap();
        assert!(absent.quote.is_none() && absent.by == "nowhere");
        let there = found(json!({ "value": Quote::new(1, 2), "source": "disk" })).unwrap();
        assert_eq!((there.quote.unwrap().version_of(1), &*there.by), (Some(2), "disk"));
    }
}
