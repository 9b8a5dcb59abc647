//! Market data of every kind: one value, many of a kind, and many of any kinds.

mod bars;
mod batch;
mod documents;
mod kinds;
mod list;
mod parameters;
mod quotes;

use std::sync::Arc;

use axum::{
    Extension, Router,
    extract::{Path, Request, State, rejection::PathRejection},
    http::request::Parts,
    response::Response,
    routing::{get, post},
};
use cache_core::Error;
use cache_facade::{Lookup, Source};
use cache_http::{Problem, ProblemKind, guard::Caller, response::cache_control::CacheControl};
use cache_market::MarketLookup;
use market_data::{Asset, DataType};

pub(super) use self::batch::key_of;
use self::kinds::{check_any_offered, check_offered, offered_kind};
use crate::{
    app::App,
    http::{access::BATCH_PATH, problems},
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
    request: Request,
) -> Result<Response, Problem> {
    values(&app, caller, DataType::Price.as_str(), &request.into_parts().0).await
}

/// `GET /v1/quotes/{symbol}`
async fn quote(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    symbol: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Response, Problem> {
    value(&app, caller, DataType::Price.as_str(), &read(symbol)?, &request.into_parts().0).await
}

/// `GET /v1/bars/{symbol}?interval=1d&from=2017-08-01&to=2017-09-01`
async fn bars(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    symbol: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Response, Problem> {
    value(&app, caller, DataType::Ohlcv.as_str(), &read(symbol)?, &request.into_parts().0).await
}

/// `GET /v1/{kind}?symbols=AAPL,MSFT`, further parameters hold for all; `GET /v1/news?market=US`
async fn many(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    kind: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Response, Problem> {
    values(&app, caller, &read(kind)?, &request.into_parts().0).await
}

/// `GET /v1/{kind}/{symbol}?function=SMA&period=20`
async fn one(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    path: Result<Path<(String, String)>, PathRejection>,
    request: Request,
) -> Result<Response, Problem> {
    let (kind, symbol) = read(path)?;
    value(&app, caller, &kind, &symbol, &request.into_parts().0).await
}

async fn values(
    app: &App,
    caller: Caller,
    kind: &str,
    Parts { uri, headers, .. }: &Parts,
) -> Result<Response, Problem> {
    match offered_kind(app, kind)? {
        DataType::Price => quotes::many(app, caller, uri, headers).await,
        DataType::Ohlcv => Err(bars::of_one_symbol()),
        data => documents::many(app, caller, data, uri, headers).await,
    }
}

async fn value(
    app: &App,
    caller: Caller,
    kind: &str,
    symbol: &str,
    Parts { uri, headers, .. }: &Parts,
) -> Result<Response, Problem> {
    match offered_kind(app, kind)? {
        DataType::Price => quotes::one((app, caller), symbol, uri, headers).await,
        DataType::Ohlcv => bars::one((app, caller), symbol, uri, headers).await,
        data => documents::one((app, caller), data, symbol, uri, headers).await,
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

/// Reads what such data are about, `AAPL`, `BTC@CRYPTO`, `REAL_GDP@US`, and checks that somebody offers them.
fn offered_asset(app: &App, data: DataType, text: &str) -> Result<Asset, Problem> {
    let asset =
        data.read_asset(text).map_err(|invalid| Problem::parameter("symbol", format!("{invalid}")))?;
    check_offered(app, data, &asset)?;
    Ok(asset)
}

/// Reads a list of what such data are about, and checks that somebody offers them about any of these. Each is
/// returned once, in the order of first mention.
fn offered_assets(app: &App, data: DataType, list: Option<&str>) -> Result<Vec<Asset>, Problem> {
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
    check_any_offered(app, data, &assets)?;
    Ok(assets)
}

/// Refuses what no tier has, where nothing may be loaded.
fn check_cached<V>(lookup: &Lookup<V>, what: &str) -> Result<(), Problem> {
    match lookup.source {
        Source::Nowhere => Err(Problem::new(ProblemKind::NOT_CACHED, not_cached(what))),
        _ => Ok(()),
    }
}

fn not_cached(what: &str) -> String {
    format!("{what} can't be answered from the cache as asked for: ask without only-if-cached")
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
    Problem::new(problems::UNKNOWN_SYMBOL, detail)
        .with("symbol", asset.to_string())
        .with_cache_control(cache_control)
}
