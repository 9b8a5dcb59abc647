//! Quotes: one, or many at once.

use std::sync::Arc;

use axum::{
    extract::{Path, State, rejection::PathRejection},
    http::{HeaderMap, Uri},
    response::Response,
};
use cache_facade::Lookup;
use market_data::{Asset, Quote};
use serde::Serialize;
use serde_json::json;

use crate::{
    app::App,
    http::{
        cache_control::Freshness,
        problem::{Problem, ProblemKind},
        query::Query,
    },
    routes::response::{Datum, cacheable, uncacheable},
};

/// How many symbols one request may name.
const MAX_SYMBOLS: usize = 100;

/// `GET /v1/quotes?symbols=AAPL,MSFT`
pub(super) async fn list(
    State(app): State<Arc<App>>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let assets = assets(Query::read(uri.query(), &["symbols"])?.get("symbols"))?;
    let ids: Vec<String> = assets.iter().map(Asset::to_string).collect();
    let lookups = app.quotes().lookup_many(&ids).await;

    let mut body = Quotes { quotes: Vec::new(), unknown: Vec::new(), failed: Vec::new() };
    let mut data = Vec::new();
    let mut freshness: Option<Freshness> = None;
    let mut failure = None;
    for (asset, lookup) in assets.iter().zip(&lookups) {
        match lookup {
            Ok(found) => {
                let own = Freshness::of(found);
                freshness = Some(freshness.map_or(own, |so_far| so_far.and(own)));
                match &found.value {
                    Some(quote) => {
                        data.push(&**quote);
                        body.quotes.push(Datum::new(quote, found));
                    }
                    None => body.unknown.push(asset),
                }
            }
            Err(error) => {
                failure.get_or_insert(error);
                body.failed.push(Failed { asset, error: error.to_string() });
            }
        }
    }
    match (freshness, failure) {
        (Some(freshness), None) => cacheable(&headers, freshness, &(data, &body.unknown), &body),
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
    Query::read(uri.query(), &[])?;
    let asset = asset_of(symbol)?;
    let lookup =
        app.quotes().lookup(&*asset.to_string()).await.map_err(|error| Problem::from_error(&error))?;
    let Some(quote) = &lookup.value else { return Err(unknown(&asset, &lookup)) };
    cacheable(&headers, Freshness::of(&lookup), quote, &Datum::new(quote, &lookup))
}

/// The asset that a path names: `AAPL`, `BTC@CRYPTO`.
pub(super) fn asset_of(path: Result<Path<String>, PathRejection>) -> Result<Asset, Problem> {
    let Path(text) = path.map_err(|rejection| {
        Problem::parameter("symbol", format!("the symbol in the path can't be read: {rejection}"))
    })?;
    text.parse().map_err(|invalid| Problem::parameter("symbol", format!("{invalid}")))
}

/// Says that nobody knows the asset, and for how long that holds.
pub(super) fn unknown<V>(asset: &Asset, lookup: &Lookup<V>) -> Problem {
    Problem::new(
        ProblemKind::UnknownSymbol,
        format!("the provider knows no symbol {asset}: check its spelling"),
    )
    .with("symbol", asset.to_string())
    .holding(Freshness::of(lookup))
}

fn missing() -> Problem {
    let detail = "symbols is missing or empty: name 1 to 100 symbols, as in symbols=AAPL,MSFT";
    Problem::parameter("symbols", detail)
}

/// The assets of a list, each once, in the order of their first mention.
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
    quotes: Vec<Datum<&'a Arc<Quote>>>,
    unknown: Vec<&'a Asset>,
    failed: Vec<Failed<'a>>,
}

#[derive(Serialize)]
struct Failed<'a> {
    #[serde(rename = "symbol")]
    asset: &'a Asset,
    error: String,
}
