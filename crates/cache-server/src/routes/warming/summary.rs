//! What was fetched beforehand, and what became of it.

use cache_warming::StrategyStats;
use serde_json::{Value, json};

use crate::app::App;

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
        "pairs": stats.pairs,
        "calls_saved": stats.calls_saved,
        "coverage": stats.coverage,
        "updates_pending": app.warming.updates().pending,
        "strategies": strategies,
    })
}
