//! Quotes of one symbol or of many.

use axum::{
    http::{HeaderMap, Uri},
    response::Response,
};
use cache_http::{
    Problem,
    guard::Caller,
    request::query::QueryParams,
    response::{cache_control::CacheControl, cacheable},
};
use cache_market::{MarketLookup, StandardKey};
use market_data::{Asset, DataType};

use super::{check_cached, list, of_kind, offered_asset, offered_assets, unknown};
use crate::{app::App, routes::response::Annotation};

pub(super) async fn many(
    app: &App,
    caller: Caller,
    uri: &Uri,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    let query = QueryParams::read(uri.query(), &["symbols"])?;
    let assets = offered_assets(app, DataType::Price, query.get("symbols"))?;
    let keys: Vec<StandardKey> = assets.iter().map(key).collect();
    let regions = app.regions_for(headers, caller).map_err(|error| Problem::from_error(&error))?;
    let found = regions.look_up(&keys).await;
    let lookups: Vec<_> = found.into_iter().map(|found| of_kind(found, MarketLookup::quote)).collect();
    list::answer((app, caller, headers), DataType::Price, &assets, &lookups, |_, quote, found| {
        Ok((app.texts.quotes.of(quote)?, Annotation::of(found)))
    })
}

pub(super) async fn one(
    (app, caller): (&App, Caller),
    symbol: &str,
    uri: &Uri,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    QueryParams::read(uri.query(), &[])?;
    let asset = offered_asset(app, DataType::Price, symbol)?;
    let regions = app.regions_for(headers, caller).map_err(|error| Problem::from_error(&error))?;
    let found = regions.look_up_one(&key(&asset)).await;
    let lookup = of_kind(found, MarketLookup::quote).map_err(|error| Problem::from_error(&error))?;
    check_cached(&lookup, symbol)?;
    let dropped = app.until_dropped(&asset, DataType::Price);
    let cache_control = CacheControl::of(&lookup).ending_after(dropped);
    let Some(quote) = &lookup.value else { return Err(unknown(DataType::Price, &asset, cache_control)) };
    let text = app.texts.quotes.of(quote).map_err(|error| Problem::unwritable(&error))?;
    let body = Annotation::of(&lookup).added_to(&text.json)?;
    Ok(cacheable(headers, cache_control, text.etag, body))
}

/// Returns the key of an asset's price.
pub(super) fn key(asset: &Asset) -> StandardKey {
    StandardKey::Price { asset: asset.clone(), provider: None }
}
