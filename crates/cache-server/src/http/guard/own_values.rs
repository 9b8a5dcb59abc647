//! Which requests are about values of an application's own, and how long their bodies may be.

use axum::{extract::Request, http::Method};

use super::access::Access;

/// Below this path are the values that an application keeps here by itself.
pub(crate) const OWN_PATH: &str = "/v1/cache/";
/// The largest body of a batch, in bytes, unless a single value may be larger.
const MAX_BATCH: usize = 4 << 20;

/// Whether a request reads or changes such values.
pub(super) fn concerns(request: &Request) -> bool {
    request.uri().path().starts_with(OWN_PATH)
}

/// Returns how many bytes the body of a request may have that brings such values.
pub(super) fn max_body(access: &Access, request: &Request) -> Option<usize> {
    match *request.method() {
        Method::PUT if concerns(request) => Some(access.max_put),
        Method::POST if concerns(request) => Some(access.max_put.max(MAX_BATCH)),
        _ => None,
    }
}
