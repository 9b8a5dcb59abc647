//! Spans of a request, and the trace of its caller, which providers receive.

use axum::{body::Body, http::Request};
use tests::{RecordedSpan, RecordedSpans, settle};
use tracing::level_filters::LevelFilter;

use crate::fixture::{
    in_process::InProcess,
    process::{Server, command, refused},
    upstream::Upstream,
};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const SENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// Asks for a quote with these headers. Returns the status.
async fn get(server: &Server, symbol: &str, headers: &[(&str, &str)]) -> u16 {
    let request = server.client.get(format!("{}/v1/quotes/{symbol}", server.url));
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    request.send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn a_provider_gets_the_trace_of_the_request_that_it_is_asked_for_as_it_came() {
    let (upstream, data) = (Upstream::start().await, tempfile::tempdir().unwrap());
    let server = Server::start(data.path(), &upstream.flags());
    assert_eq!(
        get(&server, "AAPL", &[("traceparent", SENT), ("tracestate", "acme=1"), ("tracestate", "b=2")]).await,
        200
    );
    // It is in memory: nobody is asked.
    assert_eq!(get(&server, "AAPL", &[("traceparent", &SENT.replace("b7", "c8"))]).await, 200);
    assert_eq!(get(&server, "MSFT", &[]).await, 200);
    for invalid in
        ["", "00-1-2-3", &SENT.to_uppercase(), &SENT.replace("b7ad6b7169203331", "0000000000000000")]
    {
        let symbol = ["SA", "SB", "SC", "SD", "SE"][upstream.asked().len() - 2];
        assert_eq!(
            get(&server, symbol, &[("traceparent", invalid), ("tracestate", "acme=1")]).await,
            200,
            "{invalid}"
        );
    }
    assert_eq!(get(&server, "TWICE", &[("traceparent", SENT), ("traceparent", SENT)]).await, 200);
    let [first, rest @ ..] = &upstream.headers("traceparent")[..] else { panic!("it was not asked") };
    assert_eq!(first.as_deref(), Some(SENT));
    assert!(rest.len() == 6 && rest.iter().all(Option::is_none), "{rest:?}");
    let states = upstream.headers("tracestate");
    assert_eq!(states[0].as_deref(), Some("acme=1,b=2"));
    assert!(states[1..].iter().all(Option::is_none), "{states:?}");
    server.terminate();
}

#[tokio::test]
async fn no_provider_gets_a_trace_where_that_is_turned_off() {
    let (upstream, data) = (Upstream::start().await, tempfile::tempdir().unwrap());
    let flags = [&upstream.flags()[..], &["--set=tracing.propagate=false"]].concat();
    let server = Server::start(data.path(), &flags);
    assert_eq!(get(&server, "AAPL", &[("traceparent", SENT)]).await, 200);
    assert_eq!(upstream.headers("traceparent"), [None]);
    server.terminate();
}

/// Returns the fields of these names.
fn fields<const N: usize>(span: &RecordedSpan, names: [&str; N]) -> [String; N] {
    names.map(|name| span.field(name).to_owned())
}

#[tokio::test]
async fn a_request_that_a_provider_answers_has_a_span_for_each_hop() {
    let upstream = Upstream::start().await;
    let config = format!("--config={}", upstream.flags()[1]);
    let off = "--set=warming.enabled=false";
    let service = InProcess::open(&[&config, off]).await;
    let spans = RecordedSpans::record(LevelFilter::DEBUG);
    let request = Request::get("/v1/quotes/AAPL").header("traceparent", SENT).body(Body::empty()).unwrap();
    assert_eq!(service.send(request).await.status, 200);
    settle().await;
    let request = spans.one("request");
    assert_eq!(
        fields(&request, ["http.request.method", "http.response.status_code", "url.path", "otel.kind"]),
        ["GET", "200", "", "server"]
    );
    assert_eq!(request.field("otel.name"), format!("GET {}", request.field("http.route")));
    assert!(request.field("http.route").starts_with("/v1/"), "{request:?}");
    assert_eq!(
        spans.path(&spans.one("provider.request")),
        "request > cache.read > cache.flight > cache.load > cache.call > provider.call > provider.request"
    );
    let call = spans.one("provider.call");
    assert_eq!(
        fields(&call, ["provider", "kind", "keys", "retry", "outcome"]),
        ["acme", "price", "1", "false", "ok"]
    );
    let sent = spans.one("provider.request");
    assert_eq!(
        fields(&sent, ["server.address", "http.response.status_code", "otel.kind"]),
        ["127.0.0.1", "200", "client"]
    );
    let texts: Vec<_> = spans.all().iter().flat_map(|span| span.fields.values().cloned()).collect();
    assert!(!texts.iter().any(|text| text.contains("AAPL")), "{texts:?}");
    assert!(upstream.headers("traceparent")[0].as_ref().is_some_and(|sent| sent.contains(TRACE)));

    upstream.set_dead(true);
    spans.clear();
    assert_eq!(service.get("/v1/quotes/MSFT").await.status, 502);
    let failed = |name| fields(&spans.one(name), ["error.type", "otel.status_code"]);
    assert_eq!(failed("provider.request"), ["503", "ERROR"]);
    assert_eq!(failed("provider.call"), ["Broken", "ERROR"]);
    assert_eq!(failed("request"), ["502", "ERROR"]);
}

#[tokio::test]
async fn spans_show_keys_and_paths_where_the_settings_say_so() {
    let service = InProcess::open(&["--set=tracing.keys=true"]).await;
    let spans = RecordedSpans::record(LevelFilter::DEBUG);
    assert_eq!(service.get("/v1/quotes/AAPL").await.status, 200);
    assert_eq!(spans.one("request").field("url.path"), "/v1/quotes/AAPL");
    assert!(spans.one("cache.read").field("key").contains("AAPL"));
}

#[test]
fn a_collector_that_is_no_url_is_refused() {
    let data = tempfile::tempdir().unwrap();
    for collector in ["localhost:4318", "ftp://localhost", "http://user:word@localhost", "http://localhost?x"]
    {
        let said = refused(&mut command(data.path(), &[&format!("--set=tracing.otlp_endpoint={collector}")]));
        assert!(said.contains("tracing.otlp_endpoint") && said.contains("give one such as"), "{said}");
    }
}
