//! The paths of the service and their handlers.

mod config;
mod events;
pub(crate) mod index;
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
use cache_http::{Problem, ProblemKind, allowed_methods, request::query::echo};

use self::warming::UPDATES_PATH;
use crate::{
    app::App,
    http::{
        access::{BATCH_PATH, OWN_PATH, access},
        front::{self, Front},
    },
};

/// The paths that take other methods than GET.
const RELOAD_PATH: &str = "/v1/config/reload";
const EVENTS_PATH: &str = "/v1/events";
const INVALIDATE_PATH: &str = "/v1/invalidate";

/// Returns the HTTP routes of the service.
pub fn router(app: Arc<App>) -> Router {
    let settings = app.config().settings;
    let front = Front::new(access(&settings, app.changes().clone()), settings.tracing);
    let management = app.management.routes();
    Router::new()
        .route("/v1/stats", get(stats::show))
        .merge(market::routes())
        .route(RELOAD_PATH, post(config::reload))
        .route(INVALIDATE_PATH, post(invalidate::invalidate))
        .route(EVENTS_PATH, get(events::list).post(events::announce))
        .route("/v1/events/{id}", get(events::one).delete(events::withdraw))
        .merge(own::routes())
        .merge(warming::routes())
        .with_state(app)
        .merge(management)
        .fallback(unknown_path)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(middleware::from_fn_with_state(Arc::new(front), front::front))
}

async fn unknown_path(uri: Uri) -> Problem {
    let detail = format!("there is nothing at {:?}: GET / lists what there is", echo(uri.path()));
    Problem::new(ProblemKind::NO_SUCH_PATH, detail)
}

async fn method_not_allowed(method: Method, uri: Uri) -> Response {
    let (allowed, instead) = match uri.path() {
        RELOAD_PATH | BATCH_PATH | INVALIDATE_PATH | UPDATES_PATH => ("POST", "POST"),
        EVENTS_PATH => ("GET, HEAD, POST", "GET, HEAD or POST"),
        path if path.starts_with(OWN_PATH) => own::allowed(path),
        path if path.starts_with(EVENTS_PATH) => ("GET, HEAD, DELETE", "GET, HEAD or DELETE"),
        path => allowed_methods(path),
    };
    let detail = format!("{} does not take {}: use {instead}", echo(uri.path()), echo(method.as_str()));
    let problem = Problem::new(ProblemKind::METHOD_NOT_ALLOWED, detail);
    ([(header::ALLOW, allowed)], problem).into_response()
}
