//! The routes of management.

mod describe;
mod events;
pub(crate) mod health;
mod invalidate;
mod keys;
mod metrics;
mod overview;
mod report;
pub(crate) mod warming;

/// The shapes of bodies, as they are described.
pub(crate) mod shapes {
    pub(crate) use super::{
        health::{BriefHealth, HealthBody},
        invalidate::{InvalidateRequest, InvalidationOutcome},
        keys::{HeldKey, KeyPageBody},
        metrics::Brief,
        warming::TriggerRequest,
    };
}

pub use self::report::comprehensive_report;

use axum::{
    Router,
    http::{Method, Uri, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};

use crate::{
    dashboard,
    management::{KEYS_PATH, Management},
    problem::{Problem, ProblemKind},
    request::query::echo,
};

const INVALIDATE_PATH: &str = "/cache/invalidate";
const TRIGGER_PATH: &str = "/cache/warming/trigger";

/// Returns the routes, without a guard.
pub(crate) fn router(management: Management) -> Router {
    let mut router = Router::new()
        .route("/health", get(health::show))
        .route("/cache/health", get(health::brief))
        .route(INVALIDATE_PATH, post(invalidate::run))
        .route(KEYS_PATH, get(keys::list))
        .route(&format!("{KEYS_PATH}/{{*key}}"), get(keys::one))
        .route("/cache/events", get(events::stream))
        .route("/cache/overview", get(overview::show))
        .route("/openapi.json", get(describe::show));
    if management.analytics().is_some() {
        router =
            router.route("/cache/metrics", get(metrics::brief)).route("/cache/report", get(report::show));
    }
    if management.parts().prometheus.is_some() {
        router = router.route("/metrics", get(metrics::prometheus));
    }
    if management.warming().is_some() {
        router = router
            .route("/cache/warming/metrics", get(warming::show))
            .route(TRIGGER_PATH, post(warming::run));
    }
    router.merge(dashboard::router()).with_state(management)
}

/// Returns the problem of a path at which there is nothing.
pub(crate) async fn unknown_path(uri: Uri) -> Problem {
    Problem::new(ProblemKind::NO_SUCH_PATH, format!("there is nothing at {:?}", echo(uri.path())))
}

/// Returns the problem of a method that a path does not take.
pub(crate) async fn method_not_allowed(method: Method, uri: Uri) -> Response {
    let (allowed, instead) = allowed_methods(uri.path());
    let detail = format!("{} does not take {}: use {instead}", echo(uri.path()), echo(method.as_str()));
    ([(header::ALLOW, allowed)], Problem::new(ProblemKind::METHOD_NOT_ALLOWED, detail)).into_response()
}

/// Returns the methods that a path of these takes, as a header lists them, and in words.
#[must_use]
pub fn allowed_methods(path: &str) -> (&'static str, &'static str) {
    match path {
        INVALIDATE_PATH | TRIGGER_PATH => ("POST", "POST"),
        _ => ("GET, HEAD", "GET or HEAD"),
    }
}
