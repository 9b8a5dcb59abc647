//! The provider of `docs/guide/write-a-provider.md`: the page shows parts of this file.

use std::{
    io::{Read, Write},
    net::TcpListener,
    num::NonZeroU32,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use async_trait::async_trait;
use cache_core::{Clock, Result, Secret, Ttl};
use cache_facade::Cache;
use cache_market::CachedProvider;
use market_data::{
    Answer, Answers, Asset, AssetType, DataType, Date, Dividend, Dividends, Document, DocumentId, Market,
    Offer, Provider, ProviderError, ProviderErrorKind, ProviderSettings, Quota, Quote, Registry, Replay,
    ReplayProvider,
    formulas::DocumentDays,
    http::{HttpClient, HttpClientConfig, HttpRequest},
};
use serde::Deserialize;

/// Prices of shares from an API of this shape: `GET /v1/prices?symbols=AAPL,MSFT`.
#[derive(Debug)]
struct Example {
    client: HttpClient,
    key: Secret,
}

impl Example {
    /// Makes a provider that asks the API at `base_url`.
    fn new(base_url: &str, key: Secret, clock: Clock) -> Result<Self> {
        Ok(Self { client: HttpClient::new("example", HttpClientConfig::new(base_url), clock)?, key })
    }
}

/// What the API answers: what it doesn't know is left out.
#[derive(Deserialize)]
struct Body {
    prices: Vec<Price>,
}

#[derive(Deserialize)]
struct Price {
    symbol: String,
    last: f64,
    day: Date,
}

impl Price {
    /// Returns the quote, or why there is none: a price that can't be one is worse than no answer.
    fn quote(&self, asset: &Asset) -> Answer<Quote> {
        if !self.last.is_finite() || self.last < 0.0 {
            let message = format!("example answered a price of {} for {asset}", self.last);
            return Answer::Failed(ProviderError::new(ProviderErrorKind::BadAnswer, message));
        }
        Answer::Value(Quote::new(asset.clone(), self.last, self.day))
    }
}

#[async_trait]
impl Provider for Example {
    fn name(&self) -> &str {
        "example"
    }

    fn offer(&self, data: DataType) -> Option<Offer> {
        let max_batch = match data {
            DataType::Price => 100,
            DataType::Dividend => 1,
            _ => return None,
        };
        Some(Offer::new(max_batch).markets([Market::US]).asset_types([AssetType::Equity]))
    }

    async fn quotes(&self, assets: &[Asset]) -> Answers<Quote> {
        let symbols: Vec<String> = assets.iter().map(|asset| asset.symbol.to_string()).collect();
        let request =
            HttpRequest::get(["v1", "prices"]).query("symbols", symbols.join(",")).bearer(&self.key);
        let reply = self.client.send(&request).await?.succeeded()?;
        let body: Body = serde_json::from_slice(&reply.body)
            .map_err(|why| reply.error(ProviderErrorKind::BadAnswer, &why.to_string()))?;
        let answer = |(asset, symbol): (&Asset, &String)| {
            let price = body.prices.iter().find(|price| price.symbol == *symbol);
            price.map_or(Answer::Unknown, |price| price.quote(asset))
        };
        Ok(assets.iter().zip(&symbols).map(answer).collect())
    }

    async fn documents(&self, _: DataType, ids: &[DocumentId]) -> Answers<Document> {
        let mut answers = Vec::with_capacity(ids.len());
        for id in ids {
            answers.push(self.dividends(id).await.unwrap_or_else(Answer::Failed));
        }
        Ok(answers)
    }
}

/// What the API answers to `GET /v1/dividends/AAPL`.
#[derive(Deserialize)]
struct Paid {
    currency: String,
    paid: Vec<Payment>,
}

#[derive(Deserialize)]
struct Payment {
    ex_day: Date,
    cash: f64,
}

impl Example {
    /// Asks for what a share paid, on the days that are asked for.
    async fn dividends(&self, id: &DocumentId) -> Result<Answer<Document>, ProviderError> {
        let days = DocumentDays::of(id)
            .map_err(|why| ProviderError::new(ProviderErrorKind::BadRequest, why.to_string()))?;
        let request = HttpRequest::get(["v1", "dividends", id.asset.symbol.as_str()]).bearer(&self.key);
        let reply = self.client.send(&request).await?;
        if reply.status == 404 {
            return Ok(Answer::Unknown);
        }
        let reply = reply.succeeded()?;
        let told: Paid = serde_json::from_slice(&reply.body)
            .map_err(|why| reply.error(ProviderErrorKind::BadAnswer, &why.to_string()))?;
        let one = |paid: Payment| Dividend { date: paid.ex_day, amount: paid.cash };
        let mut dividends: Vec<Dividend> = told.paid.into_iter().map(one).collect();
        dividends.retain(|paid| days.contains(paid.date));
        dividends.sort_by_key(|paid| paid.date);
        let body = Dividends { currency: Some(told.currency.into()), dividends, splits: Vec::new() };
        Ok(Answer::Value(Document::of(id.asset.clone(), &body)?))
    }
}

/// Serves one body to every request, and counts them. Returns its URL.
fn serve(status: &'static str, body: &'static str, calls: Arc<AtomicUsize>) -> std::io::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let url = format!("http://{}", listener.local_addr()?);
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut request = Vec::new();
            let mut byte = [0];
            while !request.ends_with(b"\r\n\r\n") && matches!(stream.read(&mut byte), Ok(1)) {
                request.extend(byte);
            }
            calls.fetch_add(1, Ordering::SeqCst);
            let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close", body.len());
            // Whoever hung up needs no answer.
            let _ = write!(stream, "{head}\r\n\r\n{body}");
        }
    });
    Ok(url)
}

const PRICES: &str = r#"{"prices": [{"symbol": "AAPL", "last": 190.5, "day": "2024-01-02"}]}"#;

fn assets(texts: &[&str]) -> Result<Vec<Asset>> {
    texts.iter().map(|text| Ok(text.parse()?)).collect()
}

#[tokio::test]
async fn prices_are_read_and_what_is_left_out_is_unknown() -> Result<()> {
    let calls = Arc::new(AtomicUsize::new(0));
    let url = serve("200 OK", PRICES, calls.clone()).expect("a port");
    let example = Example::new(&url, Secret::from("k3y"), Clock::system())?;
    let answers = example.quotes(&assets(&["AAPL", "NOPE"])?).await?;
    assert_eq!(answers[0].clone().value().map(|quote| quote.price), Some(190.5));
    assert_eq!(answers[1], Answer::Unknown);
    assert_eq!(calls.load(Ordering::SeqCst), 1, "one call for the whole batch");
    Ok(())
}

#[tokio::test]
async fn dividends_are_documents_of_the_common_body() -> Result<()> {
    let body = r#"{"currency": "USD", "paid": [{"ex_day": "2024-02-09", "cash": 0.24}, {"ex_day": "2023-11-10", "cash": 0.24}]}"#;
    let url = serve("200 OK", body, Arc::default()).expect("a port");
    let example = Example::new(&url, Secret::from("k3y"), Clock::system())?;
    for (id, days) in
        [("AAPL", vec!["2023-11-10", "2024-02-09"]), ("AAPL:from=2024-01-01", vec!["2024-02-09"])]
    {
        let told = example.documents(DataType::Dividend, &[id.parse()?]).await?.remove(0);
        let paid: Dividends = told.value().expect(id).read()?;
        let told: Vec<String> = paid.dividends.iter().map(|paid| paid.date.to_string()).collect();
        assert_eq!(told, days, "{id}");
    }
    Ok(())
}

#[tokio::test]
async fn a_document_that_can_not_be_fails_its_key() -> Result<()> {
    for (status, body, id, kind) in [
        ("404 Not Found", "", "NOPE", None),
        (
            "200 OK",
            r#"{"currency": "USD", "paid": [{"ex_day": "2024-02-09", "cash": -1}]}"#,
            "AAPL",
            Some(ProviderErrorKind::BadAnswer),
        ),
        ("200 OK", "{}", "AAPL", Some(ProviderErrorKind::BadAnswer)),
        ("200 OK", "{}", "AAPL:day=1", Some(ProviderErrorKind::BadRequest)),
    ] {
        let url = serve(status, body, Arc::default()).expect("a port");
        let example = Example::new(&url, Secret::from("k3y"), Clock::system())?;
        let registry = Registry::builder(Clock::system())
            .provider(Arc::new(example), ProviderSettings::default())
            .build()?;
        // Where no key could be fetched, the whole call failed.
        let told = registry.documents(DataType::Dividend, &[id.parse()?]).await;
        let error = told.map_or_else(Some, |answers| answers[0].failure().cloned());
        assert_eq!(error.as_ref().map(ProviderError::kind), kind, "{error:?}");
        assert!(error.is_none_or(|error| error.to_string().starts_with("example")), "{id} {body}");
    }
    Ok(())
}

#[tokio::test]
async fn failures_are_told_apart() -> Result<()> {
    for (status, body, kind) in [
        ("429 Too Many Requests", "", ProviderErrorKind::Throttled { retry_after: None }),
        ("401 Unauthorized", "", ProviderErrorKind::Refused),
        ("503 Service Unavailable", "", ProviderErrorKind::Broken),
        ("200 OK", "<html>", ProviderErrorKind::BadAnswer),
    ] {
        let url = serve(status, body, Arc::default()).expect("a port");
        let example = Example::new(&url, Secret::from("k3y"), Clock::system())?;
        let error = example.quotes(&assets(&["AAPL"])?).await.expect_err(status);
        assert_eq!(error.kind(), kind, "{status}");
        assert!(!error.to_string().contains("k3y"), "{error}");
    }
    Ok(())
}

#[tokio::test]
async fn a_registry_keeps_to_the_quota_and_a_cache_spares_the_calls() -> Result<()> {
    let (calls, clock) = (Arc::new(AtomicUsize::new(0)), Clock::system());
    let url = serve("200 OK", PRICES, calls.clone()).expect("a port");

    let quota = Quota { per_minute: NonZeroU32::new(1), ..Quota::default() };
    let first = ProviderSettings { priority: 1, quota, ..ProviderSettings::default() };
    let second = ProviderSettings { priority: 2, ..ProviderSettings::default() };
    let replay = Replay { latency: Duration::ZERO, ..Replay::default() };
    let registry = Registry::builder(clock.clone())
        .provider(Arc::new(Example::new(&url, Secret::from("k3y"), clock.clone())?), first)
        .provider(Arc::new(ReplayProvider::new(replay, clock)?), second)
        .build()?;

    let cache = Cache::builder().build().await?;
    let lives = |_| Ttl::new(Duration::from_secs(300)).grace(Duration::from_secs(3600));
    let cached = CachedProvider::open(&cache, Arc::new(registry), lives)?;
    let (apple, microsoft) = (assets(&["AAPL"])?, assets(&["MSFT"])?);
    for _ in 0..10 {
        let prices = cached.get_prices_batch(&apple).await?;
        assert_eq!(prices[0].as_ref().and_then(|quote| quote.provider.as_deref()), Some("example"));
    }
    // The one call of this minute is used up: the next provider answers.
    let prices = cached.get_prices_batch(&microsoft).await?;
    assert_eq!(prices[0].as_ref().and_then(|quote| quote.provider.as_deref()), Some("replay"));
    assert_eq!(calls.load(Ordering::SeqCst), 1);
    cached.invalidate_asset(&apple[0]).await
}

#[test]
fn the_page_shows_this_file() {
    let page = include_str!("../../../docs/guide/write-a-provider.md");
    let blocks: Vec<&str> =
        page.split("```rust\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(blocks.len() >= 6, "{} blocks", blocks.len());
    for block in blocks {
        assert!(block.ends_with('\n'), "a fence does not begin its line:\n{block}");
        assert!(include_str!("write_a_provider.rs").contains(block), "shown, and not here:\n{block}");
    }
}
