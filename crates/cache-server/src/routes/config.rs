//! Reloads the configuration.

use std::sync::Arc;

use axum::{extract::State, http::Uri, response::Response};
use serde_json::{Value, json};

use crate::{
    app::{App, RELOAD_TIMEOUT, ReloadError},
    config::ReloadReport,
    http::{
        problem::{Problem, ProblemKind},
        query::QueryParams,
    },
    routes::response::uncacheable,
};

/// `POST /v1/config/reload`
pub(super) async fn reload(State(app): State<Arc<App>>, uri: Uri) -> Result<Response, Problem> {
    QueryParams::read(uri.query(), &[])?;
    let report = app.reload_within(RELOAD_TIMEOUT).await.map_err(|error| match error {
        ReloadError::Invalid(errors) => {
            let errors: Vec<&str> = errors.iter().collect();
            let detail = "the new configuration is invalid, the current one stays in force: see errors";
            Problem::new(ProblemKind::InvalidConfiguration, detail).with("errors", json!(errors))
        }
        ReloadError::UnderWay => Problem::new(ProblemKind::ReloadUnderWay, error.to_string()),
        ReloadError::TimedOut(_) => Problem::new(ProblemKind::ReloadTimeout, error.to_string()),
        ReloadError::Aborted => Problem::new(ProblemKind::Internal, error.to_string()),
    })?;
    uncacheable(&body(&report))
}

fn body(report: &ReloadReport) -> Value {
    let changed = report.changed.iter().map(|(key, from, to)| json!({"key": key, "from": from, "to": to}));
    let restart = report.needs_restart.iter().map(|key| format!("needs a restart: {key}"));
    json!({
        "changed": changed.collect::<Vec<_>>(),
        "unchanged": restart.collect::<Vec<_>>(),
        "warnings": report.warnings,
    })
}
