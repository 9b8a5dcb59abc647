//! Requests for market data of any kind: parameters, lists, what is refused, and who offers what.

use std::time::Duration;

use market_data::{DataType, Document};
use serde_json::{Value, json};

use crate::fixture::{
    in_process::{InProcess, Reply},
    upstream::{Upstream, market_kinds},
};

#[track_caller]
fn is_problem(reply: &Reply, status: u16, kind: &str, detail: &str) -> Value {
    let body = reply.json();
    let told = (reply.status.as_u16(), reply.header("content-type"));
    assert_eq!(told, (status, "application/problem+json"), "{body}");
    assert_eq!(body["type"], format!("urn:problem-type:cache:{kind}"), "{body}");
    let said = body["detail"].as_str().unwrap();
    assert!(said.contains(detail), "wanted {detail:?} in {said:?}");
    body
}

#[tokio::test]
async fn the_parameters_of_a_request_are_those_of_the_document_in_whatever_order() {
    let upstream = Upstream::start().await;
    let service = InProcess::open(&upstream.flags()).await;
    let documents = service.app.documents(DataType::Technical).unwrap();
    let document = Document::new("AAPL".parse().unwrap(), json!({ "sma": 1 }));
    documents.put("AAPL:function=SMA&interval=1d&of=open&period=30", document).await.unwrap();
    for path in [
        "/v1/technical/AAPL?function=SMA&period=30&of=open",
        "/v1/technical/aapl?of=open&period=30&function=sma&interval=1d",
        "/v1/technical/AAPL@US?time_period=%33%30&function=sMa&&series_type=open",
    ] {
        let body = service.get(path).await.json();
        assert_eq!((&body["body"]["sma"], &body["source"]), (&json!(1), &json!("memory")), "{path}: {body}");
    }
    let list = service.get("/v1/technical?symbols=AAPL&function=SMA&of=open&period=30").await.json();
    assert_eq!(list["documents"][0]["body"], json!({ "sma": 1 }), "{list}");
    assert!(upstream.asked().is_empty());
}

#[tokio::test]
async fn what_a_provider_rejects_is_the_client_s_to_mend_and_says_what_it_was() {
    let upstream = Upstream::start().await;
    let service = InProcess::open(&upstream.flags()).await;
    let reply = service.get("/v1/news/AAPL?no_such_parameter=1").await;
    is_problem(&reply, 400, "rejected", "no_such_parameter");
    let reply = service.get("/v1/dividend/AAPL?no_such_parameter=1").await;
    is_problem(&reply, 400, "invalid-parameter", "no_such_parameter");
    is_problem(&service.get("/v1/dividend/BAD").await, 400, "rejected", "BAD");
    is_problem(&service.get("/v1/price/BAD").await, 400, "rejected", "BAD");
    let elsewhere = service.get("/v1/news/BTC@CRYPTO").await;
    is_problem(&elsewhere, 404, "not-offered", "no provider of this service offers news of BTC@CRYPTO");
    let none = service.get("/v1/news?symbols=BTC@CRYPTO,ETH@CRYPTO").await;
    is_problem(&none, 404, "not-offered", "no provider of this service offers news of BTC@CRYPTO");
    let some = service.get("/v1/news?symbols=AAPL,BTC@CRYPTO").await;
    assert_eq!((some.status.as_u16(), &some.json()["failed"][0]["symbol"]), (200, &json!("BTC@CRYPTO")));
    let list = service.get("/v1/dividend?symbols=AAPL,BAD").await.json();
    assert_eq!(list["failed"][0]["symbol"], "BAD", "{list}");
    let report = service.get("/health").await.json();
    assert_eq!(report["status"], "healthy", "the provider is not at fault");
}

#[tokio::test]
async fn what_was_good_once_is_served_within_its_grace_though_the_provider_rejects_it_now() {
    let upstream = Upstream::start().await;
    let service = InProcess::open(&upstream.flags()).await;
    let loaded = service.get("/v1/treasury_yield/TREASURY@US").await.json();
    service.advance(Duration::from_secs(3_600));
    upstream.set_rejecting();
    for _ in 0..2 {
        let stale = service.get("/v1/treasury_yield/TREASURY@US").await.json();
        assert_eq!((&stale["stale"], &stale["body"]), (&json!(true), &loaded["body"]), "{stale}");
        service.until(async || upstream.asked().len() >= 2).await;
    }
    service.advance(Duration::from_secs(2 * 3_600));
    is_problem(&service.get("/v1/treasury_yield/TREASURY@US").await, 400, "rejected", "400");
}

#[tokio::test]
async fn many_symbols_of_a_kind_are_answered_with_what_is_unknown_and_what_failed() {
    let upstream = Upstream::start().await;
    let service = InProcess::open(&upstream.flags()).await;
    let reply = service.get("/v1/dividend?symbols=MSFT,NOPE,aapl,AAPL").await;
    let body = reply.json();
    let symbols: Vec<&Value> =
        body["documents"].as_array().unwrap().iter().map(|document| &document["symbol"]).collect();
    assert_eq!(
        (symbols, &body["kind"]),
        (vec![&json!("MSFT"), &json!("AAPL")], &json!("dividend")),
        "{body}"
    );
    assert_eq!((&body["unknown"], &body["failed"]), (&json!(["NOPE"]), &json!([])), "{body}");
    assert!(reply.header("cache-control").starts_with("max-age=") && !reply.header("etag").is_empty());
    let paths = ["/dividend/MSFT", "/dividend/NOPE", "/dividend/AAPL"];
    assert_eq!(upstream.asked(), paths, "each once");

    let prices = service.get("/v1/price?symbols=AAPL,NOPE").await.json();
    assert_eq!((&prices["quotes"][0]["price"], &prices["unknown"][0]), (&json!(7.0), &json!("NOPE")));
    let quotes = service.get("/v1/quotes/AAPL").await.json();
    assert_eq!((&quotes["price"], &quotes["source"]), (&json!(7.0), &json!("memory")), "it is the same");
    let bars = service.get("/v1/bars/AAPL?interval=1h").await.json();
    let same = service.get("/v1/ohlcv/AAPL?interval=1h").await.json();
    assert_eq!((&bars["bars"], &same["source"]), (&same["bars"], &json!("memory")), "{bars} {same}");
}

#[tokio::test]
async fn news_of_a_market_is_a_document_of_its_own() {
    let upstream = Upstream::start().await;
    let service = InProcess::open(&upstream.flags()).await;
    let body = service.get("/v1/news?market=US").await.json();
    assert_eq!((&body["symbol"], &body["kind"]), (&json!("US@US.index"), &json!("news")), "{body}");
    assert_eq!(upstream.asked(), ["/news/US"]);
    let same = service.get("/v1/news/US@US.index").await.json();
    assert_eq!(same["source"], "memory", "{same}");
    for (path, detail) in [
        ("/v1/news?market=U-S", "market="),
        ("/v1/news?market=", "market="),
        ("/v1/news?market=US&symbols=AAPL", "both given"),
        ("/v1/news", "symbols is missing"),
        ("/v1/dividend?market=US", "symbols is missing"),
    ] {
        is_problem(&service.get(path).await, 400, "invalid-parameter", detail);
    }
}

#[tokio::test]
async fn an_unknown_symbol_is_404_and_remembered_for_a_while() {
    let upstream = Upstream::start().await;
    let service = InProcess::open(&upstream.flags()).await;
    for kind in market_kinds() {
        let asked = upstream.asked().len();
        for _ in 0..2 {
            let reply = service.get(&format!("/v1/{kind}/NOPE")).await;
            let body = is_problem(&reply, 404, "unknown-symbol", "NOPE");
            assert!(body["symbol"].as_str().unwrap().starts_with("NOPE"), "{body}");
            assert!(reply.header("cache-control").starts_with("max-age="), "{kind}");
        }
        assert_eq!(upstream.asked().len(), asked + 1, "{kind}");
    }
}

#[tokio::test]
async fn what_is_no_market_kind_is_404_with_those_that_are() {
    let service = InProcess::open(&[]).await;
    for name in ["prices", "narrative", "user", "session", "signal", "api", "PRICE", "%70rices", "x%2Fy", "ä"]
    {
        let path = format!("/v1/{}/AAPL", name.replace('ä', "%C3%A4"));
        let body = is_problem(&service.get(&path).await, 404, "unknown-kind", "no kind of market data");
        let all: Vec<&str> = market_kinds().into_iter().map(DataType::as_str).collect();
        assert_eq!(body["kinds"], json!(all));
    }
    is_problem(&service.get("/v1/prices?symbols=A").await, 404, "unknown-kind", "\"prices\"");
}

#[tokio::test]
async fn a_kind_that_nobody_offers_is_404_with_what_is_offered_and_by_whom() {
    let upstream = Upstream::of(&[DataType::Dividend, DataType::News]).await;
    let service = InProcess::open(&upstream.flags()).await;
    for path in ["/v1/macro/REAL_GDP", "/v1/price/AAPL", "/v1/ohlcv/AAPL", "/v1/macro?symbols=REAL_GDP"] {
        let body = is_problem(&service.get(path).await, 404, "not-offered", "ask for one of dividend, news");
        assert_eq!(body["kinds"], json!({ "dividend": ["acme"], "news": ["acme"] }));
        assert!(body["detail"].as_str().unwrap().contains(body["kind"].as_str().unwrap()), "{body}");
    }
    assert!(upstream.asked().is_empty());
}

#[tokio::test]
async fn the_kinds_say_who_offers_them_and_by_which_parameters() {
    let upstream = Upstream::of(&[DataType::Technical, DataType::Ohlcv]).await;
    let service = InProcess::open(&upstream.flags()).await;
    let body = service.get("/v1/kinds").await.json();
    let kinds = body["kinds"].as_array().unwrap();
    let names: Vec<&str> = kinds.iter().map(|kind| kind["kind"].as_str().unwrap()).collect();
    assert_eq!(names, market_kinds().into_iter().map(DataType::as_str).collect::<Vec<_>>());
    for kind in kinds {
        let offered = ["technical", "ohlcv"].iter().any(|name| kind["kind"] == *name);
        let providers = if offered { json!(["acme"]) } else { json!([]) };
        assert_eq!((&kind["offered"], &kind["providers"]), (&json!(offered), &providers), "{kind}");
        assert!(!kind["about"].as_str().unwrap().is_empty(), "{kind}");
    }
    let of = |name: &str| kinds.iter().find(|kind| kind["kind"] == name).unwrap();
    assert_eq!(of("ohlcv")["intervals"], json!(["1h", "1d"]));
    let function = &of("technical")["parameters"][0];
    assert_eq!((&function["name"], function.get("default")), (&json!("function"), None), "{function}");
    assert_eq!(of("technical")["parameters"][3]["default"], "close");
    is_problem(&service.get("/v1/kinds?x=1").await, 400, "invalid-parameter", "this path takes none");
}

#[tokio::test]
async fn hostile_spellings_are_refused_with_the_reason_and_reach_nobody() {
    let upstream = Upstream::start().await;
    let service = InProcess::open(&upstream.flags()).await;
    let many: Vec<String> = (0..17).map(|number| format!("p{number}=1")).collect();
    let many = format!("/v1/technical/AAPL?{}", many.join("&"));
    let long_value = format!("/v1/technical/AAPL?function={}", "A".repeat(7_000));
    let long_name = format!("/v1/technical/AAPL?{}=1", "a".repeat(7_000));
    let long_symbol = format!("/v1/technical/{}", "A".repeat(7_000));
    for (path, detail) in [
        (many.as_str(), "at most 16"),
        (long_value.as_str(), "has 7000 bytes"),
        (long_name.as_str(), "no name of a parameter"),
        (long_symbol.as_str(), "has 7000 characters"),
        ("/v1/technical/AAPL?function=SMA&function=SMA", "more than once"),
        ("/v1/technical/AAPL?function=SMA&f%75nction=EMA", "more than once"),
        ("/v1/technical/AAPL?Function=SMA", "no name of a parameter"),
        ("/v1/technical/AAPL?=SMA", "no name of a parameter"),
        ("/v1/technical/AAPL?f%C3%BC=1", "no name of a parameter"),
        ("/v1/technical/AAPL?function", "is empty"),
        ("/v1/technical/AAPL?function=", "is empty"),
        ("/v1/technical/AAPL?function=%00", "control character"),
        ("/v1/technical/AAPL?function=%ff", "not UTF-8"),
        ("/v1/technical/AAPL?%ff=1", "not UTF-8"),
        ("/v1/technical/AAPL?function=%2", "two hexadecimal digits"),
        ("/v1/technical/AAPL?symbols=A&symbols=B", "more than once"),
        ("/v1/technical/A%20B", "holds ' '"),
        ("/v1/technical/%C3%84", "holds 'Ä'"),
        ("/v1/technical/%ff", "can't be read"),
        ("/v1/technical/%00", "holds '\\0'"),
        ("/v1/technical/A:period=20", "holds ':'"),
        ("/v1/technical?symbols=A,,B", "number 2"),
        ("/v1/technical?symbols=", "symbols is missing"),
        ("/v1/ohlcv?symbols=AAPL", "/v1/batch"),
        ("/v1/price/AAPL?period=20", "this path takes none"),
        ("/v1/ohlcv/AAPL?period=20", "this path takes interval, from, to"),
    ] {
        is_problem(&service.get(path).await, 400, "invalid-parameter", detail);
    }
    for path in ["/v1/technical/", "/v1/technical/A/B", "/v1/", "/v1//AAPL", "/v1/technical/A/"] {
        assert_eq!(service.get(path).await.status, 404, "{path}");
    }
    let huge = format!("/v1/technical/AAPL?function={}", "A".repeat(9_000));
    is_problem(&service.get(&huge).await, 414, "url-too-long", "the limit is 8192");
    assert!(upstream.asked().is_empty(), "{:?}", upstream.asked());

    let body = service.get("/v1/technical/BTC%2FUSD").await;
    is_problem(&body, 404, "not-offered", "technical of BTC@CRYPTO");
}
