//! A request that changes something is carried out though its client hangs up in the middle.

use axum::response::{IntoResponse, Response};
use cache_core::trace::TraceContext;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use crate::problem::{Problem, ProblemKind};

/// Makes the response in a task of its own, which `changes` tracks: dropping this ends the waiting alone.
pub(super) async fn run_to_end(
    changes: &TaskTracker,
    answering: impl Future<Output = Response> + Send + 'static,
) -> Response {
    // In the span of the request, and within the trace of its caller.
    let answering = TraceContext::around(TraceContext::current(), answering).in_current_span();
    changes.spawn(answering).await.unwrap_or_else(|_| {
        // Panics are caught in the task, so its runtime has ended.
        let detail = "the service is stopping: whether this request was carried out is unknown";
        Problem::new(ProblemKind::INTERNAL, detail).into_response()
    })
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicU32, Ordering::Relaxed},
    };

    use axum::{
        Router,
        body::Body,
        http::{Method, Request},
        middleware,
        routing::any,
    };
    use futures_util::FutureExt;
    use tokio::task::yield_now;
    use tokio_util::task::TaskTracker;
    use tower::ServiceExt;

    use crate::guard::{Access, guard};

    /// Whatever the route: it is the method that says whether something may be changed.
    #[tokio::test]
    async fn rule_105_what_may_change_something_runs_to_its_end_though_its_client_hangs_up() {
        let (begun, ended, changes) =
            (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)), TaskTracker::new());
        let steps = {
            let (begun, ended) = (begun.clone(), ended.clone());
            async move || {
                begun.fetch_add(1, Relaxed);
                for _ in 0..3 {
                    yield_now().await;
                }
                ended.fetch_add(1, Relaxed);
            }
        };
        let access = Access::builder().trust_the_process().changes(changes.clone()).build();
        let access = Arc::new(access);
        let router =
            Router::new().route("/", any(steps)).layer(middleware::from_fn_with_state(access, guard));
        let hang_up = async |method: Method| {
            let request = Request::builder().method(method).uri("/").body(Body::empty()).unwrap();
            let answering = router.clone().oneshot(request);
            assert!(answering.now_or_never().is_none(), "it takes several steps");
            changes.close();
            changes.wait().await;
        };
        let methods = ["POST", "PUT", "PATCH", "DELETE", "PURGE"];
        for (number, method) in (1..).zip(methods) {
            hang_up(method.parse().unwrap()).await;
            assert_eq!((begun.load(Relaxed), ended.load(Relaxed)), (number, number), "{method}");
        }
        hang_up(Method::GET).await;
        assert_eq!((begun.load(Relaxed), ended.load(Relaxed)), (6, 5), "a read need not go on");
    }
}
