//! What the scenarios of own values send.

use axum::{body::Body, http::Request};
use serde_json::Value;

use crate::fixture::in_process::{InProcess, Reply};

pub(crate) async fn send(
    service: &InProcess,
    method_and_path: &str,
    headers: &[(&str, &str)],
    body: impl Into<Body>,
) -> Reply {
    let (method, path) = method_and_path.split_once(' ').unwrap();
    let mut request = Request::builder().method(method).uri(format!("/v1/cache/{path}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    service.send(request.body(body.into()).unwrap()).await
}

/// Puts what the body says; a session of which it says no user is nobody's. Returns the answer.
pub(crate) async fn put(service: &InProcess, path: &str, body: &Value) -> Reply {
    let mut body = body.clone();
    if path.starts_with("sessions/") && body.get("user").is_none() {
        body["user"] = Value::Null;
    }
    send(service, &format!("PUT {path}"), &[], body.to_string()).await
}

/// Puts what the body says, which is stored.
pub(crate) async fn stored(service: &InProcess, path: &str, body: &Value) -> Value {
    let reply = put(service, path, body).await;
    assert!(reply.status.is_success(), "{path} {body}: {}", reply.json());
    reply.json()
}

pub(crate) async fn get(service: &InProcess, path: &str) -> Reply {
    send(service, &format!("GET {path}"), &[], "").await
}

/// Returns for how many seconds an answer says that its value is fresh. A birth may be some microseconds off.
pub(crate) fn seconds_fresh(answer: &Value) -> f64 {
    (answer["fresh_for_ms"].as_f64().unwrap() / 10.0).ceil() / 100.0
}

/// Whether something is there.
pub(crate) async fn is_there(service: &InProcess, path: &str) -> bool {
    let reply = get(service, path).await;
    assert!([200, 404].contains(&reply.status.as_u16()), "{path}: {}", reply.json());
    reply.status == 200
}

pub(crate) async fn delete(service: &InProcess, path: &str) -> Value {
    let reply = send(service, &format!("DELETE {path}"), &[], "").await;
    assert_eq!(reply.status, 200, "{path}: {}", reply.json());
    reply.json()
}

pub(crate) async fn batch(service: &InProcess, kind: &str, body: &Value) -> Reply {
    send(service, &format!("POST {kind}:batch"), &[], body.to_string()).await
}

/// Asserts that an answer is a problem of this status, whose detail has `why`.
pub(crate) fn is_problem(reply: &Reply, status: u16, why: &str) {
    let body = reply.json();
    assert_eq!(reply.status, status, "{why}: {body}");
    assert_eq!(reply.header("content-type"), "application/problem+json");
    let detail = body["detail"].as_str().unwrap();
    assert!(detail.contains(why), "{why}: {detail}");
}

/// Opens the service with two kinds of its configuration's own.
pub(crate) async fn open() -> InProcess {
    open_with(
        "own_kinds: [{name: reports, ttl: 2h, stale_for: 1d, max_value_bytes: 100}, {name: feature-flags}]",
    )
    .await
}

/// Opens the service with this configuration.
pub(crate) async fn open_with(yaml: &str) -> InProcess {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cache.yaml");
    std::fs::write(&path, yaml).unwrap();
    InProcess::open(&["--config", path.to_str().unwrap()]).await
}
