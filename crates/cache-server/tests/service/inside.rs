//! The service without its socket, on a manual clock.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{HeaderMap, Request, StatusCode},
};
use cache_core::Clock;
use cache_server::{App, Config, router};
use serde_json::Value;
use tempfile::TempDir;
use tower::ServiceExt;

pub(crate) struct Inside {
    pub(crate) app: Arc<App>,
    pub(crate) clock: Clock,
    pub(crate) router: Router,
    _data: TempDir,
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

impl Inside {
    /// The service with a provider that takes no time.
    pub(crate) async fn open(flags: &[&str]) -> Self {
        let data = tempfile::tempdir().unwrap();
        // On a clock that does not move by itself a batch window would never end.
        let own = [
            "cache-server",
            "--batch-window-ms=0",
            "--provider-latency-ms=0",
            "--data-dir",
            data.path().to_str().unwrap(),
        ];
        let config = Config::from_flags(own.iter().chain(flags)).unwrap();
        let clock = Clock::manual();
        let app = Arc::new(App::open(&config, clock.clone()).await.unwrap());
        Self { router: router(app.clone()), app, clock, _data: data }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Request::get(path).body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (head, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap().into();
        Answer { status: head.status, headers: head.headers, body }
    }

    /// Turns the clock, by a tenth of a millisecond more: births are told apart by microseconds, which
    /// would make an age fall just short of what is expected.
    pub(crate) fn advance(&self, span: Duration) {
        self.clock.advance(span + Duration::from_micros(100));
    }

    /// Waits for what goes on behind the answers, which the runtime must be given turns for.
    pub(crate) async fn until(&self, reached: impl AsyncFn() -> bool) {
        let limit = tokio::time::timeout(Duration::from_secs(20), async {
            while !reached().await {
                tokio::task::yield_now().await;
            }
        });
        limit.await.expect("not reached within 20 s");
    }
}
