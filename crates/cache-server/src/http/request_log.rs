//! Logs each request at debug level.

use std::time::Instant;

use axum::{extract::Request, middleware::Next, response::Response};

/// Logs method, URI, status and duration.
pub(crate) async fn log_request(request: Request, next: Next) -> Response {
    if !tracing::enabled!(tracing::Level::DEBUG) {
        return next.run(request).await;
    }
    let began = Instant::now();
    let (method, uri) = (request.method().clone(), request.uri().clone());
    let response = next.run(request).await;
    tracing::debug!(%method, %uri, status = response.status().as_u16(), took = ?began.elapsed(), "request");
    response
}
