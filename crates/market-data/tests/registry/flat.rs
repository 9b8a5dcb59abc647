//! A provider for tests, as an adapter of a web API is one: `GET /quotes?symbols=A,B` and an object of
//! prices by symbol, from which the unknown are left out.

use std::{future::Future, time::Duration};

use async_trait::async_trait;
use cache_core::Clock;
use market_data::{
    Answer, Answers, Asset, DataType, Date, Offer, Provider, ProviderErrorKind, Quote,
    http::{HttpClient, HttpClientConfig, HttpReply, HttpRequest},
};
use serde_json::{Map, Value};

use crate::upstream;

#[derive(Debug)]
pub(crate) struct Flat {
    name: &'static str,
    client: HttpClient,
    offer: Offer,
}

impl Flat {
    pub(crate) fn at(name: &'static str, url: &str, clock: &Clock) -> Self {
        let client = HttpClient::new(name, HttpClientConfig::new(url), clock.clone()).unwrap();
        Self { name, client, offer: Offer::new(50) }
    }

    pub(crate) fn offering(self, offer: Offer) -> Self {
        Self { offer, ..self }
    }
}

#[async_trait]
impl Provider for Flat {
    fn name(&self) -> &str {
        self.name
    }

    fn offer(&self, data: DataType) -> Option<Offer> {
        (data == DataType::Price).then(|| self.offer.clone())
    }

    async fn quotes(&self, assets: &[Asset]) -> Answers<Quote> {
        assert!(assets.len() <= self.offer.max_batch, "{} is asked for {} keys", self.name, assets.len());
        let symbols: Vec<&str> = assets.iter().map(|asset| asset.symbol.as_str()).collect();
        let call = HttpRequest::get(["quotes"]).query("symbols", symbols.join(","));
        let reply = self.client.send(&call).await?.succeeded()?;
        let prices: Map<String, Value> = serde_json::from_slice(&reply.body)
            .map_err(|why| reply.error(ProviderErrorKind::BadAnswer, &why.to_string()))?;
        Ok(assets.iter().map(|asset| quote(asset, &prices, &reply)).collect())
    }
}

fn quote(asset: &Asset, prices: &Map<String, Value>, reply: &HttpReply) -> Answer<Quote> {
    match prices.get(asset.symbol.as_str()) {
        None => Answer::Unknown,
        Some(price) => match price.as_f64() {
            Some(price) => Answer::Value(Quote::new(asset.clone(), price, Date::constant(2020, 1, 2))),
            None => Answer::Failed(reply.error(ProviderErrorKind::BadAnswer, "a price that is no number")),
        },
    }
}

/// An adapter with a fault of its own: it loses the last answer.
#[derive(Debug)]
pub(crate) struct Forgetful(pub(crate) Flat);

#[async_trait]
impl Provider for Forgetful {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn offer(&self, data: DataType) -> Option<Offer> {
        self.0.offer(data)
    }

    async fn quotes(&self, assets: &[Asset]) -> Answers<Quote> {
        let mut answers = self.0.quotes(assets).await?;
        answers.pop();
        Ok(answers)
    }
}

/// What an upstream says that knows these prices.
pub(crate) fn prices(of: impl Fn(&str) -> Option<f64>) -> impl FnMut(&upstream::Asked) -> upstream::Answer {
    move |asked| {
        let symbols = asked.query("symbols").unwrap_or_default();
        let known = symbols.split(',').filter_map(|symbol| Some((symbol.to_owned(), of(symbol)?.into())));
        upstream::Answer::new(200, Value::Object(known.collect()).to_string())
    }
}

/// Turns the clock while `waiting` says that nothing but time is waited for, until the work is done.
pub(crate) async fn with_time<T>(
    clock: &Clock,
    waiting: impl Fn() -> bool,
    work: impl Future<Output = T>,
) -> T {
    let turning = async {
        loop {
            tokio::task::yield_now().await;
            if waiting() {
                clock.advance(Duration::from_millis(1));
            }
        }
    };
    tokio::select! {
        biased;
        done = work => done,
        () = turning => unreachable!("the clock is turned for as long as there is work"),
    }
}

/// Waits for something that goes on beside.
pub(crate) async fn until(reached: impl Fn() -> bool) {
    while !reached() {
        tokio::task::yield_now().await;
    }
}
