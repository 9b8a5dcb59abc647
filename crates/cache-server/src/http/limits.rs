//! Limits on the sizes of a request, enforced before any other work.

use axum::{
    body::HttpBody,
    extract::Request,
    middleware::Next,
    response::{IntoResponse, Response},
};

use crate::http::problem::{Problem, ProblemKind};

/// The longest path and query, in bytes.
pub(crate) const MAX_URL: usize = 8 << 10;
/// The largest sum of the names and values of headers, in bytes.
pub(crate) const MAX_HEADERS: usize = 16 << 10;
/// The largest body, in bytes.
pub(crate) const MAX_BODY: u64 = 16 << 10;

/// Refuses a request that is too large with 414, 431 or 413.
pub(crate) async fn enforce(request: Request, next: Next) -> Response {
    match excess(&request) {
        Some(problem) => problem.into_response(),
        None => next.run(request).await,
    }
}

fn excess(request: &Request) -> Option<Problem> {
    let too_large = |kind, what: &str, len: u64, limit: u64| {
        Some(Problem::new(kind, format!("{what} {len} bytes long, the limit is {limit}")))
    };
    let url = request.uri().path_and_query().map_or(0, |text| text.as_str().len());
    if url > MAX_URL {
        return too_large(ProblemKind::UrlTooLong, "path and query are", url as u64, MAX_URL as u64);
    }
    let headers: usize =
        request.headers().iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if headers > MAX_HEADERS {
        return too_large(
            ProblemKind::HeadersTooLarge,
            "the headers are",
            headers as u64,
            MAX_HEADERS as u64,
        );
    }
    // A body of unknown length has a lower bound of 0 and is let in: it is never read.
    let body = request.body().size_hint().lower();
    if body > MAX_BODY {
        return too_large(ProblemKind::BodyTooLarge, "the body is", body, MAX_BODY);
    }
    None
}
