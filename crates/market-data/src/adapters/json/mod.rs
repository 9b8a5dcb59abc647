//! The adapter of any JSON API that a user describes.

mod config;
mod documents;
mod endpoint;
mod items;
mod pointer;
mod reading;
mod setup;
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
    setup::JsonConfigError,
    symbols::{JsonSymbols, SymbolCase},
    unambiguous::Unambiguous,
};
use self::{
    documents::DocumentSource,
    endpoint::{Endpoint, Wanted},
    reading::{BarFields, QuoteFields},
    setup::Setup,
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
    /// `Config`, with all of [`JsonConfig::errors`]: a bad URL or pointer, a batch without `{symbols}`, a key that
    /// can't be read, no data to ask for, symbols that could be of several markets.
    pub fn new(config: &JsonConfig, clock: Clock) -> Result<Self> {
        let mut setup = Setup::new(config, clock);
        let provider = Self::read(&mut setup);
        setup.end(provider)
    }

    /// Reads all parts of a description, and adds what is wrong to its errors.
    fn read(setup: &mut Setup<'_>) -> Option<Self> {
        let config = setup.config;
        let quotes = config.quotes.as_ref().map(|quotes| {
            let needs = &[Placeholder::Symbol, Placeholder::Symbols];
            let lacks = &[Placeholder::From, Placeholder::To, Placeholder::Interval];
            let endpoint = Endpoint::new(setup, "quotes.url", &quotes.url, (needs, lacks));
            if let Some(endpoint) = &endpoint {
                items::check_batches(setup, "quotes", quotes.max_batch, endpoint);
            }
            let fields = QuoteFields::new(setup, quotes);
            Some((endpoint?, fields, quotes.max_batch))
        });
        let series = config.series.as_ref().map(|series| {
            let one: (&[Placeholder], &[Placeholder]) = (&[Placeholder::Symbol], &[Placeholder::Symbols]);
            let endpoint = Endpoint::new(setup, "series.url", &series.url, one);
            let fields = BarFields::new(setup, series);
            Some((endpoint?, fields, series.intervals.clone()))
        });
        let documents: Vec<Option<DocumentSource>> = config
            .documents
            .iter()
            .map(|(data, document)| DocumentSource::new(setup, *data, document))
            .collect();
        if quotes.is_none() && series.is_none() && documents.is_empty() {
            setup.error("", "there is nothing to ask for: describe quotes, series or documents");
        }
        let markets = config.markets.as_deref().unwrap_or_default();
        for why in markets.iter().filter_map(|market| refusal_of_unknown(*market)) {
            setup.error("markets", format!("markets {why}"));
        }
        let of_symbols = documents.iter().flatten().filter(|source| source.asset.is_none());
        let of_symbols = (quotes.iter().flatten().map(|(endpoint, ..)| endpoint))
            .chain(series.iter().flatten().map(|(endpoint, ..)| endpoint))
            .chain(of_symbols.map(|source| &source.endpoint));
        if markets.len() != 1 && !{ of_symbols }.all(|endpoint| endpoint.has(Placeholder::Market)) {
            let wanted = "name the one market whose symbols these are, or put {market} into each URL";
            setup.error("markets", format!("markets has {} names: {wanted}", markets.len()));
        }
        let usual = || {
            config
                .markets
                .as_ref()
                .map(|markets| markets.iter().map(|market| AssetType::usual_on(*market)).collect())
        };
        Some(Self {
            zone: setup.zone.clone(),
            markets: config.markets.clone(),
            asset_types: config.asset_types.clone().or_else(usual),
            symbols: config.symbols.clone(),
            quotes: quotes.flatten(),
            series: series.flatten(),
            documents: documents.into_iter().flatten().map(|source| (source.data, source)).collect(),
            name: config.name.clone(),
            judge: Plausibility::new(setup.clock.clone()),
            clock: setup.clock.clone(),
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
        let wanted = Wanted { assets, range: self.always(), interval: "", parameters: &none };
        let Some((body, reply)) = endpoint.ask(&wanted).await? else {
            return Ok(assets.iter().map(|_| Answer::Unknown).collect());
        };
        let bad = |why: String| reply.error(ProviderErrorKind::BadAnswer, &why);
        let items = fields.items(&body).map_err(|why| bad(why.to_string()))?;
        if items.is_null {
            endpoint.nothing_of::<()>(assets.len(), "doesn't know")?;
        }
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

#[async_trait]
impl Provider for JsonProvider {
    fn name(&self) -> &str {
        &self.name
    }

    fn offer(&self, data: DataType) -> Option<Offer> {
        let offer = match data {
            DataType::Price => Offer::new(self.quotes.as_ref()?.2),
            DataType::Ohlcv => Offer::new(1).intervals(self.series.as_ref()?.2.keys().copied()),
            _ => {
                let source = self.documents.get(&data)?;
                let offer = Offer::new(source.max_batch);
                match &source.asset {
                    // A URL of one asset: another provider may have the others.
                    Some(asset) => return Some(offer.assets([asset.clone()])),
                    None => offer,
                }
            }
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
