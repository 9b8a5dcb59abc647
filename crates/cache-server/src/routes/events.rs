//! Announces a market event.

use std::sync::Arc;

use axum::{body::Bytes, extract::State, http::Uri, response::Response};
use cache_market::{Effect, MarketEvent};
use serde_json::json;

use crate::{
    app::App,
    http::{
        json_object::json_object,
        problem::{Problem, ProblemKind},
        query::QueryParams,
    },
    routes::response::uncacheable,
};

/// `POST /v1/events` of `{"asset": "AAPL", "event": "earnings", "at": "2026-01-28T21:30:00Z"}`
pub(super) async fn announce(
    State(app): State<Arc<App>>,
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
    let effects = app.events.announce(&event).await.map_err(|error| Problem::from_error(&error))?;
    let (mut dropped, mut refreshed) = (Vec::new(), Vec::new());
    for effect in effects {
        match effect {
            Effect::Invalidate(tag) => dropped.push(tag.as_str().to_owned()),
            Effect::Refresh(key) => refreshed.push(key.to_string()),
        }
    }
    uncacheable(&json!({"event": event, "dropped": dropped, "refreshed": refreshed}))
}
