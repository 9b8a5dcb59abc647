//! Alpha Vantage: quotes, series, indicators, documents and macro series, one a call, failures with status 200.

mod body;
mod config;
mod documents;
mod indicator;
mod observations;
mod quote;
mod refusal;
mod request;
mod series;

use std::time::Duration;

use async_trait::async_trait;
use cache_core::{Clock, Result, Secret};

pub use self::config::AlphaVantageConfig;
use self::{
    body::Nothing,
    refusal::{Reason, Refusal},
    request::{Depth, Inquiry, Name},
};
use crate::{
    Answer, Answers, Asset, AssetType, BarTime, DataType, Document, DocumentId, Interval, Invalid, Market,
    Offer, Provider, ProviderError, ProviderErrorKind, Quote, Series, SeriesId,
    formulas::{DocumentDays, adjusted_closes},
    http::{HttpClient, HttpReply, HttpRequest},
    parse::{ParseError, Plausibility, moment},
    provider::from_single_calls,
};

/// How many bars a compact series has.
const COMPACT: usize = 100;

/// Alpha Vantage.
///
/// Everything is one key a call. Currencies and coins are quoted by their exchange rate, all else by the day's
/// quote. Documents, with their parameters:
///
/// - `technical`: `function`, `interval`, `period` and `of`; `fast`, `slow` and `signal` for MACD. The body is
///   `{"zone": "US/Eastern", "values": {"2017-12-20T14:00:00": {"SMA": 85.2}}}`.
/// - `fundamentals`: `statement`, one of `overview`, `income`, `balance`, `cash_flow`, `earnings`. The body is as
///   Alpha Vantage's JSON has it.
/// - `news` of an asset, or of a market by the index that is called like it (`US@US.index`, `CRYPTO@CRYPTO.index`,
///   `FX@FX.index`): `limit`. The body is as Alpha Vantage's JSON has it; `feed` is the list of articles.
/// - `dividend`: `from` and `to`. The body is [`Dividends`](crate::Dividends) without splits, which would be a
///   second call.
/// - `adjusted_close`, if the configuration says `adjusted`: `from` and `to`. The body is
///   [`AdjustedCloses`](crate::AdjustedCloses), of the latest 100 days unless the configuration says `full`.
/// - `macro`, by the name of its function (`REAL_GDP@US.index`): `interval`. `cpi_index` (`CPI@US.index`):
///   `interval`. `treasury_yield` (`TREASURY@US.index`): `maturity`, `interval`. The bodies are
///   [`Observations`](crate::Observations).
///
/// It reports errors with status 200: a used-up quota is `Throttled`, a bad API key is `Refused`, and any other
/// error fails the asset asked for, since it doesn't tell an unknown symbol from a bad request. A free key
/// allows 25 calls a day.
///
/// ```no_run
/// use cache_core::Clock;
/// use market_data::{AlphaVantageConfig, AlphaVantageProvider, Provider, SecretSource};
///
/// # async fn ask() -> Result<(), Box<dyn std::error::Error>> {
/// let config = AlphaVantageConfig::new(SecretSource::Env("ALPHA_VANTAGE_KEY".into()));
/// let answers = AlphaVantageProvider::new(config, Clock::system())?.quotes(&["MSFT".parse()?]).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct AlphaVantageProvider {
    config: AlphaVantageConfig,
    api: HttpClient,
    key: Secret,
    judge: Plausibility,
}

impl AlphaVantageProvider {
    /// A provider that asks Alpha Vantage; nothing is asked yet.
    ///
    /// # Errors
    ///
    /// `Config` if the key can't be read, and for an invalid URL or limit.
    pub fn new(config: AlphaVantageConfig, clock: Clock) -> Result<Self> {
        let api = HttpClient::new(&config.name, config.http.settings(&config.base_url), clock.clone())?;
        Ok(Self { api, key: config.key.read()?, judge: Plausibility::new(clock), config })
    }

    async fn send(&self, call: HttpRequest) -> Result<HttpReply, ProviderError> {
        self.api.send(&call.secret_query("apikey", &self.key)).await?.succeeded()
    }

    async fn one_quote(&self, asset: &Asset) -> Result<Answer<Quote>, ProviderError> {
        let Some(name) = Name::of(asset) else { return Ok(Answer::Unknown) };
        let reply = self.send(request::quote(&name)).await?;
        let said = match name {
            Name::Listed(_) => reply.parse(quote::read_quote).await?,
            Name::Pair(..) | Name::Coin(..) => reply
                .parse(quote::read_rate)
                .await?
                .map(|(from, to, raw_quote)| Some((format!("{from}/{to}"), raw_quote))),
        };
        let quote = said.and_then(|said| {
            let quote = said.map(|(told, raw_quote)| {
                name.check(&told).and_then(|()| self.judge.quote(raw_quote, asset.clone()))
            });
            quote.transpose().map_err(Nothing::from)
        });
        answer(&reply, quote)
    }

    async fn one_series(&self, id: &SeriesId) -> Result<Answer<Series>, ProviderError> {
        let Some(name) = Name::of(&id.asset) else { return Ok(Answer::Unknown) };
        let depth = Depth { full: self.config.full, adjusted: self.config.adjusted };
        let call = request::series(&name, id.interval, depth).ok_or_else(|| {
            let message = format!("{} offers no bars of {}", self.config.name, id.interval);
            ProviderError::new(ProviderErrorKind::NotOffered, message)
        })?;
        let reply = self.send(call).await?;
        let series = reply.parse(series::read).await?.and_then(|told| {
            let Some(told) = told else { return Ok(None) };
            name.check(&told.name)?;
            Ok(Some(self.series_of(id, told)?))
        });
        answer(&reply, series)
    }

    fn series_of(&self, id: &SeriesId, told: series::Told) -> Result<Series, ParseError> {
        let first = told.candles.first().map(|candle| candle.begin.date());
        if let Some((range, first)) =
            id.range.zip(first).filter(|(range, first)| id.interval.is_intraday() && range.to < *first)
        {
            return Err(ParseError::new(format!(
                "the bars begin on {first}: there are none up to {}",
                range.to
            )));
        }
        // Of coins it has no whole series of days.
        let days_of_coin = id.asset.asset_type == AssetType::Crypto && !id.interval.is_intraday();
        let cut = (!self.config.full || days_of_coin) && told.candles.len() >= COMPACT;
        if let Some((range, first)) = id.range.zip(first).filter(|(range, first)| cut && range.from < *first)
        {
            let remedy = match id.asset.asset_type {
                AssetType::Crypto => "ask for later days",
                _ => "ask for the whole by `full`",
            };
            return Err(ParseError::new(format!(
                "the bars begin on {first}, after {}: {remedy}",
                range.from
            )));
        }
        let bars = told.candles.into_iter().map(|candle| {
            let day = candle.begin.date();
            let begin = match id.interval.is_intraday() {
                false => BarTime::Day(day),
                true => {
                    let zoned = told.zone.to_zoned(candle.begin);
                    moment(
                        zoned.map_err(|_| ParseError::new(format!("a bar at {}", candle.begin)))?.timestamp(),
                    )
                }
            };
            Ok((day, candle.begins(begin)))
        });
        let series = self.judge.series(id, bars.collect::<Result<Vec<_>, ParseError>>()?)?;
        let first = first.filter(|_| id.range.is_none() && (cut || id.interval.is_intraday()));
        Ok(Series { complete_from: first.or(series.complete_from), ..series })
    }

    async fn one_document(&self, data: DataType, id: &DocumentId) -> Result<Answer<Document>, ProviderError> {
        let inquiry = match data {
            DataType::AdjustedClose => return self.adjusted_closes(id).await,
            DataType::Technical => indicator::inquiry(id),
            DataType::Macro | DataType::CpiIndex | DataType::TreasuryYield => observations::inquiry(data, id),
            _ => documents::inquiry(data, id),
        };
        let inquiry = inquiry.map_err(|why| self.bad_request(&why))?;
        let Some(Inquiry { call, read }) = inquiry else { return Ok(Answer::Unknown) };
        let reply = self.send(call).await?;
        let document = reply.parse(read).await?;
        answer(&reply, document)
    }

    /// Returns the adjusted closes of daily bars.
    async fn adjusted_closes(&self, id: &DocumentId) -> Result<Answer<Document>, ProviderError> {
        let range = DocumentDays::of(id).map_err(|why| self.bad_request(&why))?.range();
        let Some(Name::Listed(_)) = Name::of(&id.asset) else { return Ok(Answer::Unknown) };
        let days = SeriesId { asset: id.asset.clone(), interval: Interval::Day, range };
        Ok(match self.one_series(&days).await? {
            Answer::Value(series) => {
                let closes =
                    Document::of(id.asset.clone(), &adjusted_closes(&series, DocumentDays::default()));
                closes.map_or_else(|why| Answer::Failed(self.bad_answer(&why)), Answer::Value)
            }
            Answer::Unknown => Answer::Unknown,
            Answer::Failed(error) => Answer::Failed(error),
        })
    }

    fn bad_request(&self, why: &Invalid) -> ProviderError {
        ProviderError::new(ProviderErrorKind::BadRequest, format!("{}: {why}", self.config.name))
    }

    fn bad_answer(&self, why: &Invalid) -> ProviderError {
        ProviderError::new(ProviderErrorKind::BadAnswer, format!("{}: {why}", self.config.name))
    }
}

/// Converts what was read to an answer: a refusal of this client fails the call, one of this asset fails its key.
fn answer<V>(reply: &HttpReply, read: Result<Option<V>, Nothing>) -> Result<Answer<V>, ProviderError> {
    let (reason, text) = match read {
        Ok(value) => return Ok(value.into()),
        Err(Nothing::Flawed(why)) => {
            return Ok(Answer::Failed(reply.error(ProviderErrorKind::BadAnswer, &why.to_string())));
        }
        Err(Nothing::Refused(Refusal { reason, text })) => (reason, text),
    };
    let pause = |seconds| ProviderErrorKind::Throttled { retry_after: Some(Duration::from_secs(seconds)) };
    match reason {
        Reason::Minute => Err(reply.error(pause(60), &text)),
        // It doesn't say when its day ends: one call an hour finds out.
        Reason::Day => Err(reply.error(pause(3600), &text)),
        Reason::Key => Err(reply.error(ProviderErrorKind::Refused, &text)),
        Reason::HttpRequest | Reason::NoArticles => {
            Ok(Answer::Failed(reply.error(ProviderErrorKind::BadRequest, &text)))
        }
    }
}

#[async_trait]
impl Provider for AlphaVantageProvider {
    fn name(&self) -> &str {
        &self.config.name
    }

    fn offer(&self, data: DataType) -> Option<Offer> {
        match data {
            DataType::Price
            | DataType::Technical
            | DataType::Fundamentals
            | DataType::News
            | DataType::Dividend => Some(Offer::new(1)),
            DataType::AdjustedClose => self.config.adjusted.then(|| Offer::new(1)),
            DataType::Macro | DataType::CpiIndex | DataType::TreasuryYield => {
                Some(Offer::new(1).markets([Market::US]))
            }
            DataType::Ohlcv => {
                Some(Offer::new(1).intervals(request::INTERVALS.iter().map(|(interval, _)| *interval)))
            }
            _ => None,
        }
    }

    fn implausible(&self) -> u64 {
        self.judge.refused()
    }

    async fn quotes(&self, assets: &[Asset]) -> Answers<Quote> {
        let mut answers = Vec::with_capacity(assets.len());
        for asset in assets {
            answers.push(self.one_quote(asset).await);
        }
        from_single_calls(answers)
    }

    async fn series(&self, ids: &[SeriesId]) -> Answers<Series> {
        let mut answers = Vec::with_capacity(ids.len());
        for id in ids {
            answers.push(self.one_series(id).await);
        }
        from_single_calls(answers)
    }

    async fn documents(&self, data: DataType, ids: &[DocumentId]) -> Answers<Document> {
        if data == DataType::Ohlcv || data == DataType::Price || self.offer(data).is_none() {
            return Err(ProviderError::not_offered(&self.config.name, data));
        }
        let mut answers = Vec::with_capacity(ids.len());
        for id in ids {
            answers.push(self.one_document(data, id).await);
        }
        from_single_calls(answers)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{DocumentBody, parse::damaged::bodies};

    const BODIES: &[&str] = &[
        r#"{"Global Quote":{"01. symbol":"MSFT","02. open":"112.6","03. high":"113.1","04. low":"110.6","05. price":"112.1","06. volume":"29062853","07. latest trading day":"2018-10-05","08. previous close":"112.7"}}"#,
        r#"{"Realtime Currency Exchange Rate":{"1. From_Currency Code":"BTC","3. To_Currency Code":"CNY","5. Exchange Rate":"109631.4","6. Last Refreshed":"2017-12-20 19:23:21","7. Time Zone":"UTC"}}"#,
        r#"{"Meta Data":{"2. Symbol":"MSFT","6. Time Zone":"US/Eastern"},"Time Series (1min)":{"2017-12-18 14:56:00":{"1. open":"86.4","2. high":"86.5","3. low":"86.4","4. close":"86.5","5. volume":"10494"}}}"#,
        r#"{"Meta Data":{"1: Symbol":"MSFT","7: Time Zone":"US/Eastern"},"Technical Analysis: SMA":{"2017-12-20 14:00":{"SMA":"85.2"}}}"#,
        r#"{"Information":"our standard API rate limit is 25 requests per day"}"#,
        r#"{"Symbol":"MSFT","Name":"Microsoft","PERatio":"31.5","DividendYield":"None"}"#,
        r#"{"items":"1","feed":[{"title":"A","time_published":"20240102T030405","ticker_sentiment":[{"ticker":"MSFT"}]}]}"#,
        r#"{"symbol":"MSFT","data":[{"ex_dividend_date":"2024-02-14","amount":"0.75"},{"ex_dividend_date":"None","amount":"None"}]}"#,
        r#"{"name":"10-Year Treasury Constant Maturity Rate","interval":"monthly","unit":"percent","data":[{"date":"2024-02-01","value":"."},{"date":"2024-01-01","value":"4.06"}]}"#,
    ];

    proptest! {
        #[test]
        fn no_body_makes_reading_panic(body in bodies(BODIES)) {
            let (judge, asset) = (Plausibility::new(Clock::system()), "MSFT".parse::<Asset>().unwrap());
            let _ = quote::read_quote(&body).map(|said| said.map(|(_, raw_quote)| judge.quote(raw_quote, asset.clone())));
            let _ = quote::read_rate(&body).map(|(.., raw_quote)| judge.quote(raw_quote, asset));
            let _ = (series::read(&body), indicator::read(&body), documents::read_news(&body));
            let name = Name::Listed("MSFT".to_owned());
            if let Ok(Some(told)) = documents::read_statement(&body, &name) {
                prop_assert!(told.values().any(|value| value.as_str().is_some_and(|told| name.is(told))));
            }
            if let Ok(Some(told)) = documents::read_dividends(&body, &name, DocumentDays::default()) {
                prop_assert!(told.dividends.windows(2).all(|pair| pair[0].date < pair[1].date));
            }
            if let Ok(Some(told)) = observations::read(&body) {
                prop_assert!(told.check().is_ok());
            }
        }
    }
}
