//! Quotes of one symbol or of many.

use std::sync::Arc;

use axum::{
    Extension,
    extract::{Path, State, rejection::PathRejection},
    http::{HeaderMap, Uri},
    response::Response,
};
use market_data::{Asset, DataType, Quote};
use serde::Serialize;
use serde_json::json;

use crate::{
    app::App,
    http::{
        cache_control::CacheControl,
        guard::Caller,
        problem::{Problem, ProblemKind, public_text},
        query::QueryParams,
    },
    routes::response::{Annotated, cacheable, uncacheable},
};

/// The largest number of symbols in a request.
const MAX_SYMBOLS: usize = 100;

/// `GET /v1/quotes?symbols=AAPL,MSFT`
pub(super) async fn list(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let assets = assets(QueryParams::read(uri.query(), &["symbols"])?.get("symbols"))?;
    let ids: Vec<String> = assets.iter().map(Asset::to_string).collect();
    let lookups = app.quotes().lookup_many(&ids).await;

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
        (Some(cache_control), None) => cacheable(&headers, cache_control, &(data, &body.unknown), &body),
        (Some(_), Some(_)) => uncacheable(&body),
        (None, Some(error)) => Err(Problem::from_error(error).with("failed", json!(body.failed))),
        (None, None) => Err(missing()),
    }
}

/// `GET /v1/quotes/{symbol}`
pub(super) async fn one(
    State(app): State<Arc<App>>,
    symbol: Result<Path<String>, PathRejection>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    QueryParams::read(uri.query(), &[])?;
    let asset = asset_of(symbol)?;
    let lookup =
        app.quotes().lookup(&*asset.to_string()).await.map_err(|error| Problem::from_error(&error))?;
    let dropped = app.until_dropped(&asset, DataType::Price);
    let cache_control = CacheControl::of(&lookup).ending_after(dropped);
    let Some(quote) = &lookup.value else { return Err(unknown(&asset, cache_control)) };
    cacheable(&headers, cache_control, quote, &Annotated::new(quote, &lookup))
}

/// Parses the asset in a path: `AAPL`, `BTC@CRYPTO`.
pub(super) fn asset_of(path: Result<Path<String>, PathRejection>) -> Result<Asset, Problem> {
    let Path(text) = path.map_err(|rejection| {
        Problem::parameter("symbol", format!("the symbol in the path can't be read: {rejection}"))
    })?;
    text.parse().map_err(|invalid| Problem::parameter("symbol", format!("{invalid}")))
}

/// Returns the problem of an unknown symbol, with the age and remaining life of that knowledge.
pub(super) fn unknown(asset: &Asset, cache_control: CacheControl) -> Problem {
    Problem::new(
        ProblemKind::UnknownSymbol,
        format!("the provider knows no symbol {asset}: check the spelling"),
    )
    .with("symbol", asset.to_string())
    .with_cache_control(cache_control)
}

fn missing() -> Problem {
    let detail = "symbols is missing or empty: name 1 to 100 symbols, as in symbols=AAPL,MSFT";
    Problem::parameter("symbols", detail)
}

/// Parses a list of assets. Each is returned once, in the order of first mention.
fn assets(list: Option<&str>) -> Result<Vec<Asset>, Problem> {
    let list = list.filter(|list| !list.is_empty()).ok_or_else(missing)?;
    let count = list.split(',').count();
    if count > MAX_SYMBOLS {
        let detail = format!("symbols names {count} symbols, the limit is {MAX_SYMBOLS}: ask in parts");
        return Err(Problem::parameter("symbols", detail));
    }
    let mut assets = Vec::with_capacity(count);
    for (at, text) in list.split(',').enumerate() {
        let asset: Asset = text.parse().map_err(|invalid| {
            Problem::parameter("symbols", format!("in symbols, number {}: {invalid}", at + 1))
        })?;
        if !assets.contains(&asset) {
            assets.push(asset);
        }
    }
    Ok(assets)
}

#[derive(Serialize)]
struct Quotes<'a> {
    quotes: Vec<Annotated<&'a Arc<Quote>>>,
    unknown: Vec<&'a Asset>,
    failed: Vec<Failed<'a>>,
}

#[derive(Serialize)]
struct Failed<'a> {
    #[serde(rename = "symbol")]
    asset: &'a Asset,
    error: String,
}
