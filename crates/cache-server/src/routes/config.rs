//! Reloads the configuration.

use std::sync::Arc;

use axum::{Extension, extract::State, http::Uri, response::Response};
use cache_http::{Problem, ProblemKind, guard::Sender, request::query::QueryParams, response::uncacheable};
use serde_json::{Value, json};

use super::RELOAD_PATH;
use crate::{
    app::{App, RELOAD_TIMEOUT, ReloadError},
    config::ReloadReport,
    http::problems,
    signals::log_reload,
};

/// `POST /v1/config/reload`
pub(super) async fn reload(
    State(app): State<Arc<App>>,
    Extension(sender): Extension<Sender>,
    uri: Uri,
) -> Result<Response, Problem> {
    QueryParams::read(uri.query(), &[])?;
    let result = Arc::clone(&app).reload_within(RELOAD_TIMEOUT).await;
    log_reload(&format!("POST {RELOAD_PATH}"), &result);
    let report = result.map_err(|error| match error {
        ReloadError::Invalid(errors) => {
            let errors: Vec<&str> = errors.iter().collect();
            let detail = "the new configuration is invalid, the current one stays in force: see errors";
            Problem::new(problems::INVALID_CONFIGURATION, detail).with("errors", json!(errors))
        }
        ReloadError::UnderWay => Problem::new(problems::RELOAD_UNDER_WAY, error.to_string()),
        ReloadError::TimedOut(_) => Problem::new(problems::RELOAD_TIMEOUT, error.to_string()),
        ReloadError::Aborted => Problem::new(ProblemKind::INTERNAL, error.to_string()),
    })?;
    let answer = body(&report);
    app.management.log_change(&sender, "reload", json!({}), answer.clone());
    uncacheable(&answer)
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
