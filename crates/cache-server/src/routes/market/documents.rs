//! Documents of one symbol or of many: every kind of market data but quotes and bars.

use std::sync::Arc;

use axum::{
    http::{HeaderMap, Uri},
    response::Response,
};
use cache_facade::Lookup;
use cache_market::{MarketLookup, StandardKey};
use market_data::{Asset, DataType, Document};
use serde::Serialize;
use serde_json::{json, value::RawValue};

use super::{
    Failed, asset_of, assets_of,
    kinds::{check_any_offered, check_offered},
    no_symbols, of_kind,
    parameters::{check_name, document_key},
    unknown,
};
use crate::{
    app::App,
    http::{
        cache_control::CacheControl,
        guard::Caller,
        problem::{Problem, public_text},
        query::{QueryParams, echo},
    },
    routes::response::{Annotated, AnswerRoom, cacheable, uncacheable},
};

pub(super) async fn one(
    app: &App,
    data: DataType,
    symbol: &str,
    uri: &Uri,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    let asset = asset_of(data, symbol)?;
    let (_, parameters) = QueryParams::read_with_others(uri.query(), &[], check_name)?;
    let key = document_key(data, asset.clone(), parameters)?;
    answer(app, data, &asset, &key, headers).await
}

async fn answer(
    app: &App,
    data: DataType,
    asset: &Asset,
    key: &StandardKey,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    check_offered(app, data, asset)?;
    let found = app.regions().look_up_one(key).await;
    let lookup = of_kind(found, MarketLookup::document).map_err(|error| Problem::from_error(&error))?;
    let cache_control = CacheControl::of(&lookup).ending_after(app.until_dropped(asset, data));
    let Some(document) = &lookup.value else { return Err(unknown(data, asset, cache_control)) };
    cacheable(headers, cache_control, document, &annotated(app, key, document, &lookup).of_kind(data))
}

pub(super) async fn list(
    app: &App,
    caller: Caller,
    data: DataType,
    uri: &Uri,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    let known: &[&str] = if data == DataType::News { &["symbols", "market"] } else { &["symbols"] };
    let (query, parameters) = QueryParams::read_with_others(uri.query(), known, check_name)?;
    if let Some(market) = query.get("market") {
        if query.get("symbols").is_some() {
            let detail = "market and symbols are both given: ask for the news of a market, or of symbols";
            return Err(Problem::parameter("market", detail));
        }
        let asset = market_as_asset(market)?;
        let key = document_key(data, asset.clone(), parameters)?;
        return answer(app, data, &asset, &key, headers).await;
    }
    let assets = assets_of(data, query.get("symbols"))?;
    check_any_offered(app, data, &assets)?;
    let keys = assets.iter().map(|asset| document_key(data, asset.clone(), parameters.clone()));
    let keys: Vec<StandardKey> = keys.collect::<Result<_, _>>()?;
    let found = app.regions().look_up(&keys).await;
    let lookups: Vec<_> = found.into_iter().map(|found| of_kind(found, MarketLookup::document)).collect();

    let mut body = Documents { kind: data, documents: Vec::new(), unknown: Vec::new(), failed: Vec::new() };
    let mut documents = Vec::new();
    let mut cache_control: Option<CacheControl> = None;
    let (mut failure, mut room, mut is_whole) = (None, AnswerRoom::new(), true);
    for ((asset, key), lookup) in assets.iter().zip(&keys).zip(&lookups) {
        match lookup {
            Ok(found) => {
                let own = CacheControl::of(found).ending_after(app.until_dropped(asset, data));
                cache_control = Some(cache_control.map_or(own, |so_far| so_far.and(own)));
                match &found.value {
                    Some(document) => match room.take(&annotated(app, key, document, found))? {
                        Some(text) => {
                            documents.push(&**document);
                            body.documents.push(text);
                        }
                        None => {
                            is_whole = false;
                            body.failed.push(Failed { asset, error: AnswerRoom::full() });
                        }
                    },
                    None => body.unknown.push(asset),
                }
            }
            Err(error) => {
                failure.get_or_insert(error);
                body.failed.push(Failed { asset, error: caller.sees(error.to_string(), public_text(error)) });
            }
        }
    }
    match (cache_control, failure) {
        (Some(cache_control), None) if is_whole => {
            cacheable(headers, cache_control, &(documents, &body.unknown), &body)
        }
        (Some(_), _) => uncacheable(&body),
        (None, Some(error)) => Err(Problem::from_error(error).with("failed", json!(body.failed))),
        (None, None) => Err(no_symbols()),
    }
}

/// Adds source and age to a document, and the moment as of which it holds: its own, or that of its load.
pub(super) fn annotated<'a>(
    app: &App,
    key: &StandardKey,
    document: &'a Arc<Document>,
    lookup: &Lookup<Document>,
) -> Annotated<&'a Arc<Document>> {
    let is_computed = match key {
        StandardKey::Document { data, id } => app.regions().computes(*data, id),
        _ => false,
    };
    Annotated::new(document, lookup).computed(is_computed).dated(document.time.unwrap_or(lookup.born))
}

/// Returns what the news of a market are about: an index of its name.
fn market_as_asset(text: &str) -> Result<Asset, Problem> {
    let asset = format!("{text}@{text}.index").parse();
    asset.map_err(|invalid| Problem::parameter("market", format!("market={:?}: {invalid}", echo(text))))
}

#[derive(Serialize)]
struct Documents<'a> {
    kind: DataType,
    documents: Vec<Box<RawValue>>,
    unknown: Vec<&'a Asset>,
    failed: Vec<Failed<'a>>,
}
