//! The paths of the service and their handlers.

mod config;
mod events;
mod health;
mod index;
mod invalidate;
mod market;
mod own;
mod response;
mod stats;
mod warming;

use std::sync::Arc;

use axum::{
    Router,
    http::{Method, Uri, header},
    middleware,
    response::{IntoResponse, Response},
    routing::{get, post},
};

use self::warming::{TRIGGER_PATH, UPDATES_PATH};
use crate::{
    app::App,
    http::{
        guard::{Access, BATCH_PATH, OWN_PATH, guard},
        problem::{Problem, ProblemKind},
        query::echo,
        request_log,
    },
};

/// The paths that take other methods than GET.
const RELOAD_PATH: &str = "/v1/config/reload";
const EVENTS_PATH: &str = "/v1/events";
const INVALIDATE_PATH: &str = "/v1/invalidate";

/// Returns the HTTP routes of the service.
pub fn router(app: Arc<App>) -> Router {
    let access = Arc::new(Access::new(&app.config().settings, app.changes().clone()));
    Router::new()
        .route("/", get(index::show))
        .route("/health", get(health::show))
        .route("/v1/stats", get(stats::show))
        .merge(market::routes())
        .route(RELOAD_PATH, post(config::reload))
        .route(INVALIDATE_PATH, post(invalidate::invalidate))
        .route(EVENTS_PATH, get(events::list).post(events::announce))
        .route("/v1/events/{id}", get(events::one).delete(events::withdraw))
        .merge(own::routes())
        .merge(warming::routes())
        .fallback(unknown_path)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(middleware::from_fn_with_state(access, guard))
        .layer(middleware::from_fn(request_log::log_request))
        .with_state(app)
}

async fn unknown_path(uri: Uri) -> Problem {
    let detail = format!("there is nothing at {:?}: GET / lists what there is", echo(uri.path()));
    Problem::new(ProblemKind::NoSuchPath, detail)
}

async fn method_not_allowed(method: Method, uri: Uri) -> Response {
    let (allowed, instead) = match uri.path() {
        RELOAD_PATH | BATCH_PATH | INVALIDATE_PATH | TRIGGER_PATH | UPDATES_PATH => ("POST", "POST"),
        EVENTS_PATH => ("GET, HEAD, POST", "GET, HEAD or POST"),
        path if path.starts_with(OWN_PATH) => own::allowed(path),
        path if path.starts_with(EVENTS_PATH) => ("GET, HEAD, DELETE", "GET, HEAD or DELETE"),
        _ => ("GET, HEAD", "GET or HEAD"),
    };
    let detail = format!("{} does not take {}: use {instead}", echo(uri.path()), echo(method.as_str()));
    let problem = Problem::new(ProblemKind::MethodNotAllowed, detail);
    ([(header::ALLOW, allowed)], problem).into_response()
}
