//! What was fetched beforehand, and what became of it.

use std::sync::Arc;

use axum::{Extension, extract::State, http::Uri, response::Response};
use cache_warming::{KindStats, RunResult, SchedulerStats, StrategyStats};
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
    let stats = app.warming.warming.stats();
    uncacheable(&Figures {
        enabled: stats.enabled,
        tracked: stats.tracked,
        requests_per_second: stats.requests_per_second,
        misses: stats.misses,
        coverage: stats.coverage,
        calls_saved: stats.calls_saved,
        strategies: stats
            .strategies
            .into_iter()
            .map(|strategy| StrategyFigures::of(strategy, caller))
            .collect(),
        kinds: stats.kinds,
        updates: app.warming.updates(),
    })
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
    enabled: bool,
    tracked: usize,
    requests_per_second: f64,
    misses: u64,
    coverage: Option<f64>,
    calls_saved: i64,
    strategies: Vec<StrategyFigures>,
    kinds: Vec<KindStats>,
    updates: SchedulerStats,
}

#[derive(Serialize)]
struct StrategyFigures {
    name: String,
    runs: u64,
    /// The run under way.
    running: Option<Progress>,
    last: Option<RunResult>,
    fetched: u64,
    read: u64,
    unread: u64,
    saved: u64,
    precision: Option<f64>,
}

/// How far a run has come.
#[derive(Serialize)]
struct Progress {
    done: usize,
    items: usize,
}

impl StrategyFigures {
    fn of(stats: StrategyStats, caller: Caller) -> Self {
        let effect = stats.effectiveness;
        let shown = |mut run: RunResult| {
            run.error = run.error.map(|error| caller.sees(error, PUBLIC_ERROR));
            run
        };
        Self {
            name: stats.name,
            runs: stats.runs,
            running: stats.running.map(|(done, items)| Progress { done, items }),
            last: stats.last.map(shown),
            fetched: effect.fetched,
            read: effect.read,
            unread: effect.unread,
            saved: effect.saved,
            precision: stats.precision,
        }
    }
}
