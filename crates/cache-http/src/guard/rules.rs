//! What the guard must know of the routes behind it.

use axum::{extract::Request, http::Method};

/// What is asked of a request's sender depends on its path and method. Methods that are not safe change something,
/// but for the paths named here.
#[derive(Clone, Debug, Default)]
pub struct RouteRules {
    reads_by_post: Vec<&'static str>,
    private: Vec<&'static str>,
    bodies: Vec<LongBody>,
}

/// Below a path a method takes bodies that are longer than those of most requests.
#[derive(Clone, Debug)]
struct LongBody {
    method: Method,
    below: &'static str,
    bytes: usize,
}

impl RouteRules {
    /// Says that a POST to this path reads, since what is asked for does not fit into a URL: anyone may send it
    /// who may send a GET.
    #[must_use]
    pub fn read_by_post(mut self, path: &'static str) -> Self {
        self.reads_by_post.push(path);
        self
    }

    /// Says that what lies below this path is read by those alone who may change something.
    #[must_use]
    pub fn private(mut self, below: &'static str) -> Self {
        self.private.push(below);
        self
    }

    /// Says how many bytes the body of such a request may have, below this path.
    #[must_use]
    pub fn body(mut self, method: Method, below: &'static str, bytes: usize) -> Self {
        self.bodies.push(LongBody { method, below, bytes });
        self
    }

    /// Whether a request may change something: its method is not safe, and it is no read by POST.
    pub(super) fn may_change(&self, request: &Request) -> bool {
        let path = request.uri().path();
        let reads = request.method() == Method::POST && self.reads_by_post.contains(&path);
        !request.method().is_safe() && !reads
    }

    /// Whether a request reads or changes what is private.
    pub(super) fn is_private(&self, request: &Request) -> bool {
        self.private.iter().any(|below| request.uri().path().starts_with(below))
    }

    /// Returns how many bytes the body of a request may have, if more than those of most.
    pub(super) fn max_body(&self, request: &Request) -> Option<usize> {
        let path = request.uri().path();
        let long =
            self.bodies.iter().filter(|long| long.method == request.method() && path.starts_with(long.below));
        long.map(|long| long.bytes).max()
    }

    /// Names the private paths, for the refusal of those who may not read them.
    pub(super) fn private_paths(&self) -> String {
        let mut paths = self.private.iter().map(|path| path.trim_end_matches('/')).collect::<Vec<_>>();
        paths.dedup();
        paths.join(" or ")
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    #[test]
    fn rule_74_of_unsafe_methods_only_the_post_of_a_batch_is_a_read() {
        let rules = RouteRules::default().read_by_post("/v1/batch");
        for (method, path, changes) in [
            ("GET", "/v1/events", false),
            ("POST", "/v1/batch", false),
            ("POST", "/v1/batch?x=1", false),
            ("PUT", "/v1/batch", true),
            ("DELETE", "/v1/batch", true),
            ("POST", "/v1/batch/", true),
            ("POST", "/v1/%62atch", true),
            ("POST", "/V1/batch", true),
            ("POST", "/v1/events", true),
        ] {
            let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
            assert_eq!(rules.may_change(&request), changes, "{method} {path}");
        }
    }
}
