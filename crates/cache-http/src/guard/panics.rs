//! A handler that panics answers a problem, and its connection goes on.

use std::panic::AssertUnwindSafe;

use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;

use crate::problem::{Problem, ProblemKind};

/// Returns the response, or a problem if making it panicked.
pub(super) async fn caught(answering: impl Future<Output = Response>) -> Response {
    AssertUnwindSafe(answering).catch_unwind().await.unwrap_or_else(|_| {
        tracing::error!("a request's handler panicked: answered 500");
        let detail = "the service failed at this request: its log says at what";
        Problem::new(ProblemKind::INTERNAL, detail).into_response()
    })
}

#[cfg(test)]
mod tests {
    use super::caught;

    #[tokio::test]
    async fn a_handler_that_panics_is_a_problem() {
        let response = caught(async { panic!("as a test") }).await;
        assert_eq!(response.status(), 500);
    }
}
