//! What observers are told of writes, of removals and of who waits for another's load.

use cache_core::{Pattern, Tag};
use cache_facade::Op;
use tests::{Fixture, RecordedEvent};

/// The texts of the removals that were told, in order.
fn removals(fixture: &Fixture) -> Vec<String> {
    let text = |event| match event {
        RecordedEvent::Removed { what } => Some(what),
        _ => None,
    };
    fixture.events.recorded().into_iter().filter_map(text).collect()
}

/// The ids of the puts that were told, in order.
fn puts(fixture: &Fixture) -> Vec<String> {
    let id = |event| match event {
        RecordedEvent::Put { key } => Some(key.id().to_owned()),
        _ => None,
    };
    fixture.events.recorded().into_iter().filter_map(id).collect()
}

#[tokio::test]
async fn each_value_that_a_caller_puts_is_an_event_and_what_is_loaded_is_not() {
    let fixture = Fixture::new().await;
    let region = &fixture.region;
    region.put("a", "1".to_owned()).await.unwrap();
    region.put_many(["b", "c"].map(|id| (id, "1".to_owned()))).await.unwrap();
    assert!(!region.put_if_absent("a", "2".to_owned()).await.unwrap().changed);
    region.compute("d", |_| Op::put("1".to_owned())).await.unwrap();
    fixture.get("loaded").await;
    assert_eq!(puts(&fixture), ["a", "b", "c", "d"]);
    assert_eq!(fixture.cache.stats().puts, 4, "as many as are counted");
}

#[tokio::test]
async fn each_removal_is_an_event_that_says_what_was_removed_and_other_nodes_tell_none() {
    let fixture = Fixture::built(|cache| cache.namespace("md"), |region| region).await;
    let Fixture { region, cache, .. } = &fixture;
    region.put("a", "1".to_owned()).await.unwrap();
    region.remove("a").await.unwrap();
    region.remove_many(&["b", "c"]).await.unwrap();
    cache.remove("other", "d").await.unwrap();
    cache.remove_matching(&Pattern::glob("price:x*").unwrap()).await.unwrap();
    cache.invalidate(&Tag::new("tech").unwrap()).await.unwrap();
    region.clear().await.unwrap();
    cache.clear().await.unwrap();
    region.put("e", "1".to_owned()).await.unwrap();
    region.compute("e", |_| Op::Remove).await.unwrap();
    let expected = [
        "key md:price:a",
        "key md:price:b",
        "key md:price:c",
        "key md:other:d",
        "matching md:price:x*",
        "tag tech",
        "kind price",
        "all",
        "key md:price:e",
    ];
    assert_eq!(removals(&fixture), expected);
}

#[tokio::test]
async fn who_waits_for_a_load_that_another_read_began_is_told() {
    let fixture = Fixture::new().await;
    let gate = fixture.source.gate();
    let mut callers = Vec::new();
    for _ in 0..4 {
        callers.push(fixture.ask("a").await);
    }
    gate.open();
    for caller in callers {
        caller.await.unwrap().unwrap();
    }
    fixture.get("a").await;
    let joined = RecordedEvent::Joined { key: fixture.key("a") };
    assert_eq!(fixture.events.count(|seen| *seen == joined), 3, "all but the first");
}
