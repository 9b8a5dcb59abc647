//! Whatever carries a tag ends with it, and what a request of tags may not say.

use axum::{body::Body, http::Request};
use serde_json::{Value, json};

use super::sending::{is_problem, is_there, open, stored};
use crate::fixture::in_process::{InProcess, Reply};

async fn invalidate(service: &InProcess, body: &str) -> Reply {
    service.send(Request::post("/v1/invalidate").body(Body::from(body.to_owned())).unwrap()).await
}

#[tokio::test]
async fn what_carries_one_of_the_tags_ends_whatever_it_is_and_nothing_else_does() {
    let service = open().await;
    stored(&service, "reports/1", &json!({"value": 1, "tags": ["month", "x"]})).await;
    stored(&service, "signals/1", &json!({"value": 1, "tags": ["month"]})).await;
    stored(&service, "narratives/AAPL", &json!({"value": 1})).await;
    stored(&service, "sessions/1", &json!({"value": 1, "user": "17"})).await;
    stored(&service, "sessions/2", &json!({"value": 1, "user": "1"})).await;
    let provider = |quote: Value| quote["source"].clone();
    service.get("/v1/quotes/AAPL").await;
    let reply = invalidate(&service, r#"{"tags": ["month", "AAPL", "users:17"]}"#).await;
    assert_eq!((reply.status.as_u16(), reply.header("cache-control")), (200, "no-store"));
    assert_eq!(reply.json(), json!({"ended": ["month", "AAPL", "users:17"]}));
    for gone in ["reports/1", "signals/1", "narratives/AAPL", "sessions/1"] {
        assert!(!is_there(&service, gone).await, "{gone}");
    }
    assert!(is_there(&service, "sessions/2").await);
    assert_eq!(provider(service.get("/v1/quotes/AAPL").await.json()), "provider");
    // Also of what lies on disk.
    let service = service.restart(&[]).await;
    assert!(!is_there(&service, "signals/1").await && is_there(&service, "sessions/2").await);
}

#[tokio::test]
async fn one_bad_tag_leaves_all_alone() {
    let service = open().await;
    stored(&service, "signals/1", &json!({"value": 1, "tags": ["x"]})).await;
    let many: Vec<String> = (0..101).map(|number| number.to_string()).collect();
    for (body, why) in [
        (r#"{"tags": ["x", ""]}"#.to_owned(), "tag number 2"),
        (format!(r#"{{"tags": ["x", "{}"]}}"#, "y".repeat(5000)), "tag number 2"),
        (r#"{"tags": []}"#.to_owned(), "has 0 tags, it must have 1 to 100"),
        (json!({"tags": many}).to_string(), "has 101 tags"),
        (r#"{"tags": "x"}"#.to_owned(), "expected a sequence"),
        (r#"{"tag": ["x"]}"#.to_owned(), "unknown field"),
        (r#"{"tags": ["x"], "tags": ["y"]}"#.to_owned(), "duplicate field"),
        (r#"["x"]"#.to_owned(), "no JSON object"),
        (String::new(), "give {\"tags\": "),
    ] {
        let reply = invalidate(&service, &body).await;
        is_problem(&reply, 400, why);
        assert_eq!(reply.json()["type"], "urn:problem-type:cache:invalid-body", "{body}");
        assert!(is_there(&service, "signals/1").await, "{body}");
    }
}
