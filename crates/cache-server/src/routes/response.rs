//! The form of a response: its data with their source and age, and the caching headers.

use axum::{
    body::Body,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use cache_core::Timestamp;
use cache_facade::{Lookup, Source};
use market_data::{DataType, moment::Moment};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::http::{
    cache_control::CacheControl,
    etag::ETag,
    not_modified::NotModifiedBody,
    problem::{Problem, ProblemKind},
};

/// The source of what was loaded.
const PROVIDER: &str = "provider";

/// Data with the source and age of their lookup as further members.
#[derive(Serialize)]
pub(super) struct Annotated<T> {
    #[serde(flatten)]
    data: T,
    source: &'static str,
    age_ms: u64,
    stale: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<DataType>,
    #[serde(skip_serializing_if = "Option::is_none")]
    as_of: Option<Moment>,
}

impl<T> Annotated<T> {
    pub(super) fn new<V>(data: T, lookup: &Lookup<V>) -> Self {
        let source = match lookup.source {
            Source::Loader => PROVIDER,
            other => other.as_str(),
        };
        let age_ms = u64::try_from(lookup.age.as_millis()).unwrap_or(u64::MAX);
        Self { data, source, age_ms, stale: lookup.stale, kind: None, as_of: None }
    }

    /// Says that the data were computed here, unless they come from a cache.
    pub(super) fn computed(self, is_computed: bool) -> Self {
        let source = if is_computed && self.source == PROVIDER { "computed" } else { self.source };
        Self { source, ..self }
    }

    /// Adds the moment as of which the data hold.
    pub(super) fn dated(self, moment: Timestamp) -> Self {
        Self { as_of: Some(Moment(moment)), ..self }
    }

    /// Adds the kind of the data.
    pub(super) fn of_kind(self, kind: DataType) -> Self {
        Self { kind: Some(kind), ..self }
    }
}

/// The longest answer to a request for many values, in bytes.
const MAX_ANSWER: usize = 8 << 20;

/// What is left of the longest answer.
pub(super) struct AnswerRoom(usize);

impl AnswerRoom {
    pub(super) fn new() -> Self {
        Self(MAX_ANSWER)
    }

    /// Returns a part of an answer as JSON, if there is room for it.
    pub(super) fn take(&mut self, part: &impl Serialize) -> Result<Option<Box<RawValue>>, Problem> {
        let text = serde_json::value::to_raw_value(part).map_err(unwritable)?;
        let left = self.0.checked_sub(text.get().len());
        self.0 = left.unwrap_or(self.0);
        Ok(left.map(|_| text))
    }

    /// What is told of a part for which there is none.
    pub(super) fn full() -> String {
        format!(
            "the answer would be longer than {} MiB with it: ask for it in another request",
            MAX_ANSWER >> 20
        )
    }
}

/// Returns a response with `body` and an entity tag over `data`; 304 if the client has that version.
pub(super) fn cacheable(
    request: &HeaderMap,
    cache_control: CacheControl,
    data: &impl Serialize,
    body: &impl Serialize,
) -> Result<Response, Problem> {
    let etag = ETag::of(data).map_err(unwritable)?;
    let mut headers = cache_control.headers();
    headers.extend(etag.value().map(|value| (header::ETAG, value)));
    if etag.is_known_to(request) {
        return Ok((StatusCode::NOT_MODIFIED, headers, Body::new(NotModifiedBody)).into_response());
    }
    Ok((headers, json(body)?).into_response())
}

/// Returns a response with `body` that must not be stored.
pub(super) fn uncacheable(body: &impl Serialize) -> Result<Response, Problem> {
    Ok(([(header::CACHE_CONTROL, "no-store")], json(body)?).into_response())
}

pub(super) fn json(body: &impl Serialize) -> Result<Response, Problem> {
    let text = serde_json::to_string(body).map_err(unwritable)?;
    Ok(([(header::CONTENT_TYPE, "application/json")], text).into_response())
}

fn unwritable(error: serde_json::Error) -> Problem {
    Problem::new(ProblemKind::Internal, format!("the response can't be written as JSON: {error}"))
}
