//! What was fetched beforehand, and what became of it.

use std::sync::Arc;

use axum::{Extension, extract::State, http::Uri, response::Response};
use cache_warming::{SchedulerStats, StrategyStats, WarmingStats};
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    app::App,
    http::{guard::Caller, problem::Problem, query::QueryParams},
    routes::response::uncacheable,
};

/// What strangers read in place of an error, which may name addresses and paths.
const PUBLIC_ERROR: &str = "it failed: the log of the service says why";

/// `GET /cache/warming/metrics`
pub(super) async fn show(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    uri: Uri,
) -> Result<Response, Problem> {
    QueryParams::read(uri.query(), &[])?;
    let mut stats = app.warming.warming.stats();
    for run in stats.strategies.iter_mut().filter_map(|strategy| strategy.last.as_mut()) {
        run.error = run.error.take().map(|error| caller.sees(error, PUBLIC_ERROR));
    }
    uncacheable(&Figures { stats, updates: app.warming.updates() })
}

/// Returns what the statistics of the service say of warming.
pub(in crate::routes) fn summary(app: &App) -> Value {
    let stats = app.warming.warming.stats();
    let strategy = |strategy: &StrategyStats| {
        let effect = &strategy.effectiveness;
        json!({
            "name": strategy.name,
            "runs": strategy.runs,
            "fetched": effect.fetched,
            "read": effect.read,
            "unread": effect.unread,
            "saved": effect.saved,
            "precision": strategy.precision,
        })
    };
    let strategies: Vec<Value> = stats.strategies.iter().map(strategy).collect();
    json!({
        "enabled": stats.enabled,
        "tracked": stats.tracked,
        "calls_saved": stats.calls_saved,
        "coverage": stats.coverage,
        "updates_pending": app.warming.updates().pending,
        "strategies": strategies,
    })
}

#[derive(Serialize)]
struct Figures {
    #[serde(flatten)]
    stats: WarmingStats,
    updates: SchedulerStats,
}
