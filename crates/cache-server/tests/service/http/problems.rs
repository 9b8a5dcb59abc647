//! The problems that invalid requests get.

use axum::{
    body::Body,
    http::{Request, StatusCode},
};

use crate::fixture::in_process::{InProcess, Reply};

fn check(asked: &str, answer: &Reply, status: u16, detail: &str) {
    assert_eq!(answer.status.as_u16(), status, "{asked}: {}", String::from_utf8_lossy(&answer.body));
    assert_eq!(answer.header("content-type"), "application/problem+json", "{asked}");
    let body = answer.json();
    assert_eq!(body["status"], status, "{asked}");
    assert!(body["type"].as_str().unwrap().starts_with("urn:problem-type:"), "{asked}");
    assert!(!body["title"].as_str().unwrap().is_empty(), "{asked}");
    let said = body["detail"].as_str().unwrap();
    assert!(said.contains(detail), "{asked}: wanted {detail:?} in {said:?}");
}

#[tokio::test]
async fn malformed_input_is_400_and_says_which_parameter_which_value_and_what_is_expected() {
    let service = InProcess::open(&[]).await;
    let many = format!("/v1/quotes?symbols={}", vec!["A"; 101].join(","));
    let long = format!("/v1/quotes?symbols={}", "A".repeat(33));
    for (path, detail) in [
        ("/v1/quotes", "symbols is missing or empty: name 1 to 100"),
        ("/v1/quotes?symbols=", "symbols is missing or empty"),
        ("/v1/quotes?symbols", "symbols is missing or empty"),
        ("/v1/quotes?symbols=,", "in symbols, number 1: the symbol \"\" is empty"),
        ("/v1/quotes?symbols=AAPL,,MSFT", "in symbols, number 2: the symbol \"\" is empty"),
        ("/v1/quotes?symbols=AAPL,MS$FT", "number 2: the symbol \"MS$FT\" holds '$': a symbol has 1 to 32"),
        ("/v1/quotes?symbols=AAPL%20MSFT", "holds ' '"),
        (long.as_str(), "has 33 characters"),
        ("/v1/quotes?symbols=T@X", "number 1: \"X\" is no market"),
        ("/v1/quotes?symbols=T@XLON.stock", "\"stock\" is no asset type"),
        ("/v1/quotes?symbols=%C3%84", "holds 'Ä'"),
        ("/v1/quotes?symbols=A%00", "holds '\\0'"),
        ("/v1/quotes?symbols=%ff", "symbols=%ff is not UTF-8"),
        ("/v1/quotes?symbols=A%", "symbols=A% has a '%'"),
        ("/v1/quotes?symbols=A%2", "two hexadecimal digits"),
        ("/v1/quotes?symbols=A%zz", "two hexadecimal digits"),
        ("/v1/quotes?symbols=A&symbols=B", "symbols is given more than once"),
        ("/v1/quotes?symbol=A", "unknown parameter \"symbol\": this path takes symbols"),
        ("/v1/quotes?symbols=A&x=1", "unknown parameter \"x\""),
        (many.as_str(), "names 101 symbols, the limit is 100"),
        ("/v1/quotes/A%20B", "the symbol \"A B\" holds ' '"),
        ("/v1/quotes/%ff", "can't be read"),
        ("/v1/quotes/A%5CB", "holds '\\\\'"),
        ("/v1/quotes/T@", "\"\" is no market"),
        ("/v1/quotes/AAPL?x=1", "this path takes none"),
        ("/v1/bars/A*", "holds '*'"),
        ("/v1/bars/T?interval=5m", "interval=\"5m\" is not offered: ask for one of 1d"),
        ("/v1/bars/T?interval=7m", "\"7m\" is no interval: there are 1m"),
        ("/v1/bars/T?from=yesterday", "from=\"yesterday\" is no date"),
        ("/v1/bars/T?to=2017-02-29", "to=\"2017-02-29\" is no date"),
        ("/v1/bars/T?to=20170901", "is no date"),
        ("/v1/bars/T?to=2017-09-01T00:00", "is no date"),
        ("/v1/bars/T?from=2017-09-02&to=2017-09-01", "from=2017-09-02 is after to=2017-09-01"),
        ("/v1/bars/T?range=1y", "this path takes interval, from, to"),
        ("/v1/stats?x", "this path takes none"),
        ("/health?x=1", "this path takes none"),
        ("/?x=1", "this path takes none"),
    ] {
        check(path, &service.get(path).await, 400, detail);
    }
    assert_eq!(service.app.replay().usage().calls, 0, "nobody was asked");
}

#[tokio::test]
async fn a_hundred_symbols_are_answered() {
    let service = InProcess::open(&[]).await;
    let symbols: Vec<String> = (0..100).map(|id| format!("X{id}")).collect();
    let answer = service.get(&format!("/v1/quotes?symbols={}", symbols.join(","))).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.json()["unknown"].as_array().unwrap().len(), 100);
    assert_eq!(service.app.replay().usage().calls, 2, "fifty a call");
}

#[tokio::test]
async fn what_is_not_there_is_404_and_says_where_to_look() {
    let service = InProcess::open(&[]).await;
    for (path, detail) in [
        ("/v1", "GET / lists"),
        ("/v1/quotes/", "nothing at \"/v1/quotes/\""),
        ("/v1/quotes/A/B", "nothing at"),
        ("/v1/quotes/NOPE", "no symbol NOPE"),
        ("/v1/bars/NOPE", "no symbol NOPE"),
    ] {
        check(path, &service.get(path).await, 404, detail);
    }
}

#[tokio::test]
async fn other_methods_are_405_and_say_which_are_taken() {
    let service = InProcess::open(&[]).await;
    for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"] {
        for path in ["/v1/quotes", "/v1/quotes/AAPL", "/v1/bars/AAPL", "/v1/stats", "/health", "/"] {
            let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
            let answer = service.send(request).await;
            check(path, &answer, 405, "use GET or HEAD");
            assert!(answer.header("allow").contains("GET"), "{method} {path}");
        }
    }
}
