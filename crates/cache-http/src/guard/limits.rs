//! Limits on the sizes of a request, enforced before any other work.

use axum::{body::HttpBody, extract::Request};

use super::access::Access;
use crate::problem::{Problem, ProblemKind};

/// The longest path and query, in bytes.
const MAX_URL: usize = 8 << 10;
/// The largest sum of the names and values of headers, in bytes.
const MAX_HEADERS: usize = 16 << 10;
/// The largest body of most requests, in bytes.
pub const MAX_BODY: usize = 16 << 10;
/// Returns how many bytes the body of a request may have.
pub(super) fn max_body(access: &Access, request: &Request) -> usize {
    access.rules.max_body(request).unwrap_or(MAX_BODY)
}

/// Refuses a request that is too large with 414, 431 or 413; its body may have `max_body` bytes. A body of unknown
/// length is measured while it is read.
pub(super) fn check(request: &Request, max_body: usize) -> Result<(), Problem> {
    let too_large = |kind, what: &str, len: u64, limit: usize| {
        Err(Problem::new(kind, format!("{what} {len} bytes long, the limit is {limit}")))
    };
    let url = request.uri().path_and_query().map_or(0, |text| text.as_str().len());
    if url > MAX_URL {
        return too_large(ProblemKind::URL_TOO_LONG, "path and query are", url as u64, MAX_URL);
    }
    let headers: usize =
        request.headers().iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if headers > MAX_HEADERS {
        return too_large(ProblemKind::HEADERS_TOO_LARGE, "the headers are", headers as u64, MAX_HEADERS);
    }
    let body = request.body().size_hint().lower();
    if body > max_body as u64 {
        return too_large(ProblemKind::BODY_TOO_LARGE, "the body is", body, max_body);
    }
    Ok(())
}
