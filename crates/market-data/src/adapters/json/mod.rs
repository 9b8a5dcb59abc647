//! The adapter of any JSON API that a user describes.

mod config;
mod documents;
mod endpoint;
mod items;
mod pointer;
mod reading;
mod symbols;
mod template;
mod unambiguous;

use std::collections::BTreeMap;

use async_trait::async_trait;
use cache_core::{Clock, Result};
use jiff::{civil::Date, tz::TimeZone};

pub use self::{
    config::{JsonConfig, JsonKey, JsonQuotes, JsonSeries, KeyPlace},
    documents::config::{JsonDocuments, JsonFields, JsonParameter, JsonSplits},
    symbols::{JsonSymbols, SymbolCase},
    unambiguous::Unambiguous,
};
use self::{
    documents::DocumentSource,
    endpoint::{Access, Endpoint, Wanted, wrong},
    reading::{BarFields, QuoteFields},
    template::Placeholder,
};
use crate::{
    Answer, Answers, Asset, AssetType, DataType, DateRange, Document, DocumentId, Interval, Market, Offer,
    Provider, ProviderError, ProviderErrorKind, Quote, Series, SeriesId,
    asset::names::refusal_of_unknown,
    parse::{Plausibility, now},
    provider::from_single_calls,
};

/// A JSON API that is described by a [`JsonConfig`].
///
/// Items of a batch are matched by the symbol they contain, never by their position; a symbol without an item is
/// unknown.
#[derive(Debug)]
pub struct JsonProvider {
    name: String,
    zone: TimeZone,
    markets: Option<Vec<Market>>,
    asset_types: Option<Vec<AssetType>>,
    symbols: JsonSymbols,
    quotes: Option<(Endpoint, QuoteFields, usize)>,
    series: Option<(Endpoint, BarFields, BTreeMap<Interval, String>)>,
    documents: BTreeMap<DataType, DocumentSource>,
    judge: Plausibility,
    clock: Clock,
}

impl JsonProvider {
    /// A provider of the API that `config` describes; nothing is asked yet.
    ///
    /// # Errors
    ///
    /// `Config`, with the name of the field: for a bad URL or pointer, a batch without `{symbols}`, a key
    /// that can't be read, no data to ask for, or symbols that could be of several markets.
    pub fn new(config: &JsonConfig, clock: Clock) -> Result<Self> {
        let access = Access::new(config)?;
        let zone = zone(config)?;
        let one: (&[Placeholder], &[Placeholder]) = (&[Placeholder::Symbol], &[Placeholder::Symbols]);
        let endpoint = |field: &str, url: &str, placeholders| {
            Endpoint::new(config, field, url, placeholders, &access, clock.clone())
        };

        let quotes = match &config.quotes {
            Some(quotes) => {
                let lacks = &[Placeholder::From, Placeholder::To, Placeholder::Interval];
                let endpoint = endpoint(
                    "quotes.url",
                    &quotes.url,
                    (&[Placeholder::Symbol, Placeholder::Symbols], lacks),
                )?;
                items::check_batches(config, "quotes", quotes.max_batch, &endpoint)?;
                Some((endpoint, QuoteFields::new(quotes)?, quotes.max_batch))
            }
            None => None,
        };
        let series = match &config.series {
            Some(series) => Some((
                endpoint("series.url", &series.url, one)?,
                BarFields::new(series)?,
                series.intervals.clone(),
            )),
            None => None,
        };
        let mut documents = BTreeMap::new();
        for (data, document) in &config.documents {
            let source = DocumentSource::new(config, *data, document, &zone, &access, clock.clone())?;
            documents.insert(*data, source);
        }
        let endpoints =
            quotes.iter().map(|(endpoint, ..)| endpoint).chain(series.iter().map(|(endpoint, ..)| endpoint));
        let endpoints: Vec<&Endpoint> =
            endpoints.chain(documents.values().map(|source| &source.endpoint)).collect();
        if endpoints.is_empty() {
            return Err(wrong(
                config,
                "there is nothing to ask for: describe quotes, series or documents".to_owned(),
            ));
        }
        let markets = config.markets.as_deref().unwrap_or_default();
        if let Some(why) = markets.iter().find_map(|market| refusal_of_unknown(*market)) {
            return Err(wrong(config, format!("markets {why}")));
        }
        let of_one = documents.values().filter(|source| source.asset.is_some()).count();
        let with_market = endpoints.iter().filter(|endpoint| endpoint.has(Placeholder::Market)).count();
        if markets.len() != 1 && of_one + with_market < endpoints.len() {
            let wanted = "name the one market whose symbols these are, or put {market} into each URL";
            return Err(wrong(config, format!("markets has {} names: {wanted}", markets.len())));
        }
        let usual = || {
            config
                .markets
                .as_ref()
                .map(|markets| markets.iter().map(|market| AssetType::usual_on(*market)).collect())
        };
        Ok(Self {
            zone,
            markets: config.markets.clone(),
            asset_types: config.asset_types.clone().or_else(usual),
            symbols: config.symbols.clone(),
            quotes,
            series,
            documents,
            name: config.name.clone(),
            judge: Plausibility::new(clock.clone()),
            clock,
        })
    }

    /// Returns all days there are.
    fn always(&self) -> DateRange {
        let today = now(&self.clock).to_zoned(self.zone.clone()).date();
        DateRange { from: Date::constant(1900, 1, 1).min(today), to: today }
    }

    async fn ask_quotes(&self, assets: &[&Asset]) -> Answers<Quote> {
        let Some((endpoint, fields, _)) = &self.quotes else {
            return Err(ProviderError::not_offered(&self.name, DataType::Price));
        };
        let none = BTreeMap::new();
        let Some((body, reply)) =
            endpoint.ask(&Wanted { assets, range: self.always(), interval: "", parameters: &none }).await?
        else {
            return Ok(assets.iter().map(|_| Answer::Unknown).collect());
        };
        let bad = |why: String| reply.error(ProviderErrorKind::BadAnswer, &why);
        let items = fields.items(&body).map_err(|why| bad(why.to_string()))?;
        let now = now(&self.clock);
        let answer = |asset: &&Asset| {
            let its = match items.of(asset, assets.len(), &self.symbols) {
                Ok(its) if its.is_empty() => return Answer::Unknown,
                Ok(its) => its,
                Err(why) => return Answer::Failed(bad(why.to_string())),
            };
            let raw_quotes = its.into_iter().map(|item| fields.raw_quote(item, &self.zone, now));
            match self.judge.only(raw_quotes).and_then(|raw_quote| {
                raw_quote.map(|raw_quote| self.judge.quote(raw_quote, (*asset).clone())).transpose()
            }) {
                Ok(quote) => quote.into(),
                Err(why) => Answer::Failed(bad(format!("{asset}: {why}"))),
            }
        };
        Ok(assets.iter().map(answer).collect())
    }

    async fn one_series(&self, id: &SeriesId) -> Result<Answer<Series>, ProviderError> {
        let Some((endpoint, fields, intervals)) = &self.series else {
            return Err(ProviderError::not_offered(&self.name, DataType::Ohlcv));
        };
        let Some(interval) = intervals.get(&id.interval) else {
            let message = format!("{} offers no bars of {}", self.name, id.interval);
            return Err(ProviderError::new(ProviderErrorKind::NotOffered, message));
        };
        let range = id.range.unwrap_or_else(|| self.always());
        let none = BTreeMap::new();
        let wanted = Wanted { assets: &[&id.asset], range, interval, parameters: &none };
        let Some((body, reply)) = endpoint.ask(&wanted).await? else { return Ok(Answer::Unknown) };
        let (fields, asked) = (fields.clone(), id.clone());
        let (zone, judge) = (self.zone.clone(), self.judge.clone());
        match reply.parse(move |_| fields.series(&asked, &body, &zone, &judge)).await? {
            Ok(series) => Ok(series.into()),
            Err(why) => Ok(Answer::Failed(reply.error(ProviderErrorKind::BadAnswer, &why.to_string()))),
        }
    }

    fn narrowed(&self, offer: Offer) -> Offer {
        let offer = match &self.markets {
            Some(markets) => offer.markets(markets.iter().copied()),
            None => offer,
        };
        match &self.asset_types {
            Some(types) => offer.asset_types(types.iter().copied()),
            None => offer,
        }
    }
}

fn zone(config: &JsonConfig) -> Result<TimeZone> {
    let Some(name) = &config.zone else { return Ok(TimeZone::UTC) };
    let message = || format!("zone: there is no time zone {name:?}: name one such as Europe/London");
    TimeZone::get(name).map_err(|_| wrong(config, message()))
}

#[async_trait]
impl Provider for JsonProvider {
    fn name(&self) -> &str {
        &self.name
    }

    fn offer(&self, data: DataType) -> Option<Offer> {
        let offer = match data {
            DataType::Price => Offer::new(self.quotes.as_ref()?.2),
            DataType::Ohlcv => Offer::new(1).intervals(self.series.as_ref()?.2.keys().copied()),
            _ => Offer::new(self.documents.get(&data)?.max_batch),
        };
        let offer = self.narrowed(offer);
        // Series of an economy are named like indices, whatever is traded on the markets of the API.
        Some(if data.is_of_an_economy() { offer.asset_types([AssetType::Index]) } else { offer })
    }

    fn implausible(&self) -> u64 {
        self.judge.refused()
    }

    async fn quotes(&self, assets: &[Asset]) -> Answers<Quote> {
        if self.quotes.as_ref().is_some_and(|(endpoint, ..)| endpoint.has(Placeholder::Symbols)) {
            return self.ask_quotes(&assets.iter().collect::<Vec<_>>()).await;
        }
        let mut answers = Vec::with_capacity(assets.len());
        for asset in assets {
            let answer = self.ask_quotes(&[asset]).await;
            answers.push(answer.map(|mut answers| answers.pop().unwrap_or(Answer::Unknown)));
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
        match self.documents.get(&data) {
            Some(source) => source.answers(ids, self.always()).await,
            None => Err(ProviderError::not_offered(&self.name, data)),
        }
    }
}
