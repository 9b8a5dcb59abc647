//! What stands before every route: the span of the request, its line in the log, and the guard. It is one layer,
//! since each costs a request some copies.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use cache_http::{
    guard::{Access, guard},
    request_log::log_request,
};

use super::request_span::trace_request;
use crate::settings::TracingSection;

/// The settings of what stands before every route.
#[derive(Debug)]
pub(crate) struct Front {
    access: Arc<Access>,
    tracing: TracingSection,
}

impl Front {
    pub(crate) fn new(access: Access, tracing: TracingSection) -> Self {
        Self { access: Arc::new(access), tracing }
    }
}

/// Has a request answered that the guard lets through.
pub(crate) async fn front(State(front): State<Arc<Front>>, request: Request, next: Next) -> Response {
    let guarded = |request| guard(State(Arc::clone(&front.access)), request, next);
    trace_request(&front.tracing, request, |request| log_request(request, guarded)).await
}
