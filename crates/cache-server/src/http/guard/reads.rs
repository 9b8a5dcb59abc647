//! Which requests may change something, and which only read.

use axum::{extract::Request, http::Method};

/// The path of a request for many values: a read by POST, since what is asked for does not fit into a URL.
pub(crate) const BATCH_PATH: &str = "/v1/batch";

/// Whether a request may change something: its method is not safe, and it is no read by POST.
pub(super) fn may_change(request: &Request) -> bool {
    !request.method().is_safe() && !is_read_by_post(request)
}

/// Whether a request reads by POST. Anyone may send it who may send a GET; its body is longer than those of
/// changes.
pub(super) fn is_read_by_post(request: &Request) -> bool {
    request.method() == Method::POST && request.uri().path() == BATCH_PATH
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    #[test]
    fn rule_74_of_unsafe_methods_only_the_post_of_a_batch_is_a_read() {
        for (method, path, changes) in [
            ("GET", "/v1/events", false),
            ("POST", BATCH_PATH, false),
            ("POST", "/v1/batch?x=1", false),
            ("PUT", BATCH_PATH, true),
            ("DELETE", BATCH_PATH, true),
            ("POST", "/v1/batch/", true),
            ("POST", "/v1/%62atch", true),
            ("POST", "/V1/batch", true),
            ("POST", "/v1/events", true),
        ] {
            let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
            assert_eq!(may_change(&request), changes, "{method} {path}");
        }
    }
}
