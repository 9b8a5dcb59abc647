//! Yahoo Finance: quotes in batches, bars, dividends and splits by chart, fundamentals by summary.

mod chart;
mod config;
mod crumb;
mod documents;
mod error_body;
mod events;
mod fundamentals;
mod history;
mod quote;
mod symbol;

use std::{collections::BTreeSet, sync::Arc};

use async_trait::async_trait;
use cache_core::{Clock, Error, ErrorKind, Result};

pub use self::config::YahooConfig;
use self::{
    chart::{Chart, Said},
    crumb::{Credentials, CrumbStore},
};
use crate::{
    Answer, Answers, Asset, DataType, DateRange, Document, DocumentId, Interval, Offer, Provider,
    ProviderError, ProviderErrorKind, Quote, Series, SeriesId,
    http::{HttpClient, HttpClientConfig, HttpReply, HttpRequest},
    parse::{Plausibility, now},
    provider::from_single_calls,
};

/// Yahoo Finance.
///
/// Quotes come in batches of up to 50, all else one asset a call. Documents are dividends with splits
/// ([`Dividends`](crate::Dividends)) and adjusted closes ([`AdjustedCloses`](crate::AdjustedCloses)), which take
/// the days `from` and `to`; and fundamentals by `statement`, one of `overview`, `income`, `balance`, `cash_flow`,
/// `earnings`, whose bodies hold Yahoo's modules by name.
///
/// Yahoo's name of an asset follows from its market and type; a symbol that is Yahoo's own, such as `VOD.L` or
/// `^GSPC`, is kept. London's prices are in pence (`GBp`), as Yahoo gives them. A name without a price is unknown.
///
/// ```no_run
/// use cache_core::Clock;
/// use market_data::{Provider, YahooConfig, YahooProvider};
///
/// # async fn ask() -> Result<(), Box<dyn std::error::Error>> {
/// let yahoo = YahooProvider::new(YahooConfig::default(), Clock::system())?;
/// for answer in yahoo.quotes(&["AAPL".parse()?, "VOD@XLON".parse()?]).await? {
///     println!("{:?}", answer.value().map(|quote| quote.price));
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct YahooProvider {
    name: String,
    api: HttpClient,
    crumbs: CrumbStore,
    max_batch: usize,
    judge: Plausibility,
    clock: Clock,
}

impl YahooProvider {
    /// A provider that asks Yahoo; nothing is asked yet.
    ///
    /// # Errors
    ///
    /// `Config` for an invalid URL or limit.
    pub fn new(config: YahooConfig, clock: Clock) -> Result<Self> {
        if !(1..=YahooConfig::MOST).contains(&config.max_batch) {
            let message =
                format!("max_batch of {} is {}: Yahoo answers 1 to 50", config.name, config.max_batch);
            return Err(Error::new(ErrorKind::Config, "yahoo", message));
        }
        let client = |url: &str| {
            let settings = config.http.settings(url);
            let browser = config.http.user_agent.is_none().then(|| "Mozilla/5.0".to_owned());
            let user_agent = browser.unwrap_or_else(|| settings.user_agent.clone());
            HttpClient::new(&config.name, HttpClientConfig { user_agent, ..settings }, clock.clone())
        };
        let api = client(&config.base_url)?;
        let crumbs = CrumbStore::new(api.clone(), client(&config.cookie_url)?);
        Ok(Self {
            api,
            crumbs,
            max_batch: config.max_batch,
            judge: Plausibility::new(clock.clone()),
            name: config.name,
            clock,
        })
    }

    /// Returns Yahoo's name of an asset; `None` if it has none.
    ///
    /// ```
    /// use market_data::YahooProvider;
    ///
    /// assert_eq!(YahooProvider::symbol(&"BRK.B".parse()?).as_deref(), Some("BRK-B"));
    /// assert_eq!(YahooProvider::symbol(&"700@XHKG".parse()?).as_deref(), Some("0700.HK"));
    /// assert_eq!(YahooProvider::asset("EURUSD=X"), "EUR_USD@FX".parse().ok());
    /// # Ok::<(), market_data::Invalid>(())
    /// ```
    #[must_use]
    pub fn symbol(asset: &Asset) -> Option<String> {
        symbol::named(asset)
    }

    /// Returns the asset of one of Yahoo's names. Shares, funds and ETFs have names alike: the asset is the share.
    #[must_use]
    pub fn asset(symbol: &str) -> Option<Asset> {
        symbol::asset(symbol)
    }

    /// Asks for the quotes of names.
    async fn ask_quotes(&self, names: &BTreeSet<String>) -> Result<HttpReply, ProviderError> {
        let symbols = names.iter().map(String::as_str).collect::<Vec<_>>().join(",");
        let call = HttpRequest::get(["v7", "finance", "quote"]).query("symbols", symbols);
        self.send_with_pass(&call).await?.succeeded()
    }

    /// Sends a request with cookie and crumb, with new ones if the current ones are refused.
    async fn send_with_pass(&self, call: &HttpRequest) -> Result<HttpReply, ProviderError> {
        let with = |pass: &Credentials| {
            call.clone().secret_query("crumb", &pass.crumb).secret_header("cookie", &pass.cookie)
        };
        let pass = self.crumbs.pass(None).await?;
        let reply = self.api.send(&with(&pass)).await?;
        if reply.status != 401 {
            return Ok(reply);
        }
        let pass: Arc<Credentials> = self.crumbs.pass(Some(&pass)).await?;
        self.api.send(&with(&pass)).await
    }

    /// Asks for the chart of an asset.
    async fn chart(
        &self,
        asset: &Asset,
        interval: Interval,
        range: Option<DateRange>,
    ) -> Result<Found, ProviderError> {
        let Some(name) = symbol::named(asset) else { return Ok(Found::Unknown) };
        let call = history::call(&name, interval, range, now(&self.clock)).ok_or_else(|| {
            ProviderError::new(
                ProviderErrorKind::NotOffered,
                format!("{} offers no bars of {interval}", self.name),
            )
        })?;
        let reply = self.api.send(&call).await?;
        if !reply.is_success() && !matches!(reply.status, 400 | 404 | 422) {
            return Err(reply.failure());
        }
        match reply.parse(chart::read).await? {
            Ok(Said::Chart(chart)) if !history::is_of(&chart, interval) => {
                let told = chart.granularity.unwrap_or_default();
                Err(reply
                    .error(ProviderErrorKind::BadAnswer, &format!("bars of {told:?} in place of {interval}")))
            }
            Ok(Said::Chart(chart)) if symbol::same(&chart.name, &name) => {
                Ok(Found::Chart(Box::new(chart), reply))
            }
            Ok(Said::Chart(chart)) => {
                Err(reply
                    .error(ProviderErrorKind::BadAnswer, &format!("{:?} in place of {name}", chart.name)))
            }
            Ok(Said::Nothing) => Ok(Found::Nothing),
            Ok(Said::Unknown) => Ok(Found::Unknown),
            Err(why) if reply.is_success() => {
                Err(reply.error(ProviderErrorKind::BadAnswer, &why.to_string()))
            }
            Err(_) => Err(reply.failure()),
        }
    }

    async fn one_series(&self, id: &SeriesId) -> Result<Answer<Series>, ProviderError> {
        let first = history::complete_from(id.interval, now(&self.clock));
        if let Some((first, range)) = first.zip(id.range).filter(|(first, range)| range.to < *first) {
            let what = format!("{} has bars of {} from {first} on, none up to", self.name, id.interval);
            let error = ProviderError::new(ProviderErrorKind::NotOffered, format!("{what} {}", range.to));
            return Ok(Answer::Failed(error));
        }
        let whole = |series: Series| {
            let cut = id.range.is_none_or(|range| first.is_some_and(|first| range.from < first));
            Series { complete_from: first.filter(|_| cut), ..series }
        };
        Ok(match self.chart(&id.asset, id.interval, id.range).await? {
            Found::Chart(chart, reply) => match history::series(id, &chart, &self.judge) {
                Ok(series) => Answer::Value(whole(series)),
                Err(why) => Answer::Failed(reply.error(ProviderErrorKind::BadAnswer, &why.to_string())),
            },
            Found::Nothing => Answer::Value(whole(Series::new(id.asset.clone(), id.interval, Vec::new()))),
            Found::Unknown => Answer::Unknown,
        })
    }
}

enum Found {
    Chart(Box<Chart>, HttpReply),
    Nothing,
    Unknown,
}

#[async_trait]
impl Provider for YahooProvider {
    fn name(&self) -> &str {
        &self.name
    }

    fn offer(&self, data: DataType) -> Option<Offer> {
        match data {
            DataType::Price => Some(Offer::new(self.max_batch)),
            DataType::Ohlcv => {
                Some(Offer::new(1).intervals(history::INTERVALS.iter().map(|(interval, _)| *interval)))
            }
            DataType::Dividend | DataType::AdjustedClose | DataType::Fundamentals => Some(Offer::new(1)),
            _ => None,
        }
    }

    fn implausible(&self) -> u64 {
        self.judge.refused()
    }

    async fn quotes(&self, assets: &[Asset]) -> Answers<Quote> {
        let names: Vec<Option<String>> = assets.iter().map(symbol::named).collect();
        let asked: BTreeSet<String> = names.iter().flatten().cloned().collect();
        if asked.is_empty() {
            return Ok(assets.iter().map(|_| Answer::Unknown).collect());
        }
        let reply = self.ask_quotes(&asked).await?;
        let said = reply
            .parse(quote::read)
            .await?
            .map_err(|why| reply.error(ProviderErrorKind::BadAnswer, &why.to_string()))?;
        let answer = |(asset, name): (&Asset, Option<String>)| {
            let Some(name) = name else { return Answer::Unknown };
            let its = said.iter().filter(|(told, _)| symbol::same(told, &name)).map(|(_, said)| said.clone());
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
        let mut answers = Vec::with_capacity(ids.len());
        for id in ids {
            answers.push(match data {
                DataType::Dividend | DataType::AdjustedClose => self.one_of_chart(data, id).await,
                DataType::Fundamentals => self.one_of_summary(id).await,
                _ => return Err(ProviderError::not_offered(&self.name, data)),
            });
        }
        from_single_calls(answers)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::parse::damaged::bodies;

    const QUOTES: &[&str] = &[
        r#"{"quoteResponse":{"result":[{"symbol":"AAPL","regularMarketPrice":244.6,"regularMarketTime":1739566800,"regularMarketVolume":40896227,"exchangeTimezoneName":"America/New_York","currency":"USD","bid":244.44},{"symbol":"BABA","regularMarketPrice":124.7,"regularMarketTime":1739566802}],"error":null}}"#,
        r#"{"finance":{"result":null,"error":{"code":"Unauthorized","description":"Invalid Crumb"}}}"#,
    ];
    const CHARTS: &[&str] = &[
        r#"{"chart":{"result":[{"meta":{"symbol":"X","currency":"USD","exchangeTimezoneName":"Asia/Tokyo"},"timestamp":[1577975400,1578061800],"events":{"dividends":{"1":{"amount":0.5,"date":1577975400}},"splits":{"1":{"date":1577975400,"numerator":4,"denominator":1}}},"indicators":{"quote":[{"open":[1,2],"high":[2,3],"low":[1,1],"close":[1.5,2.5],"volume":[7,null]}],"adjclose":[{"adjclose":[1.5,2.5]}]}}],"error":null}}"#,
        r#"{"chart":{"result":null,"error":{"code":"Not Found","description":"No data found, symbol may be delisted"}}}"#,
    ];

    const SUMMARIES: &[&str] = &[
        r#"{"quoteSummary":{"result":[{"price":{"symbol":"X","regularMarketPrice":244.6},"assetProfile":{"sector":"Technology"}}],"error":null}}"#,
        r#"{"quoteSummary":{"result":null,"error":{"code":"Not Found","description":"No fundamentals data found"}}}"#,
    ];

    proptest! {
        #[test]
        fn no_summary_makes_reading_panic_or_is_of_another(body in bodies(SUMMARIES)) {
            if let Ok(Some(summary)) = fundamentals::read(&body) {
                let told = summary.get("price").and_then(|price| price["symbol"].as_str()).map(str::to_owned);
                let taken = fundamentals::checked(&summary, "X", &["price"]).is_ok();
                prop_assert!(!taken || told.is_none_or(|told| told.eq_ignore_ascii_case("X")));
            }
        }

        #[test]
        fn no_body_makes_reading_panic_or_tells_a_price_that_is_none(quotes in bodies(QUOTES), charts in bodies(CHARTS)) {
            let (judge, asset) = (Plausibility::new(Clock::system()), "X".parse::<Asset>().unwrap());
            for (_, raw_quote) in quote::read(&quotes).into_iter().flatten() {
                if let Ok(Some(raw_quote)) = raw_quote {
                    let _ = judge.quote(raw_quote, asset.clone()).map(|quote| assert!(quote.price >= 0.0 && quote.price < 1e16));
                }
            }
            if let Ok(Said::Chart(chart)) = chart::read(&charts) {
                for interval in ["1m", "1d", "1w", "1mo"] {
                    let series = history::series(&format!("X:{interval}").parse().unwrap(), &chart, &judge);
                    let bars = series.map(|series| series.bars).unwrap_or_default();
                    prop_assert!(bars.iter().all(|bar| bar.low >= 0.0 && bar.low <= bar.high));
                    prop_assert!(bars.windows(2).all(|pair| pair[0].time < pair[1].time));
                }
                let told = documents::dividends(Some(&chart), crate::formulas::DocumentDays::default()).unwrap_or_default();
                if let Ok(document) = crate::Document::of("X".parse().unwrap(), &told) {
                    prop_assert_eq!(document.read::<crate::Dividends>().unwrap(), told);
                }
            }
        }
    }
}
