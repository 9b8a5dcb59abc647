//! What there is to ask for.

use axum::{http::Uri, response::Response};
use serde_json::json;

use crate::{
    http::{problem::Problem, query::Query},
    routes::response::uncacheable,
};

/// `GET /`
pub(super) async fn show(uri: Uri) -> Result<Response, Problem> {
    Query::read(uri.query(), &[])?;
    uncacheable(&json!({
        "name": "cache-server",
        "version": env!("CARGO_PKG_VERSION"),
        "endpoints": [
            {"path": "/v1/quotes?symbols=AAPL,MSFT", "what": "quotes of up to 100 symbols"},
            {"path": "/v1/quotes/{symbol}", "what": "one quote"},
            {"path": "/v1/bars/{symbol}?interval=1d&from=&to=", "what": "daily bars, both days included"},
            {"path": "/health", "what": "whether every tier answers"},
            {"path": "/v1/stats", "what": "hits by source, loads, calls of providers"},
            {"path": "/v1/events", "what": "says what happens to an asset, now or ahead (POST)"},
            {"path": "/v1/config/reload", "what": "reads the configuration anew (POST)"},
        ],
    }))
}
