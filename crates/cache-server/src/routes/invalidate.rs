//! Ends whatever carries a tag, on every tier and every node.

use std::sync::Arc;

use axum::{Extension, body::Bytes, extract::State, http::Uri, response::Response};
use cache_core::Tag;
use cache_http::{
    Problem, ProblemKind,
    guard::Sender,
    request::{json_object::json_object, query::QueryParams},
    response::uncacheable,
};
use serde::Deserialize;
use serde_json::json;

use crate::app::App;

/// The most tags in a request.
const MAX_TAGS: usize = 100;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Ended {
    tags: Vec<String>,
}

/// `POST /v1/invalidate` of `{"tags": ["AAPL", "users:17"]}`
pub(super) async fn invalidate(
    State(app): State<Arc<App>>,
    Extension(sender): Extension<Sender>,
    uri: Uri,
    body: Bytes,
) -> Result<Response, Problem> {
    QueryParams::read(uri.query(), &[])?;
    let invalid = |why: String| {
        let form = r#"{"tags": ["AAPL", "users:17"]}"#;
        Problem::new(ProblemKind::INVALID_BODY, format!("{why}; give {form}"))
    };
    let Ended { tags } =
        json_object(&body).map_err(|error| invalid(format!("the body is not valid: {error}")))?;
    if tags.is_empty() || tags.len() > MAX_TAGS {
        return Err(invalid(format!("the body has {} tags, it must have 1 to {MAX_TAGS}", tags.len())));
    }
    // All are looked at first, so that a bad one leaves the others alone.
    let read = |(at, text): (usize, &String)| {
        Tag::new(text).map_err(|error| invalid(format!("tag number {}: {error}", at + 1)))
    };
    let all: Vec<Tag> = tags.iter().enumerate().map(read).collect::<Result<_, _>>()?;
    for tag in all {
        app.cache.invalidate(tag).await.map_err(|error| Problem::from_error(&error))?;
    }
    let answer = json!({ "ended": tags });
    app.management.log_change(&sender, "invalidate", json!({ "tags": tags }), answer.clone());
    uncacheable(&answer)
}
