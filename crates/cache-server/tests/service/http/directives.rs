//! What a request asks of the age of its answer, and how the answer says that it came about.

use std::time::Duration;

use axum::{body::Body, http::Request};

use crate::fixture::{
    in_process::{InProcess, Reply},
    upstream::Upstream,
};

async fn ask(service: &InProcess, path: &str, control: &str) -> Reply {
    let mut request = Request::get(path);
    if !control.is_empty() {
        request = request.header("cache-control", control);
    }
    service.send(request.body(Body::empty()).unwrap()).await
}

/// Each row: the age of a quote in seconds, the directives, and what answers. A quote lives for five minutes,
/// less a jitter, and is in grace for an hour.
#[tokio::test]
async fn each_directive_is_met_from_the_cache_or_by_the_provider_or_not_at_all() {
    for (age, control, status, source) in [
        (100, "", 200, "memory"),
        (100, "max-age=101", 200, "memory"),
        (100, "max-age=99", 200, "provider"),
        (100, "no-cache", 200, "provider"),
        (100, "max-age=0", 200, "provider"),
        (100, "min-fresh=100", 200, "memory"),
        (100, "min-fresh=250", 200, "provider"),
        (100, "only-if-cached", 200, "memory"),
        (100, "only-if-cached, max-age=99", 504, ""),
        (100, "only-if-cached, max-age=101", 200, "memory"),
        (100, "no-store, no-transform", 200, "memory"),
        (400, "", 200, "memory"),
        (400, "max-stale", 200, "memory"),
        (400, "max-stale=300", 200, "memory"),
        (400, "max-stale=1", 200, "provider"),
        (400, "max-stale=0", 200, "provider"),
        (400, "max-age=1000", 200, "provider"),
        (400, "max-age=1000, max-stale=300", 200, "memory"),
        (400, "max-age=399, max-stale", 200, "provider"),
        (400, "only-if-cached, max-stale=1", 504, ""),
    ] {
        let upstream = Upstream::start().await;
        let service = InProcess::open_at("2024-07-02T16:00:00Z", &upstream.flags()).await;
        assert_eq!(service.get("/v1/quotes/AAPL").await.status, 200);
        service.advance(Duration::from_secs(age));
        let reply = ask(&service, "/v1/quotes/AAPL", control).await;
        assert_eq!(reply.status, status, "{age} s, {control:?}: {}", String::from_utf8_lossy(&reply.body));
        if status == 200 {
            assert_eq!(reply.json()["source"], source, "{age} s, {control:?}");
            // Warming may be at it too.
            let told = reply.header("cache-status").replace("; collapsed", "");
            // What was fresh was refused by the request; what was not is stale by itself.
            let why = if age < 300 { "request" } else { "stale" };
            let expected = match source {
                "provider" => format!("cache; fwd={why}; stored; ttl="),
                _ => "cache; hit; ttl=".to_owned(),
            };
            assert!(told.starts_with(&expected), "{age} s, {control:?}: {told}");
        }
    }
}

#[tokio::test]
async fn an_answer_about_many_says_how_many_were_hits_and_leaves_out_what_is_not_cached() {
    let upstream = Upstream::start().await;
    let service = InProcess::open_at("2024-07-02T16:00:00Z", &upstream.flags()).await;
    let first = service.get("/v1/quotes/AAPL").await;
    assert_eq!(first.header("cache-status").split("; ttl").next().unwrap(), "cache; fwd=uri-miss; stored");
    let cached = ask(&service, "/v1/quotes?symbols=AAPL,MSFT", "only-if-cached").await;
    assert_eq!(cached.json()["quotes"].as_array().unwrap().len(), 1);
    assert_eq!(cached.json()["failed"][0]["symbol"], "MSFT");
    let none = ask(&service, "/v1/quotes?symbols=MSFT,NVDA", "only-if-cached").await;
    assert_eq!(none.status, 504);
    assert_eq!(upstream.asked().len(), 1, "nothing was loaded: {:?}", upstream.asked());
    let both = service.get("/v1/quotes?symbols=AAPL,MSFT").await;
    assert!(
        both.header("cache-status").ends_with("detail=\"1 of 2 hit\""),
        "{}",
        both.header("cache-status")
    );
}
