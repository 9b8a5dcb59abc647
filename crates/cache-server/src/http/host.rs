//! Requires the header `Host` exactly once in requests over a socket.

use axum::{
    extract::Request,
    http::{Version, header},
    middleware::Next,
    response::{IntoResponse, Response},
};

use crate::http::problem::{Problem, ProblemKind};

/// Refuses a request without `Host`, or with more than one, with 400 (RFC 9112, 3.2). HTTP/1.0 needs none.
pub(crate) async fn require(request: Request, next: Next) -> Response {
    let hosts = request.headers().get_all(header::HOST).iter().count();
    let remedy = match hosts {
        0 if request.version() == Version::HTTP_11 => "give one",
        0 | 1 => return next.run(request).await,
        _ => "give only one",
    };
    let detail = format!("the request has {hosts} Host headers: {remedy}, as in Host: localhost");
    Problem::new(ProblemKind::InvalidHost, detail).into_response()
}
