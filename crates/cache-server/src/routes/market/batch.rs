//! Many values of any kinds in one request.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Extension,
    body::Bytes,
    extract::State,
    http::{HeaderMap, Uri},
    response::Response,
};
use cache_core::{Error, ErrorKind};
use cache_facade::Source;
use cache_http::{
    Problem, ProblemKind,
    guard::Caller,
    public_text,
    request::query::{QueryParams, echo},
    response::uncacheable_text,
};
use cache_market::{MarketLookup, StandardKey};
use market_data::{DataType, Unambiguous};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    bars::{WantedBars, annotation},
    documents,
    kinds::offered_kind,
    not_cached, offered_asset,
    parameters::document_key,
    quotes,
};
use crate::{
    app::{App, value_texts::ValueText},
    routes::response::{Annotation, ObjectList, json},
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
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    QueryParams::read(uri.query(), &[])?;
    let mut series = 0;
    let wanted: Vec<Result<Wanted, Refused>> =
        items(&body)?.into_iter().map(|item| Wanted::read(&app, item, &mut series)).collect();
    let keys: Vec<StandardKey> = wanted.iter().flatten().map(|wanted| wanted.key.clone()).collect();
    let regions = app.regions_for(&headers, caller).map_err(|error| Problem::from_error(&error))?;
    let mut found = regions.look_up(&keys).await.into_iter();
    let found: Vec<Option<Result<MarketLookup, Error>>> =
        wanted.iter().map(|wanted| wanted.as_ref().ok().and_then(|_| found.next())).collect();
    let mut told = ObjectList::after(r#"{"items":"#);
    for (wanted, found) in wanted.iter().zip(&found) {
        let (kind, id, content) = match (wanted, found) {
            (Ok(wanted), Some(found)) => (&wanted.kind, &wanted.id, wanted.content(&app, found, caller)?),
            (Ok(wanted), None) => unreachable!("one answer a key: {wanted:?}"),
            (Err(Refused { kind, id, why }), _) => (kind, id, Content::Invalid(why.clone())),
        };
        if !content.push_to(&mut told, kind, id)? {
            Content::TooLarge.push_to(&mut told, kind, id)?;
        }
    }
    let mut body = told.end();
    body.push(b'}');
    Ok(uncacheable_text(body))
}

/// Reads the items of a body: its list, or the list `items` of its object.
fn items(body: &[u8]) -> Result<Vec<Value>, Problem> {
    let invalid = |why: String| {
        let expected = r#"{"items": [{"kind": "price", "id": "AAPL"}]}, or the list alone"#;
        Problem::new(ProblemKind::INVALID_BODY, format!("the body {why}; give {expected}"))
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

    fn content(
        &self,
        app: &App,
        found: &Result<MarketLookup, Error>,
        caller: Caller,
    ) -> Result<Content, Problem> {
        let found = match found {
            Ok(found) => found,
            Err(error) => {
                let error_text = caller.sees(error.to_string(), public_text(error));
                return Ok(match error.kind() {
                    ErrorKind::Config => Content::Invalid(error_text),
                    _ => Content::Failed(error_text),
                });
            }
        };
        let source = match found {
            MarketLookup::Quote(found) => found.source,
            MarketLookup::Series(found) => found.source,
            MarketLookup::Document(found) => found.source,
        };
        if source == Source::Nowhere {
            return Ok(Content::Failed(not_cached(&self.id)));
        }
        let written = self.written(app, found);
        Ok(match written.map_err(|error| Problem::unwritable(&error))? {
            Some(Ok((text, annotation))) => Content::Value(text, annotation),
            Some(Err(problem)) => Content::Invalid(problem.public_detail().to_owned()),
            None => Content::Unknown,
        })
    }

    /// Returns what was found as it is written, with its source and age; `None` if there is no such value.
    fn written(
        &self,
        app: &App,
        found: &MarketLookup,
    ) -> serde_json::Result<Option<Result<Written, Problem>>> {
        Ok(match found {
            MarketLookup::Quote(found) => match &found.value {
                Some(quote) => Some(Ok((app.texts.quotes.of(quote)?, Annotation::of(found)))),
                None => None,
            },
            MarketLookup::Series(found) => match found.value.as_ref().zip(self.bars.as_ref()) {
                Some((series, wanted)) => Some(match wanted.of(series) {
                    Ok(bars) => Ok((Arc::new(ValueText::of(&bars)?), annotation(found))),
                    Err(problem) => Err(problem),
                }),
                None => None,
            },
            MarketLookup::Document(found) => match &found.value {
                Some(document) => {
                    let annotation = documents::annotation(app, &self.key, document, found);
                    Some(Ok((app.texts.documents.of(document)?, annotation)))
                }
                None => None,
            },
        })
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

/// A value as it is written, with its source and age.
type Written = (Arc<ValueText>, Annotation);

/// What is told of every item.
#[derive(Serialize)]
struct Head<'a> {
    kind: &'a str,
    id: &'a str,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
}

/// What is told of an item.
enum Content {
    Value(Arc<ValueText>, Annotation),
    /// The provider doesn't know it.
    Unknown,
    /// It could not be looked up.
    Failed(String),
    /// It is left out, since the answer would be too long.
    TooLarge,
    /// It asks for nothing that can be looked up.
    Invalid(String),
}

impl Content {
    /// Appends an item of the answer. Returns whether there was room for it.
    fn push_to(&self, list: &mut ObjectList, kind: &str, id: &str) -> Result<bool, Problem> {
        let full = ObjectList::full();
        let (status, error) = match self {
            Self::Value(..) => ("ok", None),
            Self::Unknown => ("unknown", None),
            Self::Failed(error) => ("failed", Some(&**error)),
            Self::TooLarge => ("too_large", Some(&*full)),
            Self::Invalid(error) => ("invalid", Some(&**error)),
        };
        let head = json(&Head { kind, id, status, error })?;
        if let Self::Value(text, annotation) = self {
            return Ok(list.push(&[&head, &text.json, &json(annotation)?]));
        }
        // Of these there are as many as items, and they are short.
        list.push_at_any_rate(&[&head]);
        Ok(true)
    }
}
