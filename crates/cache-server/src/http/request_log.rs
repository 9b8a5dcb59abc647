//! A line for each request, for those who ask for them with `--log debug`.

use std::time::Instant;

use axum::{extract::Request, middleware::Next, response::Response};

/// Notes what was asked, how it was answered, and how long that took.
pub(crate) async fn note(request: Request, next: Next) -> Response {
    if !tracing::enabled!(tracing::Level::DEBUG) {
        return next.run(request).await;
    }
    let began = Instant::now();
    let (method, uri) = (request.method().clone(), request.uri().clone());
    let response = next.run(request).await;
    tracing::debug!(%method, %uri, status = response.status().as_u16(), took = ?began.elapsed(), "request");
    response
}
