//! Spans: what a read waits for, hop by hop, with what was asked and what came.

mod context;

use std::time::Duration;

use cache_core::ErrorKind;
use tests::{Answer, Fixture, GRACE, LIFE, RecordedSpan, RecordedSpans, settle, soon};
use tracing::{Instrument, level_filters::LevelFilter};

const WINDOW: Duration = Duration::from_millis(2);

fn recorded() -> RecordedSpans {
    RecordedSpans::record(LevelFilter::DEBUG)
}

/// Returns the fields of these names.
fn fields<const N: usize>(span: &RecordedSpan, names: [&str; N]) -> [String; N] {
    names.map(|name| span.field(name).to_owned())
}

#[tokio::test]
async fn a_miss_is_a_read_with_its_flight_the_tier_the_load_and_the_call() {
    let spans = recorded();
    let fixture = Fixture::new().await;
    spans.clear();
    assert_eq!(fixture.get("AAPL").await.as_deref(), Some("AAPL@1"));
    settle().await;
    let read = spans.one("cache.read");
    assert_eq!(
        fields(&read, ["kind", "keys", "source", "stale", "outcome"]),
        ["price", "1", "loader", "false", "loaded"]
    );
    assert_eq!(spans.path(&spans.one("cache.flight")), "cache.read > cache.flight");
    assert_eq!(
        fields(&spans.one("cache.flight"), ["kind", "keys", "background", "missing"]),
        ["price", "1", "false", "1"]
    );
    assert_eq!(spans.path(&spans.one("cache.load")), "cache.read > cache.flight > cache.load");
    assert_eq!(
        fields(&spans.one("cache.load"), ["keys", "background", "failed", "outcome"]),
        ["1", "false", "0", "ok"]
    );
    assert_eq!(spans.path(&spans.one("cache.call")), "cache.read > cache.flight > cache.load > cache.call");
    assert_eq!(
        fields(&spans.one("cache.call"), ["kind", "keys", "batch", "outcome"]),
        ["price", "1", "100", "ok"]
    );
    let tiers = spans.named("cache.tier");
    let asked: Vec<_> = tiers.iter().filter(|span| span.field("operation") == "get").collect();
    assert!(!asked.is_empty());
    for span in asked {
        assert_eq!(spans.path(span), "cache.read > cache.flight > cache.tier");
        assert_eq!(fields(span, ["tier", "hits", "outcome"]), ["far", "0", "ok"]);
    }
    let stored = tiers.iter().find(|span| span.field("operation") == "put").expect("it is stored");
    assert_eq!(spans.path(stored), "cache.read > cache.flight > cache.load > cache.tier");
    assert!(spans.all().iter().all(|span| span.closed), "{:#?}", spans.all());
}

#[tokio::test]
async fn a_hit_in_memory_has_a_span_for_those_who_ask_for_trace_and_none_at_debug() {
    let fixture = Fixture::new().await;
    assert!(fixture.get("AAPL").await.is_some());
    let spans = recorded();
    assert!(fixture.get("AAPL").await.is_some() && fixture.peek("AAPL").is_some());
    assert!(spans.all().is_empty(), "{:#?}", spans.all());
    drop(spans);

    let spans = RecordedSpans::record(LevelFilter::TRACE);
    assert!(fixture.get("AAPL").await.is_some() && fixture.peek("AAPL").is_some());
    let read = spans.one("cache.read");
    assert_eq!(
        fields(&read, ["kind", "keys", "source", "stale", "outcome"]),
        ["price", "1", "memory", "false", "hit"]
    );
    assert!(read.closed && spans.all().len() == 1);
}

#[tokio::test]
async fn a_hit_of_a_tier_names_the_tier() {
    let fixture = Fixture::new().await;
    assert!(fixture.get("AAPL").await.is_some());
    let elsewhere = fixture.another(|region| region).await;
    let spans = recorded();
    assert!(elsewhere.get("AAPL").await.is_some());
    settle().await;
    assert_eq!(fields(&spans.one("cache.read"), ["source", "stale", "outcome"]), ["far", "false", "hit"]);
    let hit = spans.named("cache.tier").into_iter().any(|span| span.field("hits") == "1");
    assert!(hit && spans.named("cache.load").is_empty(), "{:#?}", spans.all());
    assert_eq!(spans.one("cache.flight").field("missing"), "0");
}

#[tokio::test]
async fn a_stale_answer_says_so_and_its_refresh_is_a_trace_of_its_own_that_links_to_the_read() {
    let fixture = Fixture::new().await;
    assert!(fixture.get("AAPL").await.is_some());
    fixture.pass(LIFE.as_secs() + 1);
    let spans = recorded();
    assert_eq!(fixture.get("AAPL").await.as_deref(), Some("AAPL@1"));
    settle().await;
    let read = spans.one("cache.read");
    assert_eq!(fields(&read, ["source", "stale", "outcome"]), ["memory", "true", "hit"]);
    let flight = spans.one("cache.flight");
    assert_eq!((flight.parent, &flight.links[..]), (None, &[read.id][..]));
    assert_eq!(flight.field("background"), "true");
    assert_eq!(spans.one("cache.load").field("background"), "true");
    assert_eq!(spans.path(&spans.one("cache.call")), "cache.flight > cache.load > cache.call");
    assert_eq!(fixture.peek("AAPL").as_deref(), Some("AAPL@2"));
}

#[tokio::test]
async fn a_refresh_that_is_put_off_links_to_the_read_that_put_it_off_first() {
    let fixture = Fixture::with(|region| region.eager(0.5).refresh_window(WINDOW)).await;
    assert!(fixture.get("AAPL").await.is_some());
    fixture.pass(LIFE.as_secs() - 1);
    let spans = recorded();
    assert!(fixture.get("AAPL").await.is_some());
    settle().await;
    assert!(spans.named("cache.flight").is_empty());
    fixture.clock.advance(WINDOW);
    settle().await;
    let (read, flight) = (spans.one("cache.read"), spans.one("cache.flight"));
    assert_eq!((flight.parent, &flight.links[..]), (None, &[read.id][..]));
    assert!(read.closed && flight.closed);
}

#[tokio::test]
async fn a_value_in_grace_that_stands_in_for_a_load_is_stale_and_the_load_failed() {
    let fixture = Fixture::with(|region| region.soft_timeout(GRACE)).await;
    assert!(fixture.get("AAPL").await.is_some());
    fixture.pass(LIFE.as_secs() + 1);
    fixture.source.fail(ErrorKind::Unavailable);
    let spans = recorded();
    assert_eq!(fixture.get("AAPL").await.as_deref(), Some("AAPL@1"));
    settle().await;
    assert_eq!(fields(&spans.one("cache.read"), ["stale", "outcome"]), ["true", "hit"]);
    assert_eq!(fields(&spans.one("cache.load"), ["failed", "outcome"]), ["1", "failed"]);
    assert_eq!(
        fields(&spans.one("cache.call"), ["outcome", "error.type", "otel.status_code"]),
        ["failed", "Unavailable", "ERROR"]
    );
}

#[tokio::test]
async fn a_read_that_fails_says_with_what() {
    let fixture = Fixture::new().await;
    fixture.source.fail(ErrorKind::Timeout);
    let spans = recorded();
    assert!(soon(fixture.region.get("AAPL")).await.is_err());
    let read = spans.one("cache.read");
    assert_eq!(fields(&read, ["source", "outcome", "error.type"]), ["", "failed", "Timeout"]);
}

#[tokio::test]
async fn a_read_of_many_keys_is_one_span_and_a_load_for_each_batch() {
    let fixture = Fixture::new().await;
    let _ = fixture.source.clone().batch(2);
    assert!(fixture.get("A").await.is_some());
    fixture.source.answer(&fixture.key("E"), Answer::Fail(ErrorKind::Load));
    let spans = recorded();
    let answers = soon(fixture.region.lookup_many(&["A", "B", "C", "D", "E"])).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 4);
    settle().await;
    let read = spans.one("cache.read");
    assert_eq!(fields(&read, ["keys", "source", "outcome", "error.type"]), ["5", "mixed", "mixed", "Load"]);
    assert_eq!(fields(&spans.one("cache.flight"), ["keys", "missing"]), ["4", "4"]);
    let loads = spans.named("cache.load");
    let of_each: Vec<_> = loads.iter().map(|load| fields(load, ["keys", "failed", "outcome"])).collect();
    assert_eq!(of_each, [["2", "0", "ok"], ["2", "1", "mixed"]]);
    assert_eq!(spans.named("cache.call").len(), 2);
}

#[tokio::test]
async fn who_joins_a_flight_waits_in_its_own_read_and_links_to_the_flight() {
    let fixture = Fixture::new().await;
    let spans = recorded();
    let gate = fixture.source.gate();
    let first = fixture.ask("AAPL").await;
    let second = fixture.ask("AAPL").await;
    gate.open();
    assert_eq!(first.await.unwrap().unwrap(), second.await.unwrap().unwrap());
    settle().await;
    let reads = spans.named("cache.read");
    assert_eq!(reads.iter().map(|read| read.field("joined")).collect::<Vec<_>>(), ["", "1"]);
    let (flight, wait) = (spans.one("cache.flight"), spans.one("cache.wait"));
    assert_eq!((flight.parent, wait.parent), (Some(reads[0].id), Some(reads[1].id)));
    assert_eq!((&wait.links[..], wait.field("keys")), (&[flight.id][..], "1"));
    assert_eq!(spans.named("cache.call").len(), 1);
}

#[tokio::test]
async fn a_batch_is_of_the_load_that_opened_it_and_links_to_all_that_joined() {
    let fixture = Fixture::with(|region| region.batch_window(WINDOW)).await;
    let spans = recorded();
    let (first, second) = (fixture.ask("A").await, fixture.ask("B").await);
    fixture.clock.advance(WINDOW);
    for task in [first, second] {
        assert!(task.await.unwrap().unwrap().is_some());
    }
    settle().await;
    let (loads, batch) = (spans.named("cache.load"), spans.one("cache.batch"));
    assert_eq!(batch.parent, Some(loads[0].id));
    let mut links = batch.links.clone();
    links.sort_unstable();
    let mut joined: Vec<u64> = loads.iter().map(|load| load.id).collect();
    joined.sort_unstable();
    assert_eq!((links, batch.field("keys")), (joined, "2"));
    let call = spans.one("cache.call");
    assert_eq!((call.parent, call.field("keys")), (Some(batch.id), "2"));
}

#[tokio::test]
async fn spans_name_keys_only_where_the_cache_is_told_to() {
    let spans = RecordedSpans::record(LevelFilter::TRACE);
    let silent = Fixture::new().await;
    let many: Vec<String> = (0..20).map(|at| format!("K{at}")).collect();
    assert!(silent.get("AAPL").await.is_some() && silent.get("AAPL").await.is_some());
    assert!(soon(silent.region.get_many(&many)).await.is_ok());
    settle().await;
    let texts =
        || spans.all().iter().flat_map(|span| span.fields.values().cloned()).collect::<Vec<_>>().join(" ");
    assert!(spans.all().len() > 5 && !texts().contains("AAPL") && !texts().contains("K1"), "{}", texts());
    spans.clear();

    let telling = Fixture::built(|cache| cache.spans_with_keys(true), |region| region).await;
    assert!(telling.get("AAPL").await.is_some() && telling.get("AAPL").await.is_some());
    settle().await;
    for name in ["cache.read", "cache.flight", "cache.call"] {
        let named = spans.named(name);
        assert!(
            !named.is_empty() && named.iter().all(|span| span.field("key") == "price:AAPL"),
            "{named:#?}"
        );
    }
    spans.clear();
    assert!(soon(telling.region.get_many(&many)).await.is_ok());
    let key = spans.one("cache.read").field("key").to_owned();
    assert!(key.starts_with("price:K0 price:K1 ") && key.ends_with(" and 4 more"), "{key}");
}

#[tokio::test]
async fn a_refresh_and_a_read_of_several_kinds_have_spans() {
    let fixture = Fixture::new().await;
    let names = fixture.cache.region::<String>("name").loader(fixture.source.clone()).open().unwrap();
    let spans = recorded();
    assert_eq!(soon(fixture.region.refresh(&["A", "B"])).await.unwrap().loaded, 2);
    assert_eq!(fields(&spans.one("cache.refresh"), ["kind", "keys", "failed"]), ["price", "2", "0"]);
    settle().await;
    spans.clear();
    let (mut prices, mut named) = (fixture.region.wanted(&["A", "C"]), names.wanted(&["A"]));
    soon(fixture.cache.read_together(&mut [&mut prices, &mut named])).await;
    settle().await;
    let reads = spans.named("cache.read");
    let kinds: Vec<_> = reads.iter().map(|read| fields(read, ["kind", "keys", "outcome"])).collect();
    assert_eq!(kinds, [["mixed", "", ""], ["price", "2", "mixed"], ["name", "1", "loaded"]]);
    let flight = spans.one("cache.flight");
    assert_eq!(fields(&flight, ["kind", "keys"]), ["mixed", "2"]);
    assert_eq!(flight.parent, Some(reads[0].id));
}

#[tokio::test]
async fn a_put_is_part_of_what_its_caller_does() {
    let fixture = Fixture::new().await;
    let spans = recorded();
    let request = tracing::debug_span!(target: "cache_server::spans", "request");
    soon(fixture.region.put("AAPL", "190".to_owned()).instrument(request)).await.unwrap();
    let put = spans.named("cache.tier").into_iter().find(|span| span.field("operation") == "put").unwrap();
    assert_eq!(spans.path(&put), "request > cache.tier");
}
