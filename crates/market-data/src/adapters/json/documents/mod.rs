//! Documents of a JSON API: asked for by asset and parameters, one by one or in batches, and read by pointers.

pub(super) mod config;
mod fields;
mod parameters;

use std::{collections::BTreeMap, sync::Arc};

use jiff::tz::TimeZone;
use serde_json::Value;

use self::{config::JsonDocuments, fields::Fields, parameters::Parameters};
use super::{
    JsonSymbols,
    endpoint::{Endpoint, Wanted},
    items::{self, Items},
    pointer::{Pointer, Told},
    reading::found,
    setup::Setup,
    template::Placeholder,
};
use crate::{
    AdjustedCloses, Answer, Answers, Asset, DataType, DateRange, Dividends, Document, DocumentId, Invalid,
    ProviderError, ProviderErrorKind,
    formulas::DocumentDays,
    moment::from_jiff,
    parse::{ParseError, quote_stamp},
    provider::from_single_calls,
};

/// Where documents of one kind come from.
#[derive(Debug)]
pub(super) struct DocumentSource {
    pub(super) data: DataType,
    provider: String,
    pub(super) endpoint: Endpoint,
    /// The one asset that the URL is about.
    pub(super) asset: Option<Asset>,
    pub(super) max_batch: usize,
    parameters: Parameters,
    reader: Arc<DocumentReader>,
}

/// How bodies with documents are read.
#[derive(Debug)]
struct DocumentReader {
    data: DataType,
    zone: TimeZone,
    symbols: JsonSymbols,
    /// Where the items are; without, the whole body is the item.
    items: Option<Items>,
    value: Pointer,
    time: Option<Pointer>,
    fields: Option<Fields>,
}

impl DocumentSource {
    /// The documents of a kind, as configured; `None` if they can't be asked for.
    pub(super) fn new(setup: &mut Setup<'_>, data: DataType, documents: &JsonDocuments) -> Option<Self> {
        let config = setup.config;
        let field = format!("documents.{data}");
        if !data.is_document() {
            let kinds = DataType::ALL.iter().filter(|kind| kind.is_document());
            let kinds = kinds.map(|kind| kind.as_str()).collect::<Vec<_>>().join(", ");
            let priced = match data {
                DataType::Price => ", and quotes for prices",
                DataType::Ohlcv => ", and series for bars",
                _ => "",
            };
            let message =
                format!("{field}: {data} is no kind of document about an asset: there are {kinds}{priced}");
            setup.error(field, message);
            return None;
        }
        let asset = documents.asset.as_ref().and_then(|text| match data.read_asset(text) {
            Ok(asset) => Some(asset),
            Err(why) => {
                setup.error(format!("{field}.asset"), format!("{field}.asset: {why}"));
                None
            }
        });
        let needs: &[Placeholder] = match documents.asset {
            Some(_) => &[],
            None => &[Placeholder::Symbol, Placeholder::Symbols],
        };
        let lacks: &[Placeholder] = match takes_days(data) {
            true => &[Placeholder::Interval],
            false => &[Placeholder::From, Placeholder::To, Placeholder::Interval],
        };
        let example = if data.is_of_an_economy() { "REAL_GDP" } else { "AAPL" };
        let remedy = format!("; if it is about one alone, name that, as in asset: {example}");
        let url = format!("{field}.url");
        let endpoint = Endpoint::with_parameters(setup, &url, &documents.url, (needs, lacks), &remedy);
        if let Some(endpoint) = &endpoint {
            items::check_batches(setup, &field, documents.max_batch, endpoint);
            let by_symbol = endpoint.has(Placeholder::Symbol) || endpoint.has(Placeholder::Symbols);
            if documents.asset.is_some() && by_symbol {
                let message = format!("{field}.asset is for a URL of one asset, and {url} has a symbol");
                setup.error(format!("{field}.asset"), message);
            }
            if takes_days(data) && endpoint.parameters().any(|name| matches!(name, "from" | "to")) {
                let message = format!("{url}: write {{from}} and {{to}} for the days of {data}");
                setup.error(&url, message);
            }
        }
        let symbol = format!("{field}.symbol");
        let items = Items {
            items: setup.pointer(format!("{field}.items"), documents.items.as_deref().unwrap_or_default()),
            symbol: setup.optional(symbol.as_str(), documents.symbol.as_ref()),
            name: symbol.into(),
        };
        let value = setup.pointer(format!("{field}.value"), &documents.value);
        let time = setup.optional(format!("{field}.time"), documents.time.as_ref());
        let fields = documents.fields.as_ref().map(|fields| Fields::new(setup, data, fields));
        // Which parameters the URL has is known only of one that can be read.
        let endpoint = endpoint?;
        let parameters =
            Parameters::new(setup, &field, &documents.parameters, &endpoint.parameters().collect::<Vec<_>>());
        let in_items =
            documents.items.is_some() || documents.symbol.is_some() || endpoint.has(Placeholder::Symbols);
        let reader = DocumentReader {
            data,
            zone: setup.zone.clone(),
            symbols: config.symbols.clone(),
            items: in_items.then_some(items),
            value,
            time,
            fields: fields.flatten(),
        };
        Some(Self {
            data,
            provider: config.name.clone(),
            asset,
            max_batch: documents.max_batch,
            parameters,
            endpoint,
            reader: Arc::new(reader),
        })
    }

    /// Asks for documents: for those of the same parameters in one call, where the API has batches. `always` is
    /// the range of days for a side that isn't given.
    pub(super) async fn answers(&self, ids: &[DocumentId], always: DateRange) -> Answers<Document> {
        let mut answers = BTreeMap::new();
        for group in self.groups(ids) {
            let asked: Vec<&DocumentId> = group.iter().map(|at| &ids[*at]).collect();
            match self.ask(&asked, always).await {
                Ok(told) => answers.extend(group.into_iter().zip(told.into_iter().map(Ok))),
                Err(error) => answers.extend(group.into_iter().map(|at| (at, Err(error.clone())))),
            }
        }
        from_single_calls(answers.into_values().collect())
    }

    /// Returns the positions of the ids that go into one call.
    fn groups(&self, ids: &[DocumentId]) -> Vec<Vec<usize>> {
        if !self.endpoint.has(Placeholder::Symbols) {
            return (0..ids.len()).map(|at| vec![at]).collect();
        }
        let mut groups = BTreeMap::<_, Vec<usize>>::new();
        for (at, id) in ids.iter().enumerate() {
            groups.entry(&id.parameters).or_default().push(at);
        }
        groups.into_values().collect()
    }

    /// Makes one call for ids of the same parameters.
    async fn ask(&self, ids: &[&DocumentId], always: DateRange) -> Answers<Document> {
        let unknown = || Ok(ids.iter().map(|_| Answer::Unknown).collect());
        let Some(first) = ids.first() else { return unknown() };
        if self.asset.as_ref().is_some_and(|asset| *asset != first.asset) {
            return unknown();
        }
        let (days, parameters) = self.told(first).map_err(|why| {
            let message = format!("{} can't be asked for {} of {first}: {why}", self.provider, self.data);
            ProviderError::new(ProviderErrorKind::BadRequest, message)
        })?;
        let from = days.from.unwrap_or_else(|| always.from.min(days.to.unwrap_or(always.from)));
        let range = DateRange { from, to: days.to.unwrap_or_else(|| always.to.max(from)) };
        let assets: Vec<&Asset> = ids.iter().map(|id| &id.asset).collect();
        let wanted = Wanted { assets: &assets, range, interval: "", parameters: &parameters };
        let Some((body, reply)) = self.endpoint.ask(&wanted).await? else { return unknown() };
        let assets: Vec<Asset> = assets.into_iter().cloned().collect();
        let reader = Arc::clone(&self.reader);
        let bad = |why: ParseError| reply.error(ProviderErrorKind::BadAnswer, &why.to_string());
        let told = reply.parse(move |_| reader.documents(&body, &assets, days)).await?.map_err(bad)?;
        let Some(told) = told else {
            self.endpoint.nothing_of::<()>(ids.len(), "doesn't know")?;
            return unknown();
        };
        let answer = |told: Result<_, ParseError>| match told {
            Ok(document) => Answer::from(document),
            Err(why) => Answer::Failed(bad(why)),
        };
        Ok(told.into_iter().map(answer).collect())
    }

    /// Returns the days that an id asks for, and what the API is told for its other parameters.
    fn told(&self, id: &DocumentId) -> Result<(DocumentDays, BTreeMap<String, String>), Invalid> {
        let is_day = |name: &String| takes_days(self.data) && matches!(name.as_str(), "from" | "to");
        let (days, others) = id.parameters.clone().into_iter().partition(|(name, _)| is_day(name));
        let days = DocumentId { asset: id.asset.clone(), parameters: days };
        Ok((DocumentDays::of(&days)?, self.parameters.told(&others)?))
    }
}

/// Returns whether documents of a kind are of some days, whether or not the API can be asked for these alone.
fn takes_days(data: DataType) -> bool {
    matches!(data, DataType::Dividend | DataType::AdjustedClose)
}

/// What a body has of one asset: a document, or none.
type ReadDocument = Result<Option<Document>, ParseError>;

impl DocumentReader {
    /// Returns what a body has of each asset; `None` if it has a `null` in place of all.
    ///
    /// # Errors
    ///
    /// If the items can't be told apart.
    fn documents(
        &self,
        body: &Value,
        assets: &[Asset],
        days: DocumentDays,
    ) -> Result<Option<Vec<ReadDocument>>, ParseError> {
        let Some(items) = &self.items else {
            return Ok(Some(assets.iter().map(|asset| self.document(body, asset, days)).collect()));
        };
        let items = match found(&items.items, body)? {
            // An object with a symbol of its own is the one item.
            Some(told) => {
                items.split(told, items.symbol.as_ref().is_some_and(|symbol| symbol.find(told).is_some()))?
            }
            None => return Ok(None),
        };
        let one = |asset: &Asset| {
            let mut said = items.of(asset, assets.len(), &self.symbols)?.into_iter();
            let Some(first) = said.next() else { return Ok(None) };
            match said.all(|other| other == first) {
                true => self.document(first, asset, days),
                false => Err(ParseError::new(format!("two items of {asset} contradict each other"))),
            }
        };
        Ok(Some(assets.iter().map(one).collect()))
    }

    /// Returns the document in an item; `None` if it says that there is none.
    fn document(
        &self,
        item: &Value,
        asset: &Asset,
        days: DocumentDays,
    ) -> Result<Option<Document>, ParseError> {
        let Some(told) = found(&self.value, item)? else { return Ok(None) };
        let made = match &self.fields {
            Some(fields) => fields.document(asset.clone(), told, &self.zone)?,
            None => {
                self.data.check_body(told).map_err(|why| {
                    let wanted = format!("describe where it is in documents.{}.fields", self.data);
                    ParseError::new(format!("{} is no {}: {why}; {wanted}", self.value.field(), self.data))
                })?;
                Some(Document::new(asset.clone(), told.clone()))
            }
        };
        let Some(document) = made else { return Ok(None) };
        let document = cut(self.data, document, days)?;
        let time = match &self.time {
            Some(pointer) if pointer.find(told).is_some() => Some(pointer.time(told, quote_stamp)?),
            _ => None,
        };
        let moment = |told| match told {
            Told::Moment(at) => Some(from_jiff(at)),
            Told::Day(day) => {
                day.to_zoned(self.zone.clone()).ok().map(|midnight| from_jiff(midnight.timestamp()))
            }
        };
        Ok(Some(Document { time: time.and_then(moment), ..document }))
    }
}

/// Leaves out what lies outside of the days that were asked for.
fn cut(data: DataType, document: Document, days: DocumentDays) -> Result<Document, Invalid> {
    if days == DocumentDays::default() {
        return Ok(document);
    }
    match data {
        DataType::Dividend => {
            let mut told: Dividends = document.read()?;
            told.dividends.retain(|one| days.contains(one.date));
            told.splits.retain(|one| days.contains(one.date));
            Document::of(document.asset, &told)
        }
        DataType::AdjustedClose => {
            let mut told: AdjustedCloses = document.read()?;
            told.closes.retain(|one| days.contains(one.date));
            Document::of(document.asset, &told)
        }
        _ => Ok(document),
    }
}

#[cfg(test)]
mod tests {
    use cache_core::Clock;
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::{JsonConfig, parse::damaged};

    const BODIES: &[&str] = &[
        r#"{"data":[{"s":"A","list":[{"d":"2020-01-02","v":1.5,"w":"2"},{"d":1578268800,"v":"1.6"}],"n":"x","at":1578268800}]}"#,
        r#"{"data":{"A":{"list":{"2020-01-02":{"d":"2020-01-02","v":2}},"n":null},"B":{"list":[]}}}"#,
        r#"{"data":[{"s":"A","list":[{"d":"2020-01-02T20:00:00Z","v":"."}],"splits":[{"d":"2020-01-02","r":"4:1"}]}]}"#,
    ];

    fn source(data: DataType, fields: Value) -> DocumentSource {
        let config = json!({"name": "acme", "markets": ["US"], "documents": {(data.as_str()): {
            "url": "https://x.example/{symbols}", "max_batch": 2, "items": "/data", "symbol": "/s", "time": "/at", "fields": fields,
        }}});
        let config: JsonConfig = serde_json::from_value(config).unwrap();
        let mut setup = Setup::new(&config, Clock::manual());
        let source = DocumentSource::new(&mut setup, data, &config.documents[&data]);
        setup.end(source).unwrap()
    }

    proptest! {
        /// Whatever a body says, it is a document of the common shape, or it is refused.
        #[test]
        fn a_damaged_body_makes_no_document_of_another_shape(body in damaged::bodies(BODIES)) {
            let splits = json!({"list": "/splits", "date": "/d", "ratio": "/r"});
            let sources = [
                source(DataType::Dividend, json!({"list": "/list", "date": "/d", "amount": "/v", "splits": splits})),
                source(DataType::AdjustedClose, json!({"list": "/list", "adjusted_close": "/v", "close": "/w", "currency": "/n"})),
                source(DataType::Macro, json!({"list": "/list", "date": "/d", "value": "/v", "name": "/n"})),
            ];
            let Ok(body) = serde_json::from_slice::<Value>(&body) else { return Ok(()) };
            let assets = ["A", "B"].map(|asset| asset.parse().unwrap());
            let days = DocumentDays { from: Some(jiff::civil::date(2020, 1, 1)), to: None };
            for source in sources {
                for days in [DocumentDays::default(), days] {
                    let told = source.reader.documents(&body, &assets, days).unwrap_or_default();
                    for document in told.into_iter().flatten().flatten().flatten() {
                        source.data.check_body(&document.body).unwrap();
                        prop_assert!(assets.contains(&document.asset));
                    }
                }
            }
        }
    }
}
