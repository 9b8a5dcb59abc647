//! Schedules updates of values, which go to their providers in batches.

use std::sync::Arc;

use axum::{Extension, body::Bytes, extract::State, http::Uri, response::Response};
use cache_http::{
    Problem, ProblemKind,
    guard::Sender,
    request::{json_object::json_object, query::QueryParams},
    response::uncacheable,
};
use cache_warming::{Priority, Scheduled};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::{app::App, http::problems, routes::market::key_of};

/// The most updates in a request.
const MAX_UPDATES: usize = 500;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    updates: Vec<Update>,
}

/// An update as it is sent.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Update {
    symbol: String,
    kind: String,
    #[serde(default)]
    priority: Priority,
    /// Of bars.
    #[serde(default)]
    interval: Option<String>,
    /// Of a document.
    #[serde(default)]
    parameters: Map<String, Value>,
}

/// What became of one.
#[derive(PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Status {
    Queued,
    AlreadyQueued,
    Fresh,
    /// It can't be scheduled as it is.
    Invalid,
    /// Too much waits already, or the service stops.
    Refused,
}

#[derive(Serialize)]
struct Answer<'a> {
    symbol: &'a str,
    kind: &'a str,
    status: Status,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// `POST /cache/warming/updates` of `{"updates": [{"symbol": "AAPL", "kind": "quote", "priority": "high"}]}`
pub(super) async fn schedule(
    State(app): State<Arc<App>>,
    Extension(sender): Extension<Sender>,
    uri: Uri,
    body: Bytes,
) -> Result<Response, Problem> {
    QueryParams::read(uri.query(), &[])?;
    if !app.config().settings.batch.enabled {
        let detail = "updates are switched off: set batch.enabled (CACHE_BATCH_ENABLED) to true and reload";
        return Err(Problem::new(problems::UPDATES_OFF, detail));
    }
    let invalid = |why: String| {
        let form = r#"{"updates": [{"symbol": "AAPL", "kind": "quote", "priority": "high"}]}, with a priority of low, normal, high or critical"#;
        Problem::new(ProblemKind::INVALID_BODY, format!("{why}; give {form}"))
    };
    let Wanted { updates } =
        json_object(&body).map_err(|error| invalid(format!("the body is not valid: {error}")))?;
    if updates.is_empty() || updates.len() > MAX_UPDATES {
        let why = format!("the body has {} updates, it must have 1 to {MAX_UPDATES}", updates.len());
        return Err(invalid(why));
    }
    let answers: Vec<Answer<'_>> = updates.iter().map(|update| update.schedule(&app)).collect();
    let queued = answers.iter().filter(|answer| answer.status == Status::Queued).count();
    let request = json!({ "updates": updates.len() });
    app.management.log_change(&sender, "schedule", request, json!({ "queued": queued }));
    uncacheable(&json!({ "updates": answers }))
}

impl Update {
    fn schedule(&self, app: &App) -> Answer<'_> {
        let (status, error) = match self.scheduled(app) {
            Ok(status) => (status, None),
            Err((status, error)) => (status, Some(error)),
        };
        Answer { symbol: &self.symbol, kind: &self.kind, status, error }
    }

    fn scheduled(&self, app: &App) -> Result<Status, (Status, String)> {
        let kind = match &*self.kind {
            "quote" => "price",
            "bars" => "ohlcv",
            other => other,
        };
        let key = key_of(app, kind, &self.symbol, self.interval.as_deref(), &self.parameters)
            .map_err(|problem| (Status::Invalid, problem.public_detail().to_owned()))?;
        match app.warming.schedule_update(&key, self.priority) {
            Some(Ok(Scheduled::AlreadyQueued)) => Ok(Status::AlreadyQueued),
            Some(Ok(Scheduled::Fresh)) => Ok(Status::Fresh),
            Some(Ok(_)) => Ok(Status::Queued),
            Some(Err(error)) => Err((Status::Refused, error.to_string())),
            None => {
                let why = format!("{kind} is computed: schedule an update of what it is computed from");
                Err((Status::Invalid, why))
            }
        }
    }
}
