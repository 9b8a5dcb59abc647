//! What clients see while the provider fails, hangs, and recovers.

use std::time::Duration;

use axum::http::StatusCode;
use cache_server::CloseOutcome;
use serde_json::json;

use crate::fixture::in_process::InProcess;

const FLAGS: [&str; 3] = ["--ttl-price=300", "--grace-price=3600", "--throttle-ms=1000"];

#[tokio::test]
async fn while_the_provider_fails_stale_quotes_stand_in_until_their_grace_is_over() {
    let service = InProcess::open(&FLAGS).await;
    service.get("/v1/quotes/AAPL").await;
    service.app.replay().faults().fail_all();

    service.advance(Duration::from_secs(400));
    let answer = service.get("/v1/quotes/AAPL").await;
    let body = answer.json();
    assert_eq!(
        (answer.status, &body["stale"], &body["age_ms"]),
        (StatusCode::OK, &json!(true), &json!(400_000))
    );
    assert_eq!(
        (answer.header("age"), answer.header("cache-control")),
        ("400", "max-age=0, stale-while-revalidate=3599, stale-if-error=3599")
    );

    service.advance(Duration::from_secs(3201));
    let answer = service.get("/v1/quotes/AAPL").await;
    assert_eq!(answer.status, StatusCode::BAD_GATEWAY);
    assert!(answer.json()["detail"].as_str().unwrap().contains("replay failed"), "{}", answer.json());

    service.app.replay().faults().heal();
    service.advance(Duration::from_secs(2));
    let answer = service.get("/v1/quotes/AAPL").await;
    assert_eq!((answer.status, &answer.json()["source"]), (StatusCode::OK, &json!("provider")));
}

#[tokio::test]
async fn after_a_recovery_a_stale_quote_is_renewed_behind_its_reader() {
    let service = InProcess::open(&FLAGS).await;
    service.get("/v1/quotes/AAPL").await;
    service.advance(Duration::from_secs(400));
    assert_eq!(service.get("/v1/quotes/AAPL").await.json()["stale"], json!(true));
    service.until(async || service.get("/v1/quotes/AAPL").await.json()["stale"] == json!(false)).await;
    assert_eq!(service.app.replay().usage().calls, 2);
}

#[tokio::test]
async fn one_symbol_that_cannot_be_had_does_not_take_the_others_with_it() {
    let service = InProcess::open(&FLAGS).await;
    service.get("/v1/quotes?symbols=AAPL,NOPE").await;
    service.app.replay().faults().fail_all();
    let answer = service.get("/v1/quotes?symbols=MSFT,AAPL,NOPE").await;
    assert_eq!(answer.status, StatusCode::OK);
    let body = answer.json();
    assert_eq!((&body["quotes"][0]["symbol"], &body["unknown"]), (&json!("AAPL"), &json!(["NOPE"])));
    assert_eq!(body["failed"][0]["symbol"], json!("MSFT"));
    assert!(body["failed"][0]["error"].as_str().unwrap().contains("replay failed"), "{body}");
    assert_eq!(
        (answer.header("cache-control"), answer.header("etag")),
        ("no-store", ""),
        "not the whole answer"
    );
}

#[tokio::test]
async fn a_list_of_which_nothing_can_be_had_is_a_problem_that_names_each() {
    let service = InProcess::open(&FLAGS).await;
    service.app.replay().faults().fail_all();
    let answer = service.get("/v1/quotes?symbols=MSFT,AAPL").await;
    assert_eq!(answer.status, StatusCode::BAD_GATEWAY);
    assert_eq!(answer.header("content-type"), "application/problem+json");
    let failed = answer.json()["failed"].clone();
    assert_eq!((&failed[0]["symbol"], &failed[1]["symbol"]), (&json!("MSFT"), &json!("AAPL")));
}

#[tokio::test]
async fn a_provider_that_hangs_is_504_at_the_deadline() {
    let service = InProcess::open(&["--load-timeout-ms=2000"]).await;
    service.app.replay().faults().hang();
    let idle = service.clock.sleepers();
    let (router, path) = (service.router.clone(), "/v1/bars/AAPL");
    let request = axum::http::Request::get(path).body(axum::body::Body::empty()).unwrap();
    let waiting = tokio::spawn(tower::ServiceExt::oneshot(router, request));
    service.until(async || service.clock.sleepers() > idle && service.app.replay().usage().calls == 1).await;
    service.advance(Duration::from_secs(2));
    let response = waiting.await.unwrap().unwrap();
    assert_eq!(response.status(), StatusCode::GATEWAY_TIMEOUT);
}

#[tokio::test]
async fn an_end_while_the_provider_hangs_cuts_loads_and_nothing_else() {
    let service = InProcess::open(&[]).await;
    service.get("/v1/quotes/AAPL").await;
    service.app.replay().faults().hang();
    let request = axum::http::Request::get("/v1/quotes/MSFT").body(axum::body::Body::empty()).unwrap();
    let waiting = tokio::spawn(tower::ServiceExt::oneshot(service.router.clone(), request));
    service.until(async || service.app.replay().usage().calls == 2).await;
    let closed = service.app.close(Duration::from_millis(300)).await.unwrap();
    assert!(
        matches!(&closed, CloseOutcome::LoadsAborted(why) if why.to_string().contains("loads")),
        "{closed:?}"
    );
    waiting.abort();
}

#[tokio::test]
async fn an_end_while_nothing_is_under_way_is_complete() {
    let service = InProcess::open(&[]).await;
    service.get("/v1/quotes/AAPL").await;
    let closed = service.app.close(Duration::from_secs(20)).await.unwrap();
    assert!(matches!(closed, CloseOutcome::Complete), "{closed:?}");
}
