//! Quotes of one symbol or of many.

use axum::{
    http::{HeaderMap, Uri},
    response::Response,
};
use cache_market::{MarketLookup, StandardKey};
use market_data::{Asset, DataType};

use super::{list, of_kind, offered_asset, offered_assets, unknown};
use crate::{
    app::App,
    http::{cache_control::CacheControl, guard::Caller, problem::Problem, query::QueryParams},
    routes::response::{Annotated, cacheable},
};

pub(super) async fn many(
    app: &App,
    caller: Caller,
    uri: &Uri,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    let query = QueryParams::read(uri.query(), &["symbols"])?;
    let assets = offered_assets(app, DataType::Price, query.get("symbols"))?;
    let keys: Vec<StandardKey> = assets.iter().map(key).collect();
    let found = app.regions().look_up(&keys).await;
    let lookups: Vec<_> = found.into_iter().map(|found| of_kind(found, MarketLookup::quote)).collect();
    list::answer((app, caller, headers), DataType::Price, &assets, &lookups, |_, quote, found| {
        Annotated::new(quote, found)
    })
}

pub(super) async fn one(
    app: &App,
    symbol: &str,
    uri: &Uri,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    QueryParams::read(uri.query(), &[])?;
    let asset = offered_asset(app, DataType::Price, symbol)?;
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
