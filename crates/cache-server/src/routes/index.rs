//! The index: all paths of the service.

use axum::{http::Uri, response::Response};
use serde_json::json;

use crate::{
    http::{problem::Problem, query::QueryParams},
    routes::response::uncacheable,
};

/// `GET /`
pub(super) async fn show(uri: Uri) -> Result<Response, Problem> {
    QueryParams::read(uri.query(), &[])?;
    uncacheable(&json!({
        "name": "cache-server",
        "version": env!("CARGO_PKG_VERSION"),
        "endpoints": [
            {"path": "/v1/quotes?symbols=AAPL,MSFT", "what": "quotes of up to 100 symbols"},
            {"path": "/v1/quotes/{symbol}", "what": "one quote"},
            {"path": "/v1/bars/{symbol}?interval=1d&from=&to=", "what": "bars, both days included"},
            {"path": "/v1/kinds", "what": "the kinds of market data, who offers them, and their parameters"},
            {"path": "/v1/{kind}/{symbol}", "what": "one value of a kind, such as /v1/total_return/AAPL"},
            {"path": "/v1/{kind}?symbols=AAPL,MSFT", "what": "values of up to 100 symbols of a kind"},
            {"path": "/v1/batch", "what": "up to 500 values of any kinds (POST)"},
            {"path": "/health", "what": "the health of each tier and of the bus"},
            {"path": "/v1/stats", "what": "hits by source, loads, calls to providers"},
            {"path": "/v1/events", "what": "the market events that lie ahead (GET, with ?asset=), or announces one (POST)"},
            {"path": "/v1/events/{id}", "what": "one of them (GET), or withdraws it (DELETE)"},
            {"path": "/v1/invalidate", "what": "ends whatever carries one of some tags (POST)"},
            {"path": "/v1/cache/{kind}/{id}", "what": "a value of an application's own (GET, PUT, DELETE): users, sessions, signals, api, narratives and the kinds of own_kinds"},
            {"path": "/v1/cache/{kind}:batch", "what": "removes, puts and gets up to 200 of them (POST)"},
            {"path": "/cache/warming/metrics", "what": "what was fetched beforehand, by strategy, and what became of it"},
            {"path": "/cache/warming/trigger", "what": "runs a strategy of warming, or all of them (POST)"},
            {"path": "/cache/warming/updates", "what": "schedules updates, which go to their providers in batches (POST)"},
            {"path": "/v1/config/reload", "what": "reloads the configuration (POST)"},
        ],
    }))
}
