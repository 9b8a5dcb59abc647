//! Caching headers and conditional requests: age, remaining life, entity tag.

use std::time::Duration;

use axum::{
    body::Body,
    http::{Request, StatusCode},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::fixture::{
    in_process::{InProcess, Reply},
    process::{PATIENCE, Server},
};

async fn ask(service: &InProcess, method: &str, path: &str, known: &str) -> Reply {
    let request = Request::builder().method(method).uri(path).header("if-none-match", known);
    service.send(request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn a_client_that_has_the_version_gets_304_without_a_body() {
    let service = InProcess::open(&[]).await;
    for path in ["/v1/quotes?symbols=AAPL,NOPE", "/v1/quotes/AAPL", "/v1/bars/AAPL?from=2017-08-01"] {
        let first = service.get(path).await;
        let etag = first.header("etag").to_owned();
        assert!(etag.starts_with("W/\"") && etag.ends_with('"') && etag.len() > 10, "{path}: {etag}");
        service.advance(Duration::from_secs(7));

        let strong = etag.trim_start_matches("W/").to_owned();
        for known in [etag.clone(), strong, format!("\"x\", {etag}"), "*".to_owned()] {
            let answer = ask(&service, "GET", path, &known).await;
            assert_eq!((answer.status, answer.body.len()), (StatusCode::NOT_MODIFIED, 0), "{path} {known}");
            assert_eq!((answer.header("etag"), answer.header("content-length")), (etag.as_str(), ""));
            assert!(answer.header("cache-control").starts_with("max-age="), "{path}");
        }
        let other = ask(&service, "GET", path, "\"x\"").await;
        assert_eq!((other.status, other.header("etag")), (StatusCode::OK, etag.as_str()), "{path}");
    }
}

#[tokio::test]
async fn a_version_is_that_of_the_data_alone() {
    let service = InProcess::open(&[]).await;
    let etag = async |path: &str| service.get(path).await.header("etag").to_owned();
    let from_provider = etag("/v1/quotes/AAPL").await;
    service.advance(Duration::from_secs(5));
    assert_eq!(etag("/v1/quotes/AAPL").await, from_provider, "neither age nor source counts");
    assert_ne!(etag("/v1/quotes/MSFT").await, from_provider);
    let both = etag("/v1/quotes?symbols=AAPL,MSFT").await;
    assert_ne!(etag("/v1/quotes?symbols=MSFT,AAPL").await, both);
    assert_ne!(etag("/v1/bars/AAPL?from=2017-08-30").await, etag("/v1/bars/AAPL?from=2017-08-31").await);
}

#[tokio::test]
async fn head_is_get_without_the_body() {
    let service = InProcess::open(&[]).await;
    service.get("/v1/quotes/AAPL").await;
    let get = service.get("/v1/quotes/AAPL").await;
    let head = ask(&service, "HEAD", "/v1/quotes/AAPL", "\"x\"").await;
    assert_eq!((head.status, head.body.len()), (StatusCode::OK, 0));
    assert_eq!(head.header("content-length"), get.body.len().to_string());
    assert_eq!(head.header("etag"), get.header("etag"));
    let known = ask(&service, "HEAD", "/v1/quotes/AAPL", get.header("etag")).await;
    assert_eq!((known.status, known.header("content-length")), (StatusCode::NOT_MODIFIED, ""));
}

/// Returns the age and the `max-age` of a response.
fn age_and_life(answer: &Reply) -> (u64, u64) {
    let control = answer.header("cache-control").split(',').next().unwrap();
    (answer.header("age").parse().unwrap(), control.strip_prefix("max-age=").unwrap().parse().unwrap())
}

#[tokio::test]
async fn what_is_left_of_max_age_after_the_age_is_what_is_left_of_the_life() {
    let service = InProcess::open(&["--ttl-price=300", "--grace-price=3600"]).await;
    let (age, life) = age_and_life(&service.get("/v1/quotes/AAPL").await);
    assert!(age == 0 && (285..=300).contains(&life), "{age} {life}");
    service.advance(Duration::from_secs(100));
    let later = service.get("/v1/quotes/AAPL").await;
    let (later_age, later_life) = age_and_life(&later);
    assert!(later_age == 100 && later_life.abs_diff(life) <= 1, "it grows older, its life does not grow");
    let grace: u64 = later.header("cache-control").split_once("stale-if-error=").unwrap().1.parse().unwrap();
    assert!((later_life + grace).abs_diff(3600) <= 1, "{grace}");
}

#[tokio::test]
async fn of_several_data_the_oldest_and_the_shortest_lived_count() {
    let service = InProcess::open(&[]).await;
    let (_, first) = age_and_life(&service.get("/v1/quotes/AAPL").await);
    service.advance(Duration::from_secs(60));
    service.get("/v1/quotes/MSFT").await;
    service.advance(Duration::from_secs(10));
    let (age, life) = age_and_life(&service.get("/v1/quotes?symbols=AAPL,MSFT").await);
    assert_eq!(age, 70);
    assert!(life.abs_diff(first) <= 1, "AAPL is the first to go: {life} {first}");
}

#[tokio::test]
async fn statistics_health_and_problems_are_not_kept() {
    let service = InProcess::open(&[]).await;
    for path in ["/v1/stats", "/health", "/", "/nope", "/v1/quotes"] {
        assert_eq!(service.get(path).await.header("cache-control"), "no-store", "{path}");
    }
}

#[tokio::test]
async fn after_a_304_the_connection_goes_on() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &["--provider-latency-ms=0"]);
    let request =
        |method, rest| format!("{method} /v1/quotes/AAPL HTTP/1.1\r\nhost: localhost\r\n{rest}\r\n");
    let known = "if-none-match: *\r\n";
    let requests = request("GET", known) + &request("HEAD", known) + &request("GET", "connection: close\r\n");
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    stream.write_all(requests.as_bytes()).await.unwrap();
    let mut answers = String::new();
    timeout(PATIENCE, stream.read_to_string(&mut answers)).await.expect("no answer").unwrap();
    let heads: Vec<&str> = answers.split("HTTP/1.1 ").skip(1).collect();
    let statuses: Vec<&str> = heads.iter().map(|head| &head[..3]).collect();
    assert_eq!(statuses, ["304", "304", "200"], "{answers}");
    for head in &heads[..2] {
        assert!(head.ends_with("\r\n\r\n"), "a body: {head}");
        assert!(!head.contains("content-length") && !head.contains("transfer-encoding"), "{head}");
    }
}
