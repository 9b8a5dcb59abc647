//! Logs each request at debug level.

use std::time::Instant;

use axum::{extract::Request, response::Response};

/// Has a request answered, and logs its method, URI, status and duration.
pub async fn log_request<A: Future<Output = Response>>(
    request: Request,
    answer: impl FnOnce(Request) -> A,
) -> Response {
    if !tracing::enabled!(tracing::Level::DEBUG) {
        return answer(request).await;
    }
    let began = Instant::now();
    let (method, uri) = (request.method().clone(), request.uri().clone());
    let response = answer(request).await;
    tracing::debug!(%method, %uri, status = response.status().as_u16(), took = ?began.elapsed(), "request");
    response
}
