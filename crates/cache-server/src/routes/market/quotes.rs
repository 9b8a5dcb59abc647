//! Quotes of one symbol or of many.

use std::sync::Arc;

use axum::{
    http::{HeaderMap, Uri},
    response::Response,
};
use cache_market::{MarketLookup, StandardKey};
use market_data::{Asset, DataType, Quote};
use serde::Serialize;
use serde_json::json;

use super::{
    Failed, asset_of, assets_of,
    kinds::{check_any_offered, check_offered},
    no_symbols, of_kind, unknown,
};
use crate::{
    app::App,
    http::{
        cache_control::CacheControl,
        guard::Caller,
        problem::{Problem, public_text},
        query::QueryParams,
    },
    routes::response::{Annotated, cacheable, uncacheable},
};

pub(super) async fn list(
    app: &App,
    caller: Caller,
    uri: &Uri,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    let query = QueryParams::read(uri.query(), &["symbols"])?;
    let assets = assets_of(DataType::Price, query.get("symbols"))?;
    check_any_offered(app, DataType::Price, &assets)?;
    let keys: Vec<StandardKey> = assets.iter().map(key).collect();
    let found = app.regions().look_up(&keys).await;
    let lookups: Vec<_> = found.into_iter().map(|found| of_kind(found, MarketLookup::quote)).collect();

    let mut body = Quotes { quotes: Vec::new(), unknown: Vec::new(), failed: Vec::new() };
    let mut data = Vec::new();
    let mut cache_control: Option<CacheControl> = None;
    let mut failure = None;
    for (asset, lookup) in assets.iter().zip(&lookups) {
        match lookup {
            Ok(found) => {
                let dropped = app.until_dropped(asset, DataType::Price);
                let own = CacheControl::of(found).ending_after(dropped);
                cache_control = Some(cache_control.map_or(own, |so_far| so_far.and(own)));
                match &found.value {
                    Some(quote) => {
                        data.push(&**quote);
                        body.quotes.push(Annotated::new(quote, found));
                    }
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
        (Some(cache_control), None) => cacheable(headers, cache_control, &(data, &body.unknown), &body),
        (Some(_), Some(_)) => uncacheable(&body),
        (None, Some(error)) => Err(Problem::from_error(error).with("failed", json!(body.failed))),
        (None, None) => Err(no_symbols()),
    }
}

pub(super) async fn one(
    app: &App,
    symbol: &str,
    uri: &Uri,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    QueryParams::read(uri.query(), &[])?;
    let asset = asset_of(DataType::Price, symbol)?;
    check_offered(app, DataType::Price, &asset)?;
    let found = app.regions().look_up_one(&key(&asset)).await;
    let lookup = of_kind(found, MarketLookup::quote).map_err(|error| Problem::from_error(&error))?;
    let dropped = app.until_dropped(&asset, DataType::Price);
    let cache_control = CacheControl::of(&lookup).ending_after(dropped);
    let Some(quote) = &lookup.value else { return Err(unknown(DataType::Price, &asset, cache_control)) };
    cacheable(headers, cache_control, quote, &Annotated::new(quote, &lookup))
}

/// Returns the key of an asset's price.
pub(super) fn key(asset: &Asset) -> StandardKey {
    StandardKey::Price { asset: asset.clone(), provider: None }
}

#[derive(Serialize)]
struct Quotes<'a> {
    quotes: Vec<Annotated<&'a Arc<Quote>>>,
    unknown: Vec<&'a Asset>,
    failed: Vec<Failed<'a>>,
}
