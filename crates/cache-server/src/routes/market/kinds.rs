//! The kinds of market data, and who offers them.

use std::sync::Arc;

use axum::{extract::State, http::Uri, response::Response};
use cache_http::{
    Problem,
    request::query::{QueryParams, echo},
    response::uncacheable,
};
use cache_market::MarketRegions;
use market_data::{Asset, DataType, Interval};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::{
    app::{
        App,
        market_kinds::{KindParameter, describe},
    },
    http::problems,
};

/// `GET /v1/kinds`
pub(super) async fn list(State(app): State<Arc<App>>, uri: Uri) -> Result<Response, Problem> {
    QueryParams::read(uri.query(), &[])?;
    let kinds: Vec<Kind> = MarketRegions::kinds().map(|data| Kind::of(&app, data)).collect();
    uncacheable(&json!({ "kinds": kinds }))
}

#[derive(Serialize)]
struct Kind {
    kind: DataType,
    about: &'static str,
    offered: bool,
    /// In the order in which they are asked.
    providers: Vec<String>,
    /// The intervals that some provider offers, of bars alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    intervals: Option<Vec<Interval>>,
    /// The assets that there are such data about, if every provider names its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    assets: Option<Vec<String>>,
    parameters: &'static [KindParameter],
    example: String,
}

impl Kind {
    fn of(app: &App, data: DataType) -> Self {
        let offers = app.offers(data);
        let offered = |interval: &Interval| offers.iter().any(|(_, offer)| offer.covers_interval(*interval));
        let intervals =
            (data == DataType::Ohlcv).then(|| Interval::ALL.iter().copied().filter(offered).collect());
        let assets: Option<Vec<Vec<String>>> = offers
            .iter()
            .map(|(_, offer)| Some(offer.named_assets()?.iter().map(Asset::to_string).collect()))
            .collect();
        let assets = assets.filter(|_| !offers.is_empty()).map(|assets| assets.concat());
        let known = describe(data);
        let usual = known.map_or_else(|| format!("/v1/{data}/AAPL"), |known| known.example.to_owned());
        // Where there are such data about some assets alone, the usual example may be of another.
        let named = assets.iter().flatten();
        let other =
            named.clone().next().filter(|_| !named.clone().any(|asset| usual.contains(&format!("/{asset}"))));
        Self {
            example: other.map_or(usual, |asset| format!("/v1/{data}/{asset}")),
            assets,
            kind: data,
            about: known.map_or("", |known| known.about),
            offered: !offers.is_empty(),
            intervals,
            providers: offers.into_iter().map(|(name, _)| name).collect(),
            parameters: known.map_or(&[], |known| known.parameters),
        }
    }
}

/// Returns the market kind of this name, if some provider offers it.
pub(super) fn offered_kind(app: &App, name: &str) -> Result<DataType, Problem> {
    let Some(data) = name.parse().ok().filter(|data| MarketRegions::has(*data)) else {
        let all: Vec<&str> = MarketRegions::kinds().map(DataType::as_str).collect();
        let detail = format!("{:?} is no kind of market data: there are {}", echo(name), all.join(", "));
        return Err(Problem::new(problems::UNKNOWN_KIND, detail).with("kinds", json!(all)));
    };
    if app.regions().offers(data) {
        return Ok(data);
    }
    let mut offered = Map::new();
    for data in MarketRegions::kinds() {
        let names: Vec<String> = app.offers(data).into_iter().map(|(name, _)| name).collect();
        if !names.is_empty() {
            offered.insert(data.as_str().to_owned(), json!(names));
        }
    }
    let names: Vec<&str> = offered.keys().map(String::as_str).collect();
    let detail = format!(
        "no provider of this service offers {data}: ask for one of {}, or configure a provider that does",
        names.join(", ")
    );
    let problem = Problem::new(problems::NOT_OFFERED, detail).with("kind", data.as_str());
    Err(problem.with("kinds", Value::Object(offered)))
}

/// Checks that somebody offers such data about any of some assets.
pub(super) fn check_any_offered(app: &App, data: DataType, assets: &[Asset]) -> Result<(), Problem> {
    let is_covered = |asset: &Asset| app.regions().covers(data, asset);
    match assets.first() {
        Some(first) if !assets.iter().any(is_covered) => check_offered(app, data, first),
        _ => Ok(()),
    }
}

/// Checks that somebody offers such data about an asset.
pub(super) fn check_offered(app: &App, data: DataType, asset: &Asset) -> Result<(), Problem> {
    if app.regions().covers(data, asset) {
        return Ok(());
    }
    let names: Vec<String> = app.offers(data).into_iter().map(|(name, _)| name).collect();
    let detail = format!(
        "no provider of this service offers {data} of {asset}: {} offers it of other assets; GET /v1/kinds says more",
        names.join(", ")
    );
    let problem = Problem::new(problems::NOT_OFFERED, detail).with("kind", data.as_str());
    Err(problem.with("symbol", asset.to_string()))
}
