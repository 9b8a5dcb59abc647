//! Errors as `application/problem+json` (RFC 9457), with the invalid value and the remedy.

use std::collections::BTreeMap;

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use cache_core::{Error, ErrorKind};
use serde::Serialize;
use serde_json::Value;

use crate::http::cache_control::CacheControl;

/// The type of a problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProblemKind {
    InvalidParameter,
    InvalidHost,
    UnknownSymbol,
    NotKept,
    NoSuchPath,
    MethodNotAllowed,
    BodyTooLarge,
    UrlTooLong,
    HeadersTooLarge,
    InvalidConfiguration,
    InvalidEvent,
    ProviderFailed,
    ProviderTimeout,
    ShuttingDown,
    Internal,
}

impl ProblemKind {
    /// Returns the status, the last part of the type's URI, and the title.
    fn describe(self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::InvalidParameter => (StatusCode::BAD_REQUEST, "invalid-parameter", "Invalid parameter"),
            Self::InvalidHost => (StatusCode::BAD_REQUEST, "invalid-host", "Invalid host"),
            Self::UnknownSymbol => (StatusCode::NOT_FOUND, "unknown-symbol", "Unknown symbol"),
            Self::NotKept => (StatusCode::NOT_FOUND, "not-kept", "The provider has no such data any more"),
            Self::NoSuchPath => (StatusCode::NOT_FOUND, "no-such-path", "No such path"),
            Self::MethodNotAllowed => {
                (StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", "Method not allowed")
            }
            Self::BodyTooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "body-too-large", "Body too large"),
            Self::UrlTooLong => (StatusCode::URI_TOO_LONG, "url-too-long", "URL too long"),
            Self::HeadersTooLarge => {
                (StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "headers-too-large", "Headers too large")
            }
            Self::InvalidConfiguration => {
                (StatusCode::UNPROCESSABLE_ENTITY, "invalid-configuration", "Invalid configuration")
            }
            Self::InvalidEvent => (StatusCode::UNPROCESSABLE_ENTITY, "invalid-event", "Invalid event"),
            Self::ProviderFailed => (StatusCode::BAD_GATEWAY, "provider-failed", "The provider failed"),
            Self::ProviderTimeout => {
                (StatusCode::GATEWAY_TIMEOUT, "provider-timeout", "The provider did not answer in time")
            }
            Self::ShuttingDown => (StatusCode::SERVICE_UNAVAILABLE, "shutting-down", "Shutting down"),
            Self::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "internal", "Internal error"),
        }
    }
}

/// An error as the client receives it.
#[derive(Debug)]
pub(crate) struct Problem {
    kind: ProblemKind,
    detail: String,
    members: BTreeMap<String, Value>,
    cache_control: Option<CacheControl>,
}

impl Problem {
    pub(crate) fn new(kind: ProblemKind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into(), members: BTreeMap::new(), cache_control: None }
    }

    /// Returns the problem of an invalid parameter, with its name as a further member.
    pub(crate) fn parameter(name: &str, detail: impl Into<String>) -> Self {
        Self::new(ProblemKind::InvalidParameter, detail).with("parameter", name)
    }

    /// Returns the problem of a failed lookup.
    pub(crate) fn from_error(error: &Error) -> Self {
        let kind = match error.kind() {
            ErrorKind::Timeout => ProblemKind::ProviderTimeout,
            ErrorKind::Load | ErrorKind::Unavailable => ProblemKind::ProviderFailed,
            ErrorKind::Closed => ProblemKind::ShuttingDown,
            ErrorKind::Config
            | ErrorKind::Limit
            | ErrorKind::Codec
            | ErrorKind::Corrupt
            | ErrorKind::Storage => ProblemKind::Internal,
        };
        Self::new(kind, error.to_string())
    }

    /// Adds a member.
    pub(crate) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.members.insert(name.to_owned(), value.into());
        self
    }

    /// Sets its age and remaining life. Without, a problem must not be stored.
    pub(crate) fn with_cache_control(self, cache_control: CacheControl) -> Self {
        Self { cache_control: Some(cache_control), ..self }
    }
}

/// The JSON of a problem.
#[derive(Serialize)]
struct Body {
    #[serde(rename = "type")]
    kind: String,
    title: &'static str,
    status: u16,
    detail: String,
    #[serde(flatten)]
    members: BTreeMap<String, Value>,
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (status, name, title) = self.kind.describe();
        let body = Body {
            kind: format!("urn:problem-type:cache-server:{name}"),
            title,
            status: status.as_u16(),
            detail: self.detail,
            members: self.members,
        };
        // Strings, numbers and lists can always be written.
        let body = serde_json::to_string(&body).unwrap_or_default();
        let mut headers = self.cache_control.map(CacheControl::headers).unwrap_or_default();
        headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        (status, headers, body).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loads_failure_is_the_gateways_and_a_deadline_is_named_as_one() {
        for (kind, status) in [
            (ErrorKind::Load, StatusCode::BAD_GATEWAY),
            (ErrorKind::Unavailable, StatusCode::BAD_GATEWAY),
            (ErrorKind::Timeout, StatusCode::GATEWAY_TIMEOUT),
            (ErrorKind::Closed, StatusCode::SERVICE_UNAVAILABLE),
            (ErrorKind::Corrupt, StatusCode::INTERNAL_SERVER_ERROR),
        ] {
            let response = Problem::from_error(&Error::new(kind, "load", "x")).into_response();
            assert_eq!(response.status(), status);
            assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
            assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store");
        }
    }
}
