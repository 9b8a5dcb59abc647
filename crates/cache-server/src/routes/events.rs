//! Announces market events, lists those that lie ahead, and withdraws them.

use std::sync::Arc;

use axum::{
    Extension,
    body::Bytes,
    extract::{Path, State, rejection::PathRejection},
    http::Uri,
    response::Response,
};
use cache_core::{Error, ErrorKind};
use cache_market::{Effect, EventId, MarketEvent, StandardKey};
use market_data::Asset;
use serde_json::{Value, json};

use crate::{
    app::App,
    http::{
        guard::Caller,
        json_object::json_object,
        problem::{Problem, ProblemKind, public_text},
        query::{QueryParams, echo},
    },
    routes::response::uncacheable,
};

/// `POST /v1/events` of `{"asset": "AAPL", "event": "earnings", "at": "2026-01-28T21:30:00Z"}`
pub(super) async fn announce(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    uri: Uri,
    body: Bytes,
) -> Result<Response, Problem> {
    QueryParams::read(uri.query(), &[])?;
    let event: MarketEvent = json_object(&body).map_err(|error| {
        let expected =
            r#"{"asset": "AAPL", "event": "earnings", "at": "2026-01-28T21:30:00Z"}, without at for now"#;
        Problem::new(
            ProblemKind::InvalidEvent,
            format!("the body is not a valid event: {error}; give {expected}"),
        )
    })?;
    let (announced, not_refreshed) =
        app.events.announce(&event).await.map_err(|error| match error.kind() {
            ErrorKind::Limit => Problem::new(ProblemKind::TooManyEvents, error.to_string()),
            _ => Problem::from_error(&error),
        })?;
    let (mut dropped, mut refreshed) = (Vec::new(), Vec::new());
    for effect in announced.effects {
        match effect {
            Effect::Invalidate(tag) => dropped.push(tag.as_str().to_owned()),
            Effect::Refresh(key) if not_refreshed.iter().any(|(failed, _)| *failed == key) => {}
            Effect::Refresh(key) => refreshed.push(key.to_string()),
        }
    }
    let failed = |(key, error): &(StandardKey, Error)| {
        let error = caller.sees(error.to_string(), public_text(error));
        json!({ "key": key.to_string(), "error": error })
    };
    let failed: Vec<Value> = not_refreshed.iter().map(failed).collect();
    uncacheable(&json!({
        "id": announced.id.to_string(),
        "event": announced.event,
        "dropped": dropped,
        "refreshed": refreshed,
        "failed": failed,
        "displaced": announced.displaced,
        "stored": announced.stored,
    }))
}

/// `GET /v1/events?asset=AAPL`
pub(super) async fn list(State(app): State<Arc<App>>, uri: Uri) -> Result<Response, Problem> {
    let query = QueryParams::read(uri.query(), &["asset"])?;
    let asset = query.get("asset").map(|text| {
        let invalid = |error| Problem::parameter("asset", format!("{error}: write asset=AAPL"));
        text.parse::<Asset>().map_err(invalid)
    });
    let asset = asset.transpose()?;
    let mut ahead = app.events.announced.ahead();
    ahead.retain(|(_, event)| asset.as_ref().is_none_or(|asset| event.asset == *asset));
    let events: Vec<Value> = ahead.iter().map(|(id, event)| shown(*id, event)).collect();
    uncacheable(&json!({ "events": events }))
}

/// `GET /v1/events/{id}`
pub(super) async fn one(
    State(app): State<Arc<App>>,
    id: Result<Path<String>, PathRejection>,
    uri: Uri,
) -> Result<Response, Problem> {
    QueryParams::read(uri.query(), &[])?;
    let id = read_id(id)?;
    let event = app.events.announced.get(id).ok_or_else(|| unknown(&id.to_string()))?;
    uncacheable(&shown(id, &event))
}

/// `DELETE /v1/events/{id}`
pub(super) async fn withdraw(
    State(app): State<Arc<App>>,
    id: Result<Path<String>, PathRejection>,
    uri: Uri,
) -> Result<Response, Problem> {
    QueryParams::read(uri.query(), &[])?;
    let id = read_id(id)?;
    let withdrawn = app.events.withdraw(id).await.map_err(|error| Problem::from_error(&error))?;
    let withdrawn = withdrawn.ok_or_else(|| unknown(&id.to_string()))?;
    uncacheable(&json!({ "withdrawn": shown(id, &withdrawn.event), "stored": withdrawn.stored }))
}

fn shown(id: EventId, event: &MarketEvent) -> Value {
    json!({ "id": id.to_string(), "event": event })
}

fn read_id(id: Result<Path<String>, PathRejection>) -> Result<EventId, Problem> {
    let Path(text) = id.map_err(|error| Problem::new(ProblemKind::UnknownEvent, error.body_text()))?;
    text.parse().map_err(|_| unknown(&text))
}

fn unknown(id: &str) -> Problem {
    let detail = format!(
        "no event {:?} lies ahead: it is over, was withdrawn, or never was announced; GET /v1/events lists those \
         that do",
        echo(id)
    );
    Problem::new(ProblemKind::UnknownEvent, detail)
}
