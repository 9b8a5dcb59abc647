//! Responses with a JSON body.

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;

use super::{cache_control::CacheControl, etag::ETag, not_modified::NotModifiedBody};
use crate::problem::Problem;

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// Returns a response with `body`, which is JSON, and the entity tag of its data; 304 if the client has that
/// version.
pub fn cacheable(request: &HeaderMap, cache_control: CacheControl, etag: ETag, body: Vec<u8>) -> Response {
    let mut headers = cache_control.headers();
    headers.extend(etag.value().map(|value| (header::ETAG, value)));
    let mut response = if etag.is_known_to(request) {
        let mut response = Response::new(Body::new(NotModifiedBody));
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        response
    } else {
        headers.insert(header::CONTENT_TYPE, JSON);
        Response::new(Body::from(body))
    };
    *response.headers_mut() = headers;
    response
}

/// Returns a response with `body` that must not be stored.
///
/// # Errors
///
/// As [`json`].
pub fn uncacheable(body: &impl Serialize) -> Result<Response, Problem> {
    Ok(([(header::CACHE_CONTROL, NO_STORE)], json(body)?).into_response())
}

/// Returns a response with `body`, which is JSON, and must not be stored.
pub fn uncacheable_text(body: Vec<u8>) -> Response {
    ([(header::CACHE_CONTROL, NO_STORE), (header::CONTENT_TYPE, JSON)], body).into_response()
}

/// Returns a response with `body`.
///
/// # Errors
///
/// `Internal` if it can't be written as JSON.
pub fn json(body: &impl Serialize) -> Result<Response, Problem> {
    let text = serde_json::to_string(body).map_err(|error| Problem::unwritable(&error))?;
    Ok(([(header::CONTENT_TYPE, JSON)], text).into_response())
}
