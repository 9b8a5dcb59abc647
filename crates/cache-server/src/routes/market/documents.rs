//! Documents of one symbol or of many: every kind of market data but quotes and bars.

use axum::{
    http::{HeaderMap, Uri},
    response::Response,
};
use cache_facade::Lookup;
use cache_http::{
    Problem,
    guard::Caller,
    request::query::{QueryParams, echo},
    response::{cache_control::CacheControl, cacheable},
};
use cache_market::{MarketLookup, StandardKey};
use market_data::{Asset, DataType, Document};

use super::{
    check_cached,
    kinds::check_offered,
    list, of_kind, offered_asset, offered_assets,
    parameters::{check_name, document_key},
    unknown,
};
use crate::{app::App, routes::response::Annotation};

pub(super) async fn one(
    (app, caller): (&App, Caller),
    data: DataType,
    symbol: &str,
    uri: &Uri,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    let asset = offered_asset(app, data, symbol)?;
    let (_, parameters) = QueryParams::read_with_others(uri.query(), &[], check_name)?;
    let key = document_key(data, asset.clone(), parameters)?;
    answer((app, caller), data, &asset, &key, headers).await
}

async fn answer(
    (app, caller): (&App, Caller),
    data: DataType,
    asset: &Asset,
    key: &StandardKey,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    let regions = app.regions_for(headers, caller).map_err(|error| Problem::from_error(&error))?;
    let found = regions.look_up_one(key).await;
    let lookup = of_kind(found, MarketLookup::document).map_err(|error| Problem::from_error(&error))?;
    check_cached(&lookup, &asset.to_string())?;
    let cache_control = CacheControl::of(&lookup).ending_after(app.until_dropped(asset, data));
    let Some(document) = &lookup.value else { return Err(unknown(data, asset, cache_control)) };
    let text = app.texts.documents.of(document).map_err(|error| Problem::unwritable(&error))?;
    let body = annotation(app, key, document, &lookup).of_kind(data).added_to(&text.json)?;
    Ok(cacheable(headers, cache_control, text.etag, body))
}

pub(super) async fn many(
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
        check_offered(app, data, &asset)?;
        let key = document_key(data, asset.clone(), parameters)?;
        return answer((app, caller), data, &asset, &key, headers).await;
    }
    let assets = offered_assets(app, data, query.get("symbols"))?;
    let keys = assets.iter().map(|asset| document_key(data, asset.clone(), parameters.clone()));
    let keys: Vec<StandardKey> = keys.collect::<Result<_, _>>()?;
    let regions = app.regions_for(headers, caller).map_err(|error| Problem::from_error(&error))?;
    let found = regions.look_up(&keys).await;
    let lookups: Vec<_> = found.into_iter().map(|found| of_kind(found, MarketLookup::document)).collect();
    list::answer((app, caller, headers), data, &assets, &lookups, |at, document, found| {
        Ok((app.texts.documents.of(document)?, annotation(app, &keys[at], document, found)))
    })
}

/// Returns source and age of a document, and the moment as of which it holds: its own, or that of its load.
pub(super) fn annotation(
    app: &App,
    key: &StandardKey,
    document: &Document,
    lookup: &Lookup<Document>,
) -> Annotation {
    let is_computed = match key {
        StandardKey::Document { data, id } => app.regions().computes(*data, id),
        _ => false,
    };
    Annotation::of(lookup).computed(is_computed).dated(document.time.unwrap_or(lookup.born))
}

/// Returns what the news of a market are about: an index of its name.
fn market_as_asset(text: &str) -> Result<Asset, Problem> {
    let asset = format!("{text}@{text}.index").parse();
    asset.map_err(|invalid| Problem::parameter("market", format!("market={:?}: {invalid}", echo(text))))
}
