//! Which host a request is for: one that came over a socket has to say so, once.

use axum::{
    extract::Request,
    http::{Version, header},
    middleware::Next,
    response::{IntoResponse, Response},
};

use crate::http::problem::{Problem, ProblemKind};

/// Refuses a request that names no host, or more than one, with 400 (RFC 9112, 3.2). HTTP/1.0 didn't
/// have to name any.
pub(crate) async fn require(request: Request, next: Next) -> Response {
    let hosts = request.headers().get_all(header::HOST).iter().count();
    let wanted = match hosts {
        0 if request.version() == Version::HTTP_11 => "name the host that is asked",
        0 | 1 => return next.run(request).await,
        _ => "name just one",
    };
    let detail = format!("the request has {hosts} Host headers: {wanted}, as in Host: localhost");
    Problem::new(ProblemKind::InvalidHost, detail).into_response()
}
