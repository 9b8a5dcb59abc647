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
use utoipa::ToSchema;

use crate::{guard::Caller, response::cache_control::CacheControl};

/// The type of a problem: its status, the last part of its URI, and its title.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProblemKind {
    status: StatusCode,
    name: &'static str,
    title: &'static str,
}

impl ProblemKind {
    /// Invalid parameter.
    pub const INVALID_PARAMETER: Self =
        Self::new(StatusCode::BAD_REQUEST, "invalid-parameter", "Invalid parameter");
    /// Invalid host.
    pub const INVALID_HOST: Self = Self::new(StatusCode::BAD_REQUEST, "invalid-host", "Invalid host");
    /// Invalid body.
    pub const INVALID_BODY: Self = Self::new(StatusCode::BAD_REQUEST, "invalid-body", "Invalid body");
    /// Malformed request.
    pub const MALFORMED_REQUEST: Self =
        Self::new(StatusCode::BAD_REQUEST, "malformed-request", "Malformed request");
    /// Token missing.
    pub const TOKEN_MISSING: Self = Self::new(StatusCode::UNAUTHORIZED, "token-missing", "Token missing");
    /// Wrong token.
    pub const TOKEN_WRONG: Self = Self::new(StatusCode::UNAUTHORIZED, "token-wrong", "Wrong token");
    /// Not from this machine.
    pub const NOT_LOCAL: Self = Self::new(StatusCode::FORBIDDEN, "not-local", "Not from this machine");
    /// Sent by a page of another site.
    pub const CROSS_SITE: Self =
        Self::new(StatusCode::FORBIDDEN, "cross-site", "Sent by a page of another site");
    /// The provider rejected the request.
    pub const REJECTED: Self =
        Self::new(StatusCode::BAD_REQUEST, "rejected", "The provider rejected the request");
    /// No such path.
    pub const NO_SUCH_PATH: Self = Self::new(StatusCode::NOT_FOUND, "no-such-path", "No such path");
    /// No such strategy of warming.
    pub const NO_SUCH_STRATEGY: Self =
        Self::new(StatusCode::NOT_FOUND, "no-such-strategy", "No such strategy of warming");
    /// No such entry.
    pub const NO_SUCH_ENTRY: Self = Self::new(StatusCode::NOT_FOUND, "no-such-entry", "No such entry");
    /// Too much at once.
    pub const BUSY: Self = Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", "Too much at once");
    /// Method not allowed.
    pub const METHOD_NOT_ALLOWED: Self =
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", "Method not allowed");
    /// The request came too slowly.
    pub const REQUEST_TIMEOUT: Self =
        Self::new(StatusCode::REQUEST_TIMEOUT, "request-timeout", "The request came too slowly");
    /// Unsupported media type.
    pub const UNSUPPORTED_MEDIA_TYPE: Self =
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", "Unsupported media type");
    /// Foreign host.
    pub const FOREIGN_HOST: Self = Self::new(StatusCode::MISDIRECTED_REQUEST, "foreign-host", "Foreign host");
    /// Body too large.
    pub const BODY_TOO_LARGE: Self =
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "body-too-large", "Body too large");
    /// URL too long.
    pub const URL_TOO_LONG: Self = Self::new(StatusCode::URI_TOO_LONG, "url-too-long", "URL too long");
    /// Headers too large.
    pub const HEADERS_TOO_LARGE: Self =
        Self::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "headers-too-large", "Headers too large");
    /// The provider failed.
    pub const PROVIDER_FAILED: Self =
        Self::new(StatusCode::BAD_GATEWAY, "provider-failed", "The provider failed");
    /// The provider did not answer in time.
    pub const PROVIDER_TIMEOUT: Self =
        Self::new(StatusCode::GATEWAY_TIMEOUT, "provider-timeout", "The provider did not answer in time");
    /// Shutting down.
    pub const SHUTTING_DOWN: Self =
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "shutting-down", "Shutting down");
    /// It is not cached.
    pub const NOT_CACHED: Self = Self::new(StatusCode::GATEWAY_TIMEOUT, "not-cached", "Not cached");
    /// Internal error.
    pub const INTERNAL: Self = Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Internal error");

    /// Returns the type of a problem of an application's own. `name` is the last part of its URI, in kebab case.
    #[must_use]
    pub const fn new(status: StatusCode, name: &'static str, title: &'static str) -> Self {
        Self { status, name, title }
    }

    /// Returns the status.
    #[must_use]
    pub fn status(self) -> StatusCode {
        self.status
    }

    /// Returns the last part of the type's URI.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.name
    }

    /// Returns the title.
    #[must_use]
    pub fn title(self) -> &'static str {
        self.title
    }
}

/// An error as the client receives it.
///
/// The response that it becomes has its body once [`Problem::show`] knows who asks.
#[derive(Clone, Debug)]
pub struct Problem {
    kind: ProblemKind,
    detail: Box<str>,
    /// The detail for those who may see the inside of the service.
    inside: Option<Box<str>>,
    members: BTreeMap<String, Value>,
    cache_control: Option<Box<CacheControl>>,
}

impl Problem {
    /// Returns a problem, with what is wrong and what to do.
    pub fn new(kind: ProblemKind, detail: impl Into<String>) -> Self {
        Self {
            kind,
            detail: detail.into().into(),
            inside: None,
            members: BTreeMap::new(),
            cache_control: None,
        }
    }

    /// Returns the problem of an invalid parameter, with its name as a further member.
    pub fn parameter(name: &str, detail: impl Into<String>) -> Self {
        Self::new(ProblemKind::INVALID_PARAMETER, detail).with("parameter", name)
    }

    /// Returns the problem of a failed lookup. Strangers see only what kind of failure it is: the error's text may
    /// name addresses, users and paths.
    pub fn from_error(error: &Error) -> Self {
        let kind = match error.kind() {
            ErrorKind::Timeout => ProblemKind::PROVIDER_TIMEOUT,
            ErrorKind::Load | ErrorKind::Unavailable => ProblemKind::PROVIDER_FAILED,
            // Keys are checked before they are looked up, so it is the provider that can't make sense of one.
            ErrorKind::Config => ProblemKind::REJECTED,
            ErrorKind::Closed => ProblemKind::SHUTTING_DOWN,
            _ => ProblemKind::INTERNAL,
        };
        if kind == ProblemKind::INTERNAL {
            tracing::error!(%error, "a request failed: answered 500");
        }
        Self::caused(kind, error)
    }

    /// Returns the problem of an error, whose text strangers don't see.
    pub fn caused(kind: ProblemKind, error: &Error) -> Self {
        Self { inside: Some(error.to_string().into()), ..Self::new(kind, public_text(error)) }
    }

    /// Returns the problem of an answer that can't be written as JSON.
    #[must_use]
    pub fn unwritable(error: &serde_json::Error) -> Self {
        Self::new(ProblemKind::INTERNAL, format!("the response can't be written as JSON: {error}"))
    }

    /// Returns the status.
    pub fn status(&self) -> StatusCode {
        self.kind.status
    }

    /// Returns the detail, as the caller may see it.
    pub fn detail(&self, caller: Caller) -> &str {
        self.inside.as_deref().filter(|_| caller == Caller::Insider).unwrap_or(&self.detail)
    }

    /// Adds a member.
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.members.insert(name.to_owned(), value.into());
        self
    }

    /// Returns what is wrong, as anyone may see it.
    pub fn public_detail(&self) -> &str {
        &self.detail
    }

    /// Sets its age and remaining life. Without, a problem must not be stored.
    pub fn with_cache_control(self, cache_control: CacheControl) -> Self {
        Self { cache_control: Some(Box::new(cache_control)), ..self }
    }
}

/// The JSON of a problem, as it is described.
#[derive(ToSchema)]
#[schema(as = Problem)]
#[allow(dead_code, reason = "it is a description")]
pub(crate) struct ProblemBody {
    /// A URI of the type: `urn:problem-type:cache:invalid-parameter`.
    r#type: String,
    title: String,
    status: u16,
    /// What was wrong, with what value, and what to do.
    detail: String,
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
    pub fn show(mut response: Response, caller: Caller) -> Response {
        let Some(problem) = response.extensions_mut().remove::<Self>() else { return response };
        let body = problem.json(problem.detail(caller));
        response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
        *response.body_mut() = body.into();
        response
    }

    /// Returns the body for strangers.
    pub fn public_json(&self) -> String {
        self.json(&self.detail)
    }

    fn json(&self, detail: &str) -> String {
        let ProblemKind { status, name, title } = self.kind;
        let body = Body {
            kind: format!("urn:problem-type:cache:{name}"),
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
        let ProblemKind { status, .. } = self.kind;
        let mut headers = self.cache_control.as_deref().map(|control| control.headers()).unwrap_or_default();
        headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if self.kind == ProblemKind::BUSY {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        // RFC 6750, 3: only who sent a token is told that it is wrong.
        let wanted = match self.kind {
            ProblemKind::TOKEN_MISSING => Some("Bearer"),
            ProblemKind::TOKEN_WRONG => Some("Bearer error=\"invalid_token\""),
            _ => None,
        };
        if let Some(wanted) = wanted {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(wanted));
        }
        (status, headers, Extension(self)).into_response()
    }
}

/// Returns what a stranger may know of an error: what kind of failure it is.
pub fn public_text(error: &Error) -> &'static str {
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
