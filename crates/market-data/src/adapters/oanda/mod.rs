//! OANDA v20: prices and instruments in batches, candles and books one instrument a call.

mod candles;
mod config;
mod documents;
mod error_body;
mod history;
mod instrument;
mod instruments;
mod pricing;

use std::collections::BTreeSet;

use async_trait::async_trait;
use cache_core::{Clock, Error, ErrorKind, Result, Secret};

pub use self::{config::OandaConfig, history::CandlePrice};
use self::{error_body::failure, instruments::Instruments};
use crate::{
    Answer, Answers, Asset, DataType, Document, DocumentId, Offer, Provider, ProviderError,
    ProviderErrorKind, Quote, Series, SeriesId,
    http::{HttpClient, HttpReply, HttpRequest},
    parse::{Plausibility, now},
    provider::from_single_calls,
};

/// The most calls that one series may cost.
const MOST_CALLS: usize = 20;

/// OANDA's v20 API: currencies, metals and contracts for difference.
///
/// An asset of the market FX is asked for as a pair (`EUR_USD`, `EUR/USD` and `EURUSD` are one); any other by
/// its symbol, if that is of OANDA's form (`DE30_EUR`). A quote's price is the middle between the best bid and
/// the best ask; its day begins at 17:00 in New York on the day before, as that of a daily candle does. The
/// volume of a candle is the number of price changes.
///
/// A document of the type `instrument` is how an asset is traded by the account: sizes, margins, digits. One of
/// the type `book` is the latest book of what clients ordered, or hold (`of=positions`), by price. Both are as
/// OANDA's JSON has them.
///
/// OANDA refuses a whole batch for one unknown instrument: then the list of instruments is fetched, and the
/// batch is sent again without the unknown ones.
///
/// ```no_run
/// use cache_core::Clock;
/// use market_data::{OandaConfig, OandaProvider, Provider, SecretSource};
///
/// # async fn ask() -> Result<(), Box<dyn std::error::Error>> {
/// let config = OandaConfig::new("101-004-1234567-001", SecretSource::Env("OANDA_TOKEN".into()));
/// let oanda = OandaProvider::new(config, Clock::system())?;
/// let answers = oanda.series(&["EUR_USD@FX:5m".parse()?]).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct OandaProvider {
    config: OandaConfig,
    api: HttpClient,
    token: Secret,
    instruments: Instruments,
    judge: Plausibility,
    clock: Clock,
}

impl OandaProvider {
    /// A provider that asks OANDA; nothing is asked yet.
    ///
    /// # Errors
    ///
    /// `Config` if the token can't be read, and for an invalid account, URL or limit.
    pub fn new(config: OandaConfig, clock: Clock) -> Result<Self> {
        let wrong = |message: String| Err(Error::new(ErrorKind::Config, "oanda", message));
        let account = &config.account;
        if account.is_empty() || !account.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
            return wrong(format!(
                "account of {} is {account:?}: give one such as 101-004-1234567-001",
                config.name
            ));
        }
        if !(1..=500).contains(&config.max_batch) {
            return wrong(format!("max_batch of {} is {}: give 1 to 500", config.name, config.max_batch));
        }
        let api = HttpClient::new(&config.name, config.http.settings(&config.base_url), clock.clone())?;
        let token = config.token.read()?;
        let (instruments, judge) = (Instruments::new(clock.clone()), Plausibility::new(clock.clone()));
        Ok(Self { api, token, instruments, judge, clock, config })
    }

    async fn send(&self, call: HttpRequest) -> Result<HttpReply, ProviderError> {
        self.api.send(&call.bearer(&self.token)).await
    }

    async fn ask_prices(&self, names: &BTreeSet<String>) -> Result<HttpReply, ProviderError> {
        let names = names.iter().map(String::as_str).collect::<Vec<_>>().join(",");
        let account = self.config.account.as_str();
        self.send(HttpRequest::get(["v3", "accounts", account, "pricing"]).query("instruments", names)).await
    }

    async fn ask_instruments(&self) -> Result<HttpReply, ProviderError> {
        let call = HttpRequest::get(["v3", "accounts", self.config.account.as_str(), "instruments"]);
        let reply = self.send(call).await?;
        if reply.is_success() { Ok(reply) } else { Err(failure(&reply)) }
    }

    async fn ask_names(&self) -> Result<BTreeSet<String>, ProviderError> {
        let reply = self.ask_instruments().await?;
        reply
            .parse(instruments::read)
            .await?
            .map_err(|why| reply.error(ProviderErrorKind::BadAnswer, &why.to_string()))
    }

    /// Asks for the prices of those of `names` that exist; `None` if none does.
    async fn prices(&self, mut names: BTreeSet<String>) -> Result<Option<HttpReply>, ProviderError> {
        let known = self.instruments.known().await;
        if let Some(known) = &known {
            names.retain(|name| known.contains(name));
        }
        if names.is_empty() {
            return Ok(None);
        }
        let reply = self.ask_prices(&names).await?;
        if reply.status != 400 {
            return if reply.is_success() { Ok(Some(reply)) } else { Err(failure(&reply)) };
        }
        let asked = names.len();
        let known = self.instruments.renewed(known.as_ref(), self.ask_names()).await?;
        names.retain(|name| known.contains(name));
        if names.is_empty() {
            return Ok(None);
        }
        if names.len() == asked {
            return Err(failure(&reply));
        }
        let reply = self.ask_prices(&names).await?;
        if reply.is_success() { Ok(Some(reply)) } else { Err(failure(&reply)) }
    }

    async fn one_series(&self, id: &SeriesId) -> Result<Answer<Series>, ProviderError> {
        let Some(name) = instrument::named(&id.asset) else { return Ok(Answer::Unknown) };
        let refused =
            |fault, why: String| Err(ProviderError::new(fault, format!("{} {why}", self.config.name)));
        let Some(calls) = history::calls(&name, id, self.config.candles, now(&self.clock)) else {
            return refused(ProviderErrorKind::NotOffered, format!("offers no candles of {}", id.interval));
        };
        if let Some(range) = id.range.filter(|range| range.to < history::first_day()) {
            let first = history::first_day();
            let what = format!("has candles from {first} on, none up to {}", range.to);
            return refused(ProviderErrorKind::NotOffered, what);
        }
        if calls.len() > MOST_CALLS {
            let wanted = format!("more than {MOST_CALLS}: ask for fewer days or longer candles");
            return refused(
                ProviderErrorKind::BadRequest,
                format!("would be called {} times for {id}, {wanted}", calls.len()),
            );
        }
        let mut told = Vec::with_capacity(calls.len());
        for call in calls {
            let reply = self.send(call).await?;
            if error_body::is_unknown_instrument(&reply) {
                return Ok(Answer::Unknown);
            }
            if !reply.is_success() {
                return Err(failure(&reply));
            }
            let bad = |why: String| reply.error(ProviderErrorKind::BadAnswer, &why);
            let candles = reply.parse(candles::read).await?.map_err(|why| bad(why.to_string()))?;
            if !instrument::same(&candles.instrument, &name) {
                return Err(bad(format!("{:?} in place of {name}", candles.instrument)));
            }
            if Some(candles.granularity.as_str()) != history::granularity(id.interval) {
                return Err(bad(format!("candles of {:?} in place of {}", candles.granularity, id.interval)));
            }
            told.push(candles);
        }
        match history::series(id, &told, self.config.unfinished, &self.judge) {
            Ok(series) => Ok(Answer::Value(series)),
            Err(why) => refused(ProviderErrorKind::BadAnswer, format!("sent an invalid series {id}: {why}")),
        }
    }
}

#[async_trait]
impl Provider for OandaProvider {
    fn name(&self) -> &str {
        &self.config.name
    }

    fn offer(&self, data: DataType) -> Option<Offer> {
        match data {
            DataType::Price | DataType::Instrument => Some(Offer::new(self.config.max_batch)),
            DataType::Book => Some(Offer::new(1)),
            DataType::Ohlcv => {
                Some(Offer::new(1).intervals(history::INTERVALS.iter().map(|(interval, ..)| *interval)))
            }
            _ => None,
        }
    }

    fn implausible(&self) -> u64 {
        self.judge.refused()
    }

    async fn quotes(&self, assets: &[Asset]) -> Answers<Quote> {
        let names: Vec<Option<String>> = assets.iter().map(instrument::named).collect();
        let Some(reply) = self.prices(names.iter().flatten().cloned().collect()).await? else {
            return Ok(assets.iter().map(|_| Answer::Unknown).collect());
        };
        let said = reply
            .parse(pricing::read)
            .await?
            .map_err(|why| reply.error(ProviderErrorKind::BadAnswer, &why.to_string()))?;
        let answer = |(asset, name): (&Asset, Option<String>)| {
            let Some(name) = name else { return Answer::Unknown };
            let its =
                said.iter().filter(|(told, _)| instrument::same(told, &name)).map(|(_, said)| said.clone());
            match self.judge.only(its).and_then(|raw_quote| {
                raw_quote.map(|raw_quote| self.judge.quote(raw_quote, asset.clone())).transpose()
            }) {
                Ok(quote) => quote.into(),
                Err(why) => {
                    Answer::Failed(reply.error(ProviderErrorKind::BadAnswer, &format!("{asset}: {why}")))
                }
            }
        };
        Ok(assets.iter().zip(names).map(answer).collect())
    }

    async fn series(&self, ids: &[SeriesId]) -> Answers<Series> {
        let mut answers = Vec::with_capacity(ids.len());
        for id in ids {
            answers.push(self.one_series(id).await);
        }
        from_single_calls(answers)
    }

    async fn documents(&self, data: DataType, ids: &[DocumentId]) -> Answers<Document> {
        match data {
            DataType::Instrument => self.instruments(ids).await,
            DataType::Book => {
                let mut answers = Vec::with_capacity(ids.len());
                for id in ids {
                    answers.push(self.one_book(id).await);
                }
                from_single_calls(answers)
            }
            _ => Err(ProviderError::not_offered(&self.config.name, data)),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::parse::damaged::bodies;

    const BODIES: &[&str] = &[
        r#"{"prices":[{"instrument":"EUR_USD","time":"2016-10-05T05:28:16.7Z","bids":[{"price":"1.12157","liquidity":1}],"asks":[{"price":"1.12170","liquidity":1}],"closeoutBid":"1.1","closeoutAsk":"1.2"}]}"#,
        r#"{"instrument":"EUR_USD","granularity":"D","candles":[{"volume":132,"time":"2016-10-17T21:00:00Z","complete":true,"mid":{"h":"2","c":"1.5","l":"1","o":"1"}},{"volume":1,"time":"2016-10-18T21:00:00Z","complete":false,"mid":{"h":"2","c":"1.5","l":"1","o":"1"}}]}"#,
        r#"{"instruments":[{"name":"EUR_USD"},{"name":"EUR_JPY"}]}"#,
        r#"{"orderBook":{"instrument":"EUR_USD","time":"2017-06-28T10:00:00Z","price":"1.13609","bucketWidth":"0.0005","buckets":[{"price":"1.1285","shortCountPercent":"0.2352","longCountPercent":"0.2666"}]}}"#,
    ];

    proptest! {
        #[test]
        fn no_body_makes_reading_panic_or_tells_a_price_that_is_none(body in bodies(BODIES)) {
            let (judge, asset) = (Plausibility::new(Clock::system()), "EUR_USD@FX".parse::<Asset>().unwrap());
            for (_, raw_quote) in pricing::read(&body).into_iter().flatten() {
                if let Ok(Some(raw_quote)) = raw_quote {
                    let _ = judge.quote(raw_quote, asset.clone()).map(|quote| assert!(quote.price >= 0.0 && quote.price < 1e16));
                }
            }
            if let Ok(told) = candles::read(&body) {
                let series = history::series(&"EUR_USD@FX:1d".parse().unwrap(), &[told], true, &judge);
                let bars = series.map(|series| series.bars).unwrap_or_default();
                prop_assert!(bars.iter().all(|bar| bar.low >= 0.0 && bar.low <= bar.high));
            }
            let _ = (instruments::read(&body), documents::read_instruments(&body));
            let _ = documents::read_book(&body, "orderBook");
        }
    }
}
