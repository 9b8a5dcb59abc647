//! The form of an answer: its data, where that came from, and what HTTP is told of it.

use axum::{
    body::Body,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use cache_facade::{Lookup, Source};
use serde::Serialize;

use crate::http::{
    cache_control::Freshness,
    etag::ETag,
    not_modified::Unsent,
    problem::{Problem, ProblemKind},
};

/// A datum with its circumstances beside it.
#[derive(Serialize)]
pub(super) struct Datum<T> {
    #[serde(flatten)]
    data: T,
    source: &'static str,
    age_ms: u64,
    stale: bool,
}

impl<T> Datum<T> {
    pub(super) fn new<V>(data: T, lookup: &Lookup<V>) -> Self {
        let source = match lookup.source {
            Source::Loader => "provider",
            other => other.as_str(),
        };
        let age_ms = u64::try_from(lookup.age.as_millis()).unwrap_or(u64::MAX);
        Self { data, source, age_ms, stale: lookup.stale }
    }
}

/// Answers with `body`, whose version is that of `data`; with 304 if the client has that version.
pub(super) fn cacheable(
    request: &HeaderMap,
    freshness: Freshness,
    data: &impl Serialize,
    body: &impl Serialize,
) -> Result<Response, Problem> {
    let etag = ETag::of(data).map_err(unwritable)?;
    let mut headers = freshness.headers();
    headers.extend(etag.value().map(|value| (header::ETAG, value)));
    if etag.is_known_to(request) {
        return Ok((StatusCode::NOT_MODIFIED, headers, Body::new(Unsent)).into_response());
    }
    Ok((headers, json(body)?).into_response())
}

/// Answers with `body`, which nobody may keep.
pub(super) fn uncacheable(body: &impl Serialize) -> Result<Response, Problem> {
    Ok(([(header::CACHE_CONTROL, "no-store")], json(body)?).into_response())
}

fn json(body: &impl Serialize) -> Result<Response, Problem> {
    let text = serde_json::to_string(body).map_err(unwritable)?;
    Ok(([(header::CONTENT_TYPE, "application/json")], text).into_response())
}

fn unwritable(error: serde_json::Error) -> Problem {
    Problem::new(ProblemKind::Internal, format!("the answer can't be written as JSON: {error}"))
}
