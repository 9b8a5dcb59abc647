//! Many values of any kinds in one request.

use std::{collections::BTreeMap, sync::Arc};

use axum::{Extension, body::Bytes, extract::State, http::Uri, response::Response};
use cache_core::{Error, ErrorKind};
use cache_market::{MarketLookup, StandardKey};
use market_data::{DataType, Document, Quote, Unambiguous};
use serde::{Deserialize, Serialize};
use serde_json::{
    Map, Value,
    value::{RawValue, to_raw_value},
};

use super::{
    bars::{Bars, WantedBars, annotated},
    documents,
    kinds::offered_kind,
    offered_asset,
    parameters::document_key,
    quotes,
};
use crate::{
    app::App,
    http::{
        guard::Caller,
        problem::{Problem, ProblemKind, public_text},
        query::{QueryParams, echo},
    },
    routes::response::{Annotated, AnswerRoom, uncacheable},
};

/// The largest number of items in a request.
const MAX_ITEMS: usize = 500;
/// How many of them may ask for what has a value for each of thousands of days: bars, adjusted closes, indicators.
const MAX_SERIES: usize = 100;

/// `POST /v1/batch` of `{"items": [{"kind": "price", "id": "AAPL"}]}`, or of the list alone
pub(super) async fn answer(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    uri: Uri,
    body: Bytes,
) -> Result<Response, Problem> {
    QueryParams::read(uri.query(), &[])?;
    let mut series = 0;
    let wanted: Vec<Result<Wanted, Refused>> =
        items(&body)?.into_iter().map(|item| Wanted::read(&app, item, &mut series)).collect();
    let keys: Vec<StandardKey> = wanted.iter().flatten().map(|wanted| wanted.key.clone()).collect();
    let mut found = app.regions().look_up(&keys).await.into_iter();
    let found: Vec<Option<Result<MarketLookup, Error>>> =
        wanted.iter().map(|wanted| wanted.as_ref().ok().and_then(|_| found.next())).collect();
    let items = wanted.iter().zip(&found).map(|(wanted, found)| match (wanted, found) {
        (Ok(wanted), Some(found)) => wanted.answered(&app, found, caller),
        (Ok(wanted), None) => unreachable!("one answer a key: {wanted:?}"),
        (Err(Refused { kind, id, why }), _) => Answered::new(kind, id, Content::invalid(why.clone())),
    });
    let mut room = AnswerRoom::new();
    let mut told = Vec::with_capacity(wanted.len());
    for item in items {
        let (kind, id) = (item.kind, item.id);
        told.push(match room.take(&item)? {
            Some(text) => text,
            None => to_raw_value(&Answered::new(kind, id, Content::TooLarge { error: AnswerRoom::full() }))
                .map_err(|error| Problem::new(ProblemKind::Internal, error.to_string()))?,
        });
    }
    uncacheable(&Answers { items: told })
}

/// Reads the items of a body: its list, or the list `items` of its object.
fn items(body: &[u8]) -> Result<Vec<Value>, Problem> {
    let invalid = |why: String| {
        let expected = r#"{"items": [{"kind": "price", "id": "AAPL"}]}, or the list alone"#;
        Problem::new(ProblemKind::InvalidBody, format!("the body {why}; give {expected}"))
    };
    let Unambiguous(body) = serde_json::from_slice(body)
        .map_err(|error| invalid(format!("is no JSON that can be read: {error}")))?;
    let list = match body {
        Value::Object(mut members) if members.len() == 1 => members.remove("items").unwrap_or_default(),
        other => other,
    };
    let Value::Array(items) = list else { return Err(invalid("has no list of items".to_owned())) };
    if items.len() > MAX_ITEMS {
        return Err(invalid(format!("has {} items, the limit is {MAX_ITEMS}: ask in parts", items.len())));
    }
    Ok(items)
}

/// An item as it is sent.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Item {
    kind: String,
    id: String,
    /// These three are of bars.
    #[serde(default)]
    interval: Option<String>,
    #[serde(default)]
    from: Option<String>,
    #[serde(default)]
    to: Option<String>,
    /// Those of a document: texts, numbers and truths.
    #[serde(default)]
    parameters: Map<String, Value>,
}

/// An item that can be looked up.
#[derive(Debug)]
struct Wanted {
    kind: String,
    id: String,
    key: StandardKey,
    bars: Option<WantedBars>,
}

/// An item that can't, and why.
struct Refused {
    kind: String,
    id: String,
    why: String,
}

impl Wanted {
    /// Reads an item. `series` counts those that ask for long series.
    fn read(app: &App, item: Value, series: &mut usize) -> Result<Self, Refused> {
        let text = |name: &str| item.get(name).and_then(Value::as_str).map_or_else(String::new, echo);
        let (kind, id) = (text("kind"), text("id"));
        let refused = |why: String| Refused { kind: kind.clone(), id: id.clone(), why };
        // serde reads a list as a struct too, whose items then mean members by their order.
        if !item.is_object() {
            return Err(refused(
                "the item is no object: write {\"kind\": \"price\", \"id\": \"AAPL\"}".into(),
            ));
        }
        let item = Item::deserialize(item.clone()).map_err(|error| refused(format!("the item: {error}")))?;
        let read =
            Self::of(app, &item, series).map_err(|problem| refused(problem.public_detail().to_owned()))?;
        Ok(Self { kind, id, ..read })
    }

    fn of(app: &App, item: &Item, series: &mut usize) -> Result<Self, Problem> {
        let data = offered_kind(app, &item.kind)?;
        let asset = offered_asset(app, data, &item.id)?;
        let is_long = matches!(data, DataType::Ohlcv | DataType::AdjustedClose | DataType::Technical);
        *series += usize::from(is_long);
        if is_long && *series > MAX_SERIES {
            let detail = format!(
                "more than {MAX_SERIES} items are of ohlcv, adjusted_close and technical, which are long: ask in parts"
            );
            return Err(Problem::parameter("kind", detail));
        }
        let has_range = [&item.interval, &item.from, &item.to].iter().any(|given| given.is_some());
        let mut bars = None;
        let key = match data {
            DataType::Price | DataType::Ohlcv if !item.parameters.is_empty() => {
                let remedy = match data {
                    DataType::Ohlcv => "write interval, from and to beside kind",
                    _ => "leave them out",
                };
                return Err(Problem::parameter(
                    "parameters",
                    format!("{data} takes no parameters: {remedy}"),
                ));
            }
            DataType::Ohlcv => {
                let wanted = WantedBars::read(app, asset, |name| match name {
                    "interval" => item.interval.as_deref(),
                    "from" => item.from.as_deref(),
                    _ => item.to.as_deref(),
                })?;
                bars.insert(wanted).key()
            }
            _ if has_range => {
                let detail =
                    "interval, from and to stand beside kind for ohlcv alone: write them into parameters";
                return Err(Problem::parameter("interval", detail));
            }
            DataType::Price => quotes::key(&asset),
            data => document_key(data, asset, parameters(&item.parameters)?)?,
        };
        Ok(Self { kind: String::new(), id: String::new(), key, bars })
    }

    fn answered<'a>(
        &'a self,
        app: &App,
        found: &'a Result<MarketLookup, Error>,
        caller: Caller,
    ) -> Answered<'a> {
        let content = match found {
            Ok(found) => self.content(app, found),
            Err(error) => {
                let error_text = caller.sees(error.to_string(), public_text(error));
                match error.kind() {
                    ErrorKind::Config => Content::invalid(error_text),
                    _ => Content::Failed { error: error_text },
                }
            }
        };
        Answered::new(&self.kind, &self.id, content)
    }

    fn content<'a>(&'a self, app: &App, found: &'a MarketLookup) -> Content<'a> {
        match found {
            MarketLookup::Quote(found) => match &found.value {
                Some(quote) => Content::Quote(Annotated::new(quote, found)),
                None => Content::Unknown {},
            },
            MarketLookup::Series(found) => match found.value.as_ref().zip(self.bars.as_ref()) {
                Some((series, wanted)) => match wanted.of(series) {
                    Ok(bars) => Content::Bars(annotated(bars, found)),
                    Err(problem) => Content::invalid(problem.public_detail().to_owned()),
                },
                None => Content::Unknown {},
            },
            MarketLookup::Document(found) => match &found.value {
                Some(document) => Content::Document(documents::annotated(app, &self.key, document, found)),
                None => Content::Unknown {},
            },
        }
    }
}

/// Returns the key of a value of a market kind that somebody offers.
pub(in crate::routes) fn key_of(
    app: &App,
    kind: &str,
    id: &str,
    interval: Option<&str>,
    parameters: &Map<String, Value>,
) -> Result<StandardKey, Problem> {
    let item = Item {
        kind: kind.to_owned(),
        id: id.to_owned(),
        interval: interval.map(str::to_owned),
        from: None,
        to: None,
        parameters: parameters.clone(),
    };
    Wanted::of(app, &item, &mut 0).map(|wanted| wanted.key)
}

fn parameters(given: &Map<String, Value>) -> Result<BTreeMap<String, String>, Problem> {
    let text = |(name, value): (&String, &Value)| match value {
        Value::String(text) => Ok((name.clone(), text.clone())),
        Value::Number(_) | Value::Bool(_) => Ok((name.clone(), value.to_string())),
        _ => {
            let detail = format!("the parameter {:?} is neither a text nor a number", echo(name));
            Err(Problem::parameter(&echo(name), detail))
        }
    };
    given.iter().map(text).collect()
}

#[derive(Serialize)]
struct Answers {
    items: Vec<Box<RawValue>>,
}

/// The answer to one item.
#[derive(Serialize)]
struct Answered<'a> {
    kind: &'a str,
    id: &'a str,
    status: &'static str,
    #[serde(flatten)]
    content: Content<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Content<'a> {
    Quote(Annotated<&'a Arc<Quote>>),
    Bars(Annotated<Bars<'a>>),
    Document(Annotated<&'a Arc<Document>>),
    /// The provider doesn't know it.
    Unknown {},
    /// It could not be looked up.
    Failed {
        error: String,
    },
    /// It is left out, since the answer would be too long.
    TooLarge {
        error: String,
    },
    /// It asks for nothing that can be looked up.
    Invalid {
        error: String,
    },
}

impl Content<'_> {
    fn invalid(error: String) -> Self {
        Self::Invalid { error }
    }

    fn status(&self) -> &'static str {
        match self {
            Self::Quote(_) | Self::Bars(_) | Self::Document(_) => "ok",
            Self::Unknown {} => "unknown",
            Self::Failed { .. } => "failed",
            Self::TooLarge { .. } => "too_large",
            Self::Invalid { .. } => "invalid",
        }
    }
}

impl<'a> Answered<'a> {
    fn new(kind: &'a str, id: &'a str, content: Content<'a>) -> Self {
        Self { kind, id, status: content.status(), content }
    }
}
