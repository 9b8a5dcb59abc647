//! Alpha Vantage: quotes, series, currencies and indicators, one a call, failures with status 200.

mod body;
mod config;
mod quote;
mod refusal;
mod request;
mod series;

use std::time::Duration;

use async_trait::async_trait;
use cache_core::{Clock, Result, Secret};
use serde_json::json;

pub use self::config::AlphaVantageConfig;
use self::{
    body::Nothing,
    refusal::{Reason, Refusal},
    request::{Depth, Name},
};
use crate::{
    Answer, Answers, Asset, BarTime, DataType, Document, DocumentId, Offer, Provider, ProviderError,
    ProviderErrorKind, Quote, Series, SeriesId,
    http::{HttpClient, HttpReply, HttpRequest},
    parse::{ParseError, Plausibility, moment},
    provider::from_single_calls,
};

/// How many bars a compact series has.
const COMPACT: usize = 100;

/// Alpha Vantage.
///
/// Everything is one key a call. Currencies and coins are quoted by their exchange rate, all else by the day's
/// quote. A document of the type `technical` is an indicator:
/// `AAPL:function=SMA&interval=1d&time_period=20&series_type=close`.
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
            Name::Pair(..) => reply
                .parse(quote::read_rate)
                .await?
                .map(|(from, to, raw_quote)| Some((format!("{from}/{to}"), raw_quote))),
        };
        let quote = said.and_then(|said| {
            let quote = said.map(|(told, raw_quote)| {
                named(&name, &told).and_then(|()| self.judge.quote(raw_quote, asset.clone()))
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
            named(&name, &told.name)?;
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
        let cut = !self.config.full && told.candles.len() >= COMPACT;
        if let Some((range, first)) = id.range.zip(first).filter(|(range, first)| cut && range.from < *first)
        {
            let message =
                format!("the bars begin on {first}, after {}: ask for the whole by `full`", range.from);
            return Err(ParseError::new(message));
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

    async fn one_indicator(&self, id: &DocumentId) -> Result<Answer<Document>, ProviderError> {
        let Some(name) = Name::of(&id.asset) else { return Ok(Answer::Unknown) };
        let call = request::indicator(&name, id).ok_or_else(|| {
            let wanted = "name a function of letters, an interval such as 1d, and no symbol or key";
            ProviderError::new(
                ProviderErrorKind::BadRequest,
                format!("{} can't be asked for {id}: {wanted}", self.config.name),
            )
        })?;
        let reply = self.send(call).await?;
        let document = reply.parse(series::read_indicator).await?.and_then(|told| {
            named(&name, &told.name)?;
            let body = json!({"zone": told.zone, "values": told.values});
            Ok(Some(Document::new(id.asset.clone(), body)))
        });
        answer(&reply, document)
    }
}

fn named(name: &Name, told: &str) -> Result<(), ParseError> {
    if name.is(told) { Ok(()) } else { Err(ParseError::name("the name", told)) }
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
        Reason::HttpRequest => Ok(Answer::Failed(reply.error(ProviderErrorKind::BadRequest, &text))),
    }
}

#[async_trait]
impl Provider for AlphaVantageProvider {
    fn name(&self) -> &str {
        &self.config.name
    }

    fn offer(&self, data: DataType) -> Option<Offer> {
        match data {
            DataType::Price | DataType::Technical => Some(Offer::new(1)),
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
        if data != DataType::Technical {
            return Err(ProviderError::not_offered(&self.config.name, data));
        }
        let mut answers = Vec::with_capacity(ids.len());
        for id in ids {
            answers.push(self.one_indicator(id).await);
        }
        from_single_calls(answers)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::parse::damaged::bodies;

    const BODIES: &[&str] = &[
        r#"{"Global Quote":{"01. symbol":"MSFT","02. open":"112.6","03. high":"113.1","04. low":"110.6","05. price":"112.1","06. volume":"29062853","07. latest trading day":"2018-10-05","08. previous close":"112.7"}}"#,
        r#"{"Realtime Currency Exchange Rate":{"1. From_Currency Code":"BTC","3. To_Currency Code":"CNY","5. Exchange Rate":"109631.4","6. Last Refreshed":"2017-12-20 19:23:21","7. Time Zone":"UTC"}}"#,
        r#"{"Meta Data":{"2. Symbol":"MSFT","6. Time Zone":"US/Eastern"},"Time Series (1min)":{"2017-12-18 14:56:00":{"1. open":"86.4","2. high":"86.5","3. low":"86.4","4. close":"86.5","5. volume":"10494"}}}"#,
        r#"{"Meta Data":{"1: Symbol":"MSFT","7: Time Zone":"US/Eastern"},"Technical Analysis: SMA":{"2017-12-20 14:00":{"SMA":"85.2"}}}"#,
        r#"{"Information":"our standard API rate limit is 25 requests per day"}"#,
    ];

    proptest! {
        #[test]
        fn no_body_makes_reading_panic(body in bodies(BODIES)) {
            let (judge, asset) = (Plausibility::new(Clock::system()), "MSFT".parse::<Asset>().unwrap());
            let _ = quote::read_quote(&body).map(|said| said.map(|(_, raw_quote)| judge.quote(raw_quote, asset.clone())));
            let _ = quote::read_rate(&body).map(|(.., raw_quote)| judge.quote(raw_quote, asset));
            let _ = (series::read(&body), series::read_indicator(&body));
        }
    }
}
