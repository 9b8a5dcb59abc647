//! Errors as `application/problem+json` (RFC 9457), with the invalid value and the remedy.

use std::collections::BTreeMap;

use axum::{
    Extension,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use cache_core::{Error, ErrorKind};
use serde::Serialize;
use serde_json::Value;

use crate::http::{cache_control::CacheControl, guard::Caller};

/// The type of a problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProblemKind {
    InvalidParameter,
    InvalidHost,
    InvalidBody,
    MalformedRequest,
    TokenMissing,
    TokenWrong,
    NotLocal,
    CrossSite,
    UnknownSymbol,
    UnknownKind,
    NotOffered,
    Rejected,
    NotKept,
    NoSuchPath,
    NoSuchKind,
    NoSuchStrategy,
    UpdatesOff,
    NoSuchEntry,
    VersionDiffers,
    InvalidEntry,
    NotStored,
    Busy,
    MethodNotAllowed,
    RequestTimeout,
    ReloadUnderWay,
    BodyTooLarge,
    UrlTooLong,
    UnsupportedMediaType,
    ForeignHost,
    HeadersTooLarge,
    InvalidConfiguration,
    InvalidEvent,
    UnknownEvent,
    TooManyEvents,
    ProviderFailed,
    ProviderTimeout,
    ShuttingDown,
    ReloadTimeout,
    Internal,
}

impl ProblemKind {
    /// Returns the status, the last part of the type's URI, and the title.
    fn describe(self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::InvalidParameter => (StatusCode::BAD_REQUEST, "invalid-parameter", "Invalid parameter"),
            Self::InvalidHost => (StatusCode::BAD_REQUEST, "invalid-host", "Invalid host"),
            Self::InvalidBody => (StatusCode::BAD_REQUEST, "invalid-body", "Invalid body"),
            Self::MalformedRequest => (StatusCode::BAD_REQUEST, "malformed-request", "Malformed request"),
            Self::TokenMissing => (StatusCode::UNAUTHORIZED, "token-missing", "Token missing"),
            Self::TokenWrong => (StatusCode::UNAUTHORIZED, "token-wrong", "Wrong token"),
            Self::NotLocal => (StatusCode::FORBIDDEN, "not-local", "Not from this machine"),
            Self::CrossSite => (StatusCode::FORBIDDEN, "cross-site", "Sent by a page of another site"),
            Self::UnknownSymbol => (StatusCode::NOT_FOUND, "unknown-symbol", "Unknown symbol"),
            Self::UnknownKind => (StatusCode::NOT_FOUND, "unknown-kind", "Unknown kind of data"),
            Self::NotOffered => (StatusCode::NOT_FOUND, "not-offered", "No provider offers such data"),
            Self::Rejected => (StatusCode::BAD_REQUEST, "rejected", "The provider rejected the request"),
            Self::NotKept => (StatusCode::NOT_FOUND, "not-kept", "The provider has no such data any more"),
            Self::NoSuchPath => (StatusCode::NOT_FOUND, "no-such-path", "No such path"),
            Self::NoSuchKind => (StatusCode::NOT_FOUND, "no-such-kind", "No such kind of values"),
            Self::NoSuchStrategy => {
                (StatusCode::NOT_FOUND, "no-such-strategy", "No such strategy of warming")
            }
            Self::UpdatesOff => (StatusCode::CONFLICT, "updates-off", "Updates are switched off"),
            Self::NoSuchEntry => (StatusCode::NOT_FOUND, "no-such-entry", "No such entry"),
            Self::VersionDiffers => {
                (StatusCode::PRECONDITION_FAILED, "version-differs", "Another version is there")
            }
            Self::InvalidEntry => (StatusCode::UNPROCESSABLE_ENTITY, "invalid-entry", "Invalid entry"),
            Self::NotStored => (StatusCode::INSUFFICIENT_STORAGE, "not-stored", "No place to store it"),
            Self::Busy => (StatusCode::SERVICE_UNAVAILABLE, "busy", "Too much at once"),
            Self::MethodNotAllowed => {
                (StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", "Method not allowed")
            }
            Self::RequestTimeout => {
                (StatusCode::REQUEST_TIMEOUT, "request-timeout", "The request came too slowly")
            }
            Self::ReloadUnderWay => (StatusCode::CONFLICT, "reload-under-way", "A reload is under way"),
            Self::UnsupportedMediaType => {
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", "Unsupported media type")
            }
            Self::ForeignHost => (StatusCode::MISDIRECTED_REQUEST, "foreign-host", "Foreign host"),
            Self::BodyTooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "body-too-large", "Body too large"),
            Self::UrlTooLong => (StatusCode::URI_TOO_LONG, "url-too-long", "URL too long"),
            Self::HeadersTooLarge => {
                (StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "headers-too-large", "Headers too large")
            }
            Self::InvalidConfiguration => {
                (StatusCode::UNPROCESSABLE_ENTITY, "invalid-configuration", "Invalid configuration")
            }
            Self::InvalidEvent => (StatusCode::UNPROCESSABLE_ENTITY, "invalid-event", "Invalid event"),
            Self::UnknownEvent => (StatusCode::NOT_FOUND, "unknown-event", "Unknown event"),
            Self::TooManyEvents => (StatusCode::CONFLICT, "too-many-events", "Too many events"),
            Self::ProviderFailed => (StatusCode::BAD_GATEWAY, "provider-failed", "The provider failed"),
            Self::ProviderTimeout => {
                (StatusCode::GATEWAY_TIMEOUT, "provider-timeout", "The provider did not answer in time")
            }
            Self::ShuttingDown => (StatusCode::SERVICE_UNAVAILABLE, "shutting-down", "Shutting down"),
            Self::ReloadTimeout => (
                StatusCode::SERVICE_UNAVAILABLE,
                "reload-timeout",
                "The configuration could not be read in time",
            ),
            Self::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "internal", "Internal error"),
        }
    }
}

/// An error as the client receives it.
///
/// The response that it becomes has its body once [`Problem::show`] knows who asks.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    kind: ProblemKind,
    detail: Box<str>,
    /// The detail for those who may see the inside of the service.
    inside: Option<Box<str>>,
    members: BTreeMap<String, Value>,
    cache_control: Option<CacheControl>,
}

impl Problem {
    pub(crate) fn new(kind: ProblemKind, detail: impl Into<String>) -> Self {
        Self {
            kind,
            detail: detail.into().into(),
            inside: None,
            members: BTreeMap::new(),
            cache_control: None,
        }
    }

    /// Returns the problem of an invalid parameter, with its name as a further member.
    pub(crate) fn parameter(name: &str, detail: impl Into<String>) -> Self {
        Self::new(ProblemKind::InvalidParameter, detail).with("parameter", name)
    }

    /// Returns the problem of a failed lookup. Strangers see only what kind of failure it is: the error's text may
    /// name addresses, users and paths.
    pub(crate) fn from_error(error: &Error) -> Self {
        let kind = match error.kind() {
            ErrorKind::Timeout => ProblemKind::ProviderTimeout,
            ErrorKind::Load | ErrorKind::Unavailable => ProblemKind::ProviderFailed,
            // Keys are checked before they are looked up, so it is the provider that can't make sense of one.
            ErrorKind::Config => ProblemKind::Rejected,
            ErrorKind::Closed => ProblemKind::ShuttingDown,
            _ => ProblemKind::Internal,
        };
        if kind == ProblemKind::Internal {
            tracing::error!(%error, "a request failed: answered 500");
        }
        Self::caused(kind, error)
    }

    /// Returns the problem of an error, whose text strangers don't see.
    pub(crate) fn caused(kind: ProblemKind, error: &Error) -> Self {
        Self { inside: Some(error.to_string().into()), ..Self::new(kind, public_text(error)) }
    }

    /// Returns the status.
    pub(crate) fn status(&self) -> StatusCode {
        self.kind.describe().0
    }

    /// Returns the detail, as the caller may see it.
    pub(crate) fn detail(&self, caller: Caller) -> &str {
        self.inside.as_deref().filter(|_| caller == Caller::Insider).unwrap_or(&self.detail)
    }

    /// Adds a member.
    pub(crate) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.members.insert(name.to_owned(), value.into());
        self
    }

    /// Returns what is wrong, as anyone may see it.
    pub(crate) fn public_detail(&self) -> &str {
        &self.detail
    }

    /// Sets its age and remaining life. Without, a problem must not be stored.
    pub(crate) fn with_cache_control(self, cache_control: CacheControl) -> Self {
        Self { cache_control: Some(cache_control), ..self }
    }
}

/// The JSON of a problem.
#[derive(Serialize)]
struct Body<'a> {
    #[serde(rename = "type")]
    kind: String,
    title: &'static str,
    status: u16,
    detail: &'a str,
    #[serde(flatten)]
    members: &'a BTreeMap<String, Value>,
}

impl Problem {
    /// Writes the body of a response that is a problem, as its caller may see it.
    pub(crate) fn show(mut response: Response, caller: Caller) -> Response {
        let Some(problem) = response.extensions_mut().remove::<Self>() else { return response };
        let body = problem.json(problem.detail(caller));
        response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
        *response.body_mut() = body.into();
        response
    }

    /// Returns the body for strangers.
    pub(crate) fn public_json(&self) -> String {
        self.json(&self.detail)
    }

    fn json(&self, detail: &str) -> String {
        let (status, name, title) = self.kind.describe();
        let body = Body {
            kind: format!("urn:problem-type:cache-server:{name}"),
            title,
            status: status.as_u16(),
            detail,
            members: &self.members,
        };
        // Strings, numbers and lists can always be written.
        serde_json::to_string(&body).unwrap_or_default()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (status, ..) = self.kind.describe();
        let mut headers = self.cache_control.map(CacheControl::headers).unwrap_or_default();
        headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if self.kind == ProblemKind::Busy {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        // RFC 6750, 3: only who sent a token is told that it is wrong.
        let wanted = match self.kind {
            ProblemKind::TokenMissing => Some("Bearer"),
            ProblemKind::TokenWrong => Some("Bearer error=\"invalid_token\""),
            _ => None,
        };
        if let Some(wanted) = wanted {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(wanted));
        }
        (status, headers, Extension(self)).into_response()
    }
}

/// Returns what a stranger may know of an error: what kind of failure it is.
pub(crate) fn public_text(error: &Error) -> &'static str {
    match error.kind() {
        ErrorKind::Timeout => "it did not answer in time",
        ErrorKind::Load | ErrorKind::Unavailable => "it failed or can't be reached",
        ErrorKind::Config => "the provider rejected the request: check the symbol and the parameters",
        ErrorKind::Closed => "the service is shutting down",
        ErrorKind::Storage => "it can't be read or written",
        ErrorKind::Limit => "a limit was reached",
        _ => "the service failed: its log says at what",
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
            (ErrorKind::Config, StatusCode::BAD_REQUEST),
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
