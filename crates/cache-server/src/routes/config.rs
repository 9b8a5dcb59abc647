//! ConfigReader the configuration anew.

use std::sync::Arc;

use axum::{extract::State, http::Uri, response::Response};
use serde_json::{Value, json};

use crate::{
    app::App,
    config::Reloaded,
    http::{
        problem::{Problem, ProblemKind},
        query::Query,
    },
    routes::response::uncacheable,
};

/// `POST /v1/config/reload`
pub(super) async fn reload(State(app): State<Arc<App>>, uri: Uri) -> Result<Response, Problem> {
    Query::read(uri.query(), &[])?;
    // A file is read.
    let read = tokio::task::spawn_blocking(move || app.reload()).await;
    let read =
        read.map_err(|_| Problem::new(ProblemKind::Internal, "reading the configuration was cut short"))?;
    let reloaded = read.map_err(|faults| {
        let faults: Vec<&str> = faults.iter().collect();
        let detail = "the configuration can't be used, the one in force stays: see errors";
        Problem::new(ProblemKind::InvalidConfiguration, detail).with("errors", json!(faults))
    })?;
    uncacheable(&answer(&reloaded))
}

fn answer(reloaded: &Reloaded) -> Value {
    let changed = reloaded.changed.iter().map(|(key, from, to)| json!({"key": key, "from": from, "to": to}));
    let restart = reloaded.needs_restart.iter().map(|key| format!("needs a restart: {key}"));
    json!({
        "changed": changed.collect::<Vec<_>>(),
        "unchanged": restart.collect::<Vec<_>>(),
        "warnings": reloaded.warnings,
    })
}
