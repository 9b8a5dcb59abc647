//! Clients that hang up in the middle of a request that changes something: it is carried out, or was never begun.

use std::{fs, task::Poll, time::Duration};

use axum::{
    body::Body,
    http::{Method, Request},
};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::fixture::in_process::InProcess;

/// All requests that change something. Each has a test that hangs up: those of an application's own values, of
/// management and of warming beside their other tests, the rest here.
const CHANGES: [(Method, &str); 10] = [
    (Method::POST, "/v1/events"),
    (Method::DELETE, "/v1/events/{id}"),
    (Method::PUT, "/v1/cache/{kind}/{id}"),
    (Method::DELETE, "/v1/cache/{kind}/{id}"),
    (Method::POST, "/v1/cache/{kind}:batch"),
    (Method::POST, "/v1/config/reload"),
    (Method::POST, "/v1/invalidate"),
    (Method::POST, "/cache/invalidate"),
    (Method::POST, "/cache/warming/trigger"),
    (Method::POST, "/cache/warming/updates"),
];

/// What a POST asks for that only reads.
const READ_BY_POST: &str = "/v1/batch";

/// Sends a request, and hangs up when the service has made it wait `most` times. Returns whether it was answered.
pub(crate) async fn hang_up_after(service: &InProcess, request: Request<Body>, most: usize) -> bool {
    let mut answering = Box::pin(service.router.clone().oneshot(request));
    let mut pending = 0;
    std::future::poll_fn(move |context| {
        if pending == most {
            return Poll::Ready(false);
        }
        match answering.as_mut().poll(context) {
            Poll::Ready(response) => Poll::Ready(response.unwrap().status().is_success()),
            Poll::Pending => {
                pending += 1;
                if pending == most { Poll::Ready(false) } else { Poll::Pending }
            }
        }
    })
    .await
}

async fn ahead(service: &InProcess) -> Value {
    service.get("/v1/events").await.json()["events"].clone()
}

fn post(path: &str, body: &str) -> Request<Body> {
    Request::post(path).body(Body::from(body.to_owned())).unwrap()
}

#[tokio::test]
async fn rule_105_no_request_that_changes_something_is_without_a_test_of_clients_that_hang_up() {
    let service = InProcess::open(&[]).await;
    let index = service.get("/").await.json();
    let mut changes = Vec::new();
    for endpoint in index["endpoints"].as_array().unwrap() {
        let path = endpoint["path"].as_str().unwrap().split('?').next().unwrap();
        for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
            let asked = path.replace("{id}", "0").replace("{kind}", "users").replace("{symbol}", "AAPL");
            let request = Request::builder().method(&method).uri(asked).body(Body::empty()).unwrap();
            if path != READ_BY_POST && service.send(request).await.status != 405 {
                changes.push((method, path.to_owned()));
            }
        }
    }
    assert_eq!(changes.len(), CHANGES.len(), "{changes:?}");
    for (method, path) in CHANGES {
        assert!(changes.contains(&(method.clone(), path.to_owned())), "{method} {path} of {changes:?}");
    }
}

#[tokio::test]
async fn rule_105_an_announcement_whose_client_hangs_up_is_kept_everywhere_or_nowhere() {
    for most in 0.. {
        let service = InProcess::open(&[]).await;
        let at = service.clock.now().after(Duration::from_secs(3600));
        let at = jiff::Timestamp::from_microsecond(at.as_micros()).unwrap().to_string();
        let event = json!({"asset": "AAPL", "event": "earnings", "at": at}).to_string();
        let answered = hang_up_after(&service, post("/v1/events", &event), most).await;
        if most > 0 {
            service.until(async || ahead(&service).await.as_array().unwrap().len() == 1).await;
        }
        let known = ahead(&service).await;
        // A stop waits for what goes on without a client.
        let again = service.restart(&[]).await;
        assert_eq!(ahead(&again).await, known, "after a restart, hung up at {most}");
        assert_eq!(known.as_array().unwrap().len(), usize::from(most > 0), "hung up at {most}");
        if answered {
            break;
        }
    }
}

#[tokio::test]
async fn rule_105_an_event_of_now_whose_client_hangs_up_ends_and_renews_all_that_it_touches() {
    for most in 0.. {
        let service = InProcess::open(&[]).await;
        let calls = || service.app.registry().reports()[0].usage.calls;
        service.get("/v1/quotes/AAPL").await;
        service.get("/v1/bars/AAPL").await;
        let before = calls();
        let event = json!({"asset": "AAPL", "event": "corporate_action"}).to_string();
        let answered = hang_up_after(&service, post("/v1/events", &event), most).await;
        if most > 0 {
            service
                .until(async || {
                    service.get("/v1/quotes/AAPL").await;
                    service.get("/v1/bars/AAPL").await;
                    calls() > before + 1
                })
                .await;
        } else {
            let source = service.get("/v1/quotes/AAPL").await.json()["source"].clone();
            assert_eq!((source, calls()), (json!("memory"), before), "never begun");
        }
        if answered {
            break;
        }
    }
}

#[tokio::test]
async fn rule_105_a_withdrawal_whose_client_hangs_up_is_known_everywhere_or_nowhere() {
    for most in 0.. {
        let service = InProcess::open(&[]).await;
        let at = service.clock.now().after(Duration::from_secs(3600));
        let at = jiff::Timestamp::from_microsecond(at.as_micros()).unwrap().to_string();
        let event = json!({"asset": "AAPL", "event": "earnings", "at": at}).to_string();
        let announced = service.send(post("/v1/events", &event)).await.json();
        let path = format!("/v1/events/{}", announced["id"].as_str().unwrap());
        let withdrawal = Request::delete(&path).body(Body::empty()).unwrap();
        let answered = hang_up_after(&service, withdrawal, most).await;
        if most > 0 {
            service.until(async || ahead(&service).await == json!([])).await;
        }
        let again = service.restart(&[]).await;
        assert_eq!(
            ahead(&again).await.as_array().unwrap().len(),
            usize::from(most == 0),
            "hung up at {most}"
        );
        if answered {
            break;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_105_a_reload_whose_client_hangs_up_is_in_force() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("cache.yaml");
    let flag = format!("--config={}", file.display());
    for most in 0.. {
        fs::write(&file, "ttl: {price: 50}\n").unwrap();
        let service = InProcess::open(&[&flag]).await;
        fs::write(&file, "ttl: {price: 60}\n").unwrap();
        let answered = hang_up_after(&service, post("/v1/config/reload", ""), most).await;
        let in_force = async || service.app.config().to_yaml().contains("price: 60");
        if most > 0 {
            service.until(in_force).await;
        }
        assert_eq!(in_force().await, most > 0, "hung up at {most}");
        if answered {
            break;
        }
    }
}
