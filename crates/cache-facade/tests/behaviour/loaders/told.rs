//! A loader is told what is still cached, and may give a value that was not modified a life of its own.

use std::sync::Arc;

use cache_core::{Fetched, Operation, Request, Tag, Ttl};
use tests::{Answer, Fixture, Moment, about, settle, soon};
use tokio::spawn;

use super::SECOND;

/// What the source was asked last.
fn last(fixture: &Fixture) -> Request<String> {
    fixture.source.batches().pop().expect("a call").pop().expect("a key")
}

#[tokio::test]
async fn rule_111_not_modified_with_a_life_of_its_own_lives_by_it_from_then_on() {
    let short = Ttl::new(5 * SECOND).grace(50 * SECOND);
    for given in [None, Some(Ttl::new(20 * SECOND).grace(90 * SECOND))] {
        let fixture = Fixture::new().await;
        let key = fixture.key("AAPL");
        let first = Fetched::new("first".to_owned()).etag("v1");
        let first = if let Some(ttl) = given { first.ttl(ttl) } else { first };
        fixture.source.answer(&key, Answer::Value(first));
        fixture.get("AAPL").await;
        fixture.pass(61);
        fixture.source.answer(&key, Answer::NotModifiedFor(short));
        for again in ["told", "kept"] {
            assert_eq!(fixture.get("AAPL").await.as_deref(), Some("first"));
            settle().await;
            for reader in [fixture.clone(), fixture.another(|region| region).await] {
                let found = reader.region.lookup("AAPL").await.unwrap();
                let lives = about(found.fresh_for, short.life) && about(found.servable_for, short.grace);
                assert!(lives, "{again}, {given:?}: {found:?}");
            }
            fixture.source.answer(&key, Answer::NotModified);
            fixture.pass(6);
        }
    }
}

#[tokio::test]
async fn rule_18_not_modified_for_no_time_at_all_ends_what_was_cached() {
    let fixture = Fixture::with(|region| region.soft_timeout(SECOND)).await;
    let key = fixture.key("AAPL");
    fixture.source.answer(&key, Answer::Value(Fetched::new("first".to_owned()).etag("v1")));
    fixture.get("AAPL").await;
    fixture.pass(61);
    fixture.source.answer(&key, Answer::NotModifiedFor(Ttl::NONE));
    assert_eq!(fixture.get("AAPL").await.as_deref(), Some("first"), "it was asked for before");
    settle().await;
    assert_eq!((fixture.peek("AAPL"), fixture.held("AAPL")), (None, None));
}

#[tokio::test]
async fn a_request_has_the_value_that_is_cached_also_in_grace() {
    let fixture = Fixture::new().await;
    fixture.get("AAPL").await;
    assert_eq!(last(&fixture).previous, None, "nothing yet");
    let cached = fixture.region.peek("AAPL").unwrap();
    fixture.region.refresh(&["AAPL"]).await.unwrap().all().unwrap();
    assert!(Arc::ptr_eq(&last(&fixture).previous.unwrap(), &cached), "the fresh one itself, and no copy");
    fixture.pass(61);
    fixture.get("AAPL").await;
    settle().await;
    assert_eq!(last(&fixture).previous.as_deref().map(String::as_str), Some("AAPL@2"), "in grace");
    fixture.pass(61);
    let elsewhere = fixture.another(|region| region.soft_timeout(SECOND)).await;
    assert_eq!(elsewhere.get("AAPL").await.as_deref(), Some("AAPL@4"));
    assert_eq!(last(&fixture).previous.as_deref().map(String::as_str), Some("AAPL@3"), "of a tier");
    fixture.pass(601);
    fixture.get("AAPL").await;
    assert_eq!(last(&fixture).previous, None, "past its grace");
}

/// Whoever merges what has changed into an older value would serve it on.
#[tokio::test]
async fn a_request_has_no_value_that_was_ended_before_its_load_began() {
    for ending in ["tag", "clear", "remove"] {
        let fixture = Fixture::with(|region| region.soft_timeout(5 * SECOND)).await;
        let tag = Tag::new("tech").unwrap();
        let tagged = Fetched::new("old".to_owned()).tag(tag.clone()).etag("v1");
        fixture.region.put("AAPL", tagged).await.unwrap();
        fixture.pass(61);
        let gate = fixture.tier.gate(Operation::Get, Moment::After);
        let caller = fixture.ask("AAPL").await;
        gate.reached(1).await;
        fixture.tier.ungate(Operation::Get, Moment::After);
        match ending {
            "tag" => fixture.cache.invalidate(&tag).await.unwrap(),
            "clear" => fixture.region.clear().await.unwrap(),
            _ => assert!(fixture.region.remove("AAPL").await.unwrap()),
        }
        gate.open();
        assert_eq!(caller.await.unwrap().unwrap().as_deref(), Some("AAPL@1"));
        let asked = fixture.source.batches().swap_remove(0).swap_remove(0);
        assert_eq!((asked.previous, asked.etag), (None, None), "{ending}");
    }
}

#[tokio::test]
async fn values_at_hand_that_differ_are_not_merged_into() {
    let window = SECOND / 500;
    let fixture = Fixture::with(|region| region.batch_window(window)).await;
    fixture.region.put("A", "old".to_owned()).await.unwrap();
    fixture.pass(61);
    let region = fixture.region.clone();
    let refreshing = spawn(async move { soon(region.refresh(&["A"])).await });
    settle().await;
    fixture.region.remove("A").await.unwrap();
    let caller = fixture.ask("A").await;
    fixture.clock.advance(window);
    settle().await;
    assert_eq!(fixture.source.calls(), 1, "once for both");
    assert_eq!(last(&fixture).previous, None, "one of them has nothing at hand");
    caller.await.unwrap().unwrap();
    assert_eq!(refreshing.await.unwrap().unwrap().loaded, 1);
    fixture.pass(61);
    fixture.get("A").await;
    settle().await;
    fixture.clock.advance(window);
    settle().await;
    assert_eq!(last(&fixture).previous.as_deref().map(String::as_str), Some("A@1"), "gathered, and told");
}
