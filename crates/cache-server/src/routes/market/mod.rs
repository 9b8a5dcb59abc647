//! Market data of every kind: one value, many of a kind, and many of any kinds.

mod bars;
mod batch;
mod documents;
mod kinds;
mod parameters;
mod quotes;

use std::sync::Arc;

use axum::{
    Extension, Router,
    extract::{Path, State, rejection::PathRejection},
    http::{HeaderMap, Uri},
    response::Response,
    routing::{get, post},
};
use cache_core::Error;
use cache_market::MarketLookup;
use market_data::{Asset, DataType};
use serde::Serialize;

use self::kinds::offered_kind;
use crate::{
    app::App,
    http::{
        cache_control::CacheControl,
        guard::{BATCH_PATH, Caller},
        problem::{Problem, ProblemKind},
    },
};

/// The largest number of symbols in a request.
const MAX_SYMBOLS: usize = 100;

/// Returns the routes of market data.
pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/v1/quotes", get(quotes))
        .route("/v1/quotes/{symbol}", get(quote))
        .route("/v1/bars/{symbol}", get(bars))
        .route("/v1/kinds", get(kinds::list))
        .route(BATCH_PATH, post(batch::answer))
        .route("/v1/{kind}", get(many))
        .route("/v1/{kind}/{symbol}", get(one))
}

/// `GET /v1/quotes?symbols=AAPL,MSFT`
async fn quotes(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    offered_kind(&app, DataType::Price.as_str())?;
    quotes::list(&app, caller, &uri, &headers).await
}

/// `GET /v1/quotes/{symbol}`
async fn quote(
    State(app): State<Arc<App>>,
    symbol: Result<Path<String>, PathRejection>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    offered_kind(&app, DataType::Price.as_str())?;
    quotes::one(&app, &read(symbol)?, &uri, &headers).await
}

/// `GET /v1/bars/{symbol}?interval=1d&from=2017-08-01&to=2017-09-01`
async fn bars(
    State(app): State<Arc<App>>,
    symbol: Result<Path<String>, PathRejection>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    offered_kind(&app, DataType::Ohlcv.as_str())?;
    bars::one(&app, &read(symbol)?, &uri, &headers).await
}

/// `GET /v1/{kind}?symbols=AAPL,MSFT`, further parameters hold for all; `GET /v1/news?market=US`
async fn many(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    kind: Result<Path<String>, PathRejection>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    match offered_kind(&app, &read(kind)?)? {
        DataType::Price => quotes::list(&app, caller, &uri, &headers).await,
        DataType::Ohlcv => Err(bars::of_one_symbol()),
        data => documents::list(&app, caller, data, &uri, &headers).await,
    }
}

/// `GET /v1/{kind}/{symbol}?function=SMA&period=20`
async fn one(
    State(app): State<Arc<App>>,
    path: Result<Path<(String, String)>, PathRejection>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (kind, symbol) = read(path)?;
    match offered_kind(&app, &kind)? {
        DataType::Price => quotes::one(&app, &symbol, &uri, &headers).await,
        DataType::Ohlcv => bars::one(&app, &symbol, &uri, &headers).await,
        data => documents::one(&app, data, &symbol, &uri, &headers).await,
    }
}

/// Returns the parts of a path.
fn read<T>(path: Result<Path<T>, PathRejection>) -> Result<T, Problem> {
    let Path(parts) = path.map_err(|rejection| {
        Problem::parameter("symbol", format!("the symbol in the path can't be read: {rejection}"))
    })?;
    Ok(parts)
}

/// Returns what was found, of the kind that was asked for.
fn of_kind<T>(
    found: Result<MarketLookup, Error>,
    of: impl Fn(MarketLookup) -> Option<T>,
) -> Result<T, Error> {
    found.map(|found| of(found).unwrap_or_else(|| unreachable!("what is found is of the key's kind")))
}

/// Reads what such data are about: `AAPL`, `BTC@CRYPTO`, `REAL_GDP@US`.
fn asset_of(data: DataType, text: &str) -> Result<Asset, Problem> {
    data.read_asset(text).map_err(|invalid| Problem::parameter("symbol", format!("{invalid}")))
}

/// Reads a list of what such data are about. Each is returned once, in the order of first mention.
fn assets_of(data: DataType, list: Option<&str>) -> Result<Vec<Asset>, Problem> {
    let list = list.filter(|list| !list.is_empty()).ok_or_else(no_symbols)?;
    let count = list.split(',').count();
    if count > MAX_SYMBOLS {
        let detail = format!("symbols names {count} symbols, the limit is {MAX_SYMBOLS}: ask in parts");
        return Err(Problem::parameter("symbols", detail));
    }
    let mut assets = Vec::with_capacity(count);
    for (at, text) in list.split(',').enumerate() {
        let asset = data.read_asset(text).map_err(|invalid| {
            Problem::parameter("symbols", format!("in symbols, number {}: {invalid}", at + 1))
        })?;
        if !assets.contains(&asset) {
            assets.push(asset);
        }
    }
    Ok(assets)
}

fn no_symbols() -> Problem {
    let detail = "symbols is missing or empty: name 1 to 100 symbols, as in symbols=AAPL,MSFT";
    Problem::parameter("symbols", detail)
}

/// Returns the problem of an unknown symbol, with the age and remaining life of that knowledge.
fn unknown(data: DataType, asset: &Asset, cache_control: CacheControl) -> Problem {
    let detail = match data {
        DataType::Price | DataType::Ohlcv => {
            format!("the provider knows no symbol {asset}: check the spelling")
        }
        data => format!("the provider has no {data} of {asset}: check the spelling, and the parameters"),
    };
    Problem::new(ProblemKind::UnknownSymbol, detail)
        .with("symbol", asset.to_string())
        .with_cache_control(cache_control)
}

/// An asset of a list that could not be looked up.
#[derive(Serialize)]
struct Failed<'a> {
    #[serde(rename = "symbol")]
    asset: &'a Asset,
    error: String,
}
