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
use cache_http::{
    Problem,
    guard::{Caller, Sender},
    public_text,
    request::{
        json_object::json_object,
        query::{QueryParams, echo},
    },
    response::uncacheable,
};
use cache_market::{Effect, EventId, MarketEvent, StandardKey};
use market_data::Asset;
use serde_json::{Value, json};

use crate::{app::App, http::problems};

/// `POST /v1/events` of `{"asset": "AAPL", "event": "earnings", "at": "2026-01-28T21:30:00Z"}`
pub(super) async fn announce(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Extension(sender): Extension<Sender>,
    uri: Uri,
    body: Bytes,
) -> Result<Response, Problem> {
    QueryParams::read(uri.query(), &[])?;
    let event: MarketEvent = json_object(&body).map_err(|error| {
        let expected =
            r#"{"asset": "AAPL", "event": "earnings", "at": "2026-01-28T21:30:00Z"}, without at for now"#;
        Problem::new(
            problems::INVALID_EVENT,
            format!("the body is not a valid event: {error}; give {expected}"),
        )
    })?;
    let (announced, not_refreshed) =
        app.events.announce(&event).await.map_err(|error| match error.kind() {
            ErrorKind::Limit => Problem::new(problems::TOO_MANY_EVENTS, error.to_string()),
            _ => Problem::from_error(&error),
        })?;
    let (mut dropped, mut stale, mut refreshed) = (Vec::new(), Vec::new(), Vec::new());
    for effect in announced.effects {
        match effect {
            Effect::Invalidate(tag) => dropped.push(tag.as_str().to_owned()),
            Effect::MarkStale(tag) => stale.push(tag.as_str().to_owned()),
            Effect::Refresh(key) if not_refreshed.iter().any(|(failed, _)| *failed == key) => {}
            Effect::Refresh(key) => refreshed.push(key.to_string()),
        }
    }
    let failed = |(key, error): &(StandardKey, Error)| {
        let error = caller.sees(error.to_string(), public_text(error));
        json!({ "key": key.to_string(), "error": error })
    };
    let failed: Vec<Value> = not_refreshed.iter().map(failed).collect();
    let outcome = json!({
        "id": announced.id.to_string(),
        "dropped": dropped,
        "stale": stale,
        "refreshed": refreshed.len(),
        "failed": failed.len(),
        "displaced": announced.displaced.len(),
    });
    app.management.log_change(&sender, "announce", json!(event), outcome);
    uncacheable(&json!({
        "id": announced.id.to_string(),
        "event": announced.event,
        "dropped": dropped,
        "stale": stale,
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
    Extension(sender): Extension<Sender>,
    id: Result<Path<String>, PathRejection>,
    uri: Uri,
) -> Result<Response, Problem> {
    QueryParams::read(uri.query(), &[])?;
    let id = read_id(id)?;
    let withdrawn = app.events.withdraw(id).await.map_err(|error| Problem::from_error(&error))?;
    let withdrawn = withdrawn.ok_or_else(|| unknown(&id.to_string()))?;
    let answer = json!({ "withdrawn": shown(id, &withdrawn.event), "stored": withdrawn.stored });
    app.management.log_change(&sender, "withdraw", json!({ "id": id.to_string() }), answer.clone());
    uncacheable(&answer)
}

fn shown(id: EventId, event: &MarketEvent) -> Value {
    json!({ "id": id.to_string(), "event": event })
}

fn read_id(id: Result<Path<String>, PathRejection>) -> Result<EventId, Problem> {
    let Path(text) = id.map_err(|error| Problem::new(problems::UNKNOWN_EVENT, error.body_text()))?;
    text.parse().map_err(|_| unknown(&text))
}

fn unknown(id: &str) -> Problem {
    let detail = format!(
        "no event {:?} lies ahead: it is over, was withdrawn, or never was announced; GET /v1/events lists those \
         that do",
        echo(id)
    );
    Problem::new(problems::UNKNOWN_EVENT, detail)
}
