//! The problems that are this service's own.

use axum::http::StatusCode;
use cache_http::ProblemKind;

pub(crate) const UNKNOWN_SYMBOL: ProblemKind =
    ProblemKind::new(StatusCode::NOT_FOUND, "unknown-symbol", "Unknown symbol");
pub(crate) const UNKNOWN_KIND: ProblemKind =
    ProblemKind::new(StatusCode::NOT_FOUND, "unknown-kind", "Unknown kind of data");
pub(crate) const NOT_OFFERED: ProblemKind =
    ProblemKind::new(StatusCode::NOT_FOUND, "not-offered", "No provider offers such data");
pub(crate) const NOT_KEPT: ProblemKind =
    ProblemKind::new(StatusCode::NOT_FOUND, "not-kept", "The provider has no such data any more");
pub(crate) const NO_SUCH_KIND: ProblemKind =
    ProblemKind::new(StatusCode::NOT_FOUND, "no-such-kind", "No such kind of values");
pub(crate) const UPDATES_OFF: ProblemKind =
    ProblemKind::new(StatusCode::CONFLICT, "updates-off", "Updates are switched off");
pub(crate) const VERSION_DIFFERS: ProblemKind =
    ProblemKind::new(StatusCode::PRECONDITION_FAILED, "version-differs", "Another version is there");
pub(crate) const INVALID_ENTRY: ProblemKind =
    ProblemKind::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid-entry", "Invalid entry");
pub(crate) const NOT_STORED: ProblemKind =
    ProblemKind::new(StatusCode::INSUFFICIENT_STORAGE, "not-stored", "No place to store it");
pub(crate) const RELOAD_UNDER_WAY: ProblemKind =
    ProblemKind::new(StatusCode::CONFLICT, "reload-under-way", "A reload is under way");
pub(crate) const INVALID_CONFIGURATION: ProblemKind =
    ProblemKind::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid-configuration", "Invalid configuration");
pub(crate) const INVALID_EVENT: ProblemKind =
    ProblemKind::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid-event", "Invalid event");
pub(crate) const UNKNOWN_EVENT: ProblemKind =
    ProblemKind::new(StatusCode::NOT_FOUND, "unknown-event", "Unknown event");
pub(crate) const TOO_MANY_EVENTS: ProblemKind =
    ProblemKind::new(StatusCode::CONFLICT, "too-many-events", "Too many events");
pub(crate) const RELOAD_TIMEOUT: ProblemKind = ProblemKind::new(
    StatusCode::SERVICE_UNAVAILABLE,
    "reload-timeout",
    "The configuration could not be read in time",
);
pub(crate) const TLS_REQUIRED: ProblemKind =
    ProblemKind::new(StatusCode::BAD_REQUEST, "tls-required", "TLS required");
