//! Marks of keys: of several kinds at once, of very many, and of kinds that tiers hold nothing of.

use cache_core::ErrorKind;
use cache_facade::{Cache, Region, Selection};
use tests::{Fixture, RecordedEvent};

use super::{old, put, served};

/// Another kind of the same cache.
fn names(fixture: &Fixture) -> Region<String> {
    fixture.cache.region::<String>("name").ttl("1h").open().unwrap()
}

/// How many marks of keys the tier keeps.
fn marks_of_keys(fixture: &Fixture) -> usize {
    let records = fixture.model.records().into_iter();
    let entries = records.filter(|(_, record)| matches!(record, cache_core::envelope::Record::Entry(_)));
    entries.filter(|(key, _)| key.starts_with("!stale-key:")).count()
}

fn marked(fixture: &Fixture, what: &str) -> usize {
    fixture.events.count(|seen| matches!(seen, RecordedEvent::MarkedStale { what: of } if of == what))
}

#[tokio::test]
async fn rule_84_keys_of_several_kinds_that_are_selected_are_all_marked() {
    for last in ["name", "price"] {
        let fixture = Fixture::new().await;
        put(&fixture.region).await;
        names(&fixture)
            .put_many([("AAPL", "Apple".to_owned()), ("MSFT", "Microsoft".to_owned())])
            .await
            .unwrap();
        let others = if last == "name" { "price" } else { "name" };
        let selection = Selection::new().key(others, "AAPL").key(last, "AAPL");
        fixture.cache.mark_selected_stale(&selection).await.unwrap();
        fixture.source.fail(ErrorKind::Unavailable);
        let later = fixture.another(|region| region).await;
        assert_eq!(served(&later.region).await, old("far"));
        let names = names(&later);
        assert!(names.lookup("AAPL").await.unwrap().stale);
        assert!(!names.lookup("MSFT").await.unwrap().stale, "nothing else");
        assert!(!later.region.lookup("MSFT").await.unwrap().stale, "nothing else");
    }
}

#[tokio::test]
async fn rule_84_a_kind_that_is_selected_is_marked_by_one_stamp_though_it_is_not_open() {
    let fixture = Fixture::new().await;
    put(&fixture.region).await;
    fixture.source.fail(ErrorKind::Unavailable);
    let cache =
        Cache::builder().tier(fixture.tier.clone()).clock(fixture.clock.clone()).build().await.unwrap();
    cache.mark_selected_stale(&Selection::new().kind("price")).await.unwrap();
    let records = fixture.model.records();
    assert!(records.contains_key("!stale-kind:price") && !records.contains_key("!stale-patterns:"));
    let later = fixture.another(|region| region).await;
    assert_eq!(served(&later.region).await, old("far"));
}

#[tokio::test]
async fn rule_84_a_mark_that_can_not_be_kept_marks_nothing() {
    let fixture = Fixture::new().await;
    put(&fixture.region).await;
    let long = "x".repeat(4080);
    let selection = Selection::new().key("price", "AAPL").key("price", &*long);
    assert_eq!(fixture.cache.mark_selected_stale(&selection).await.unwrap_err().kind(), ErrorKind::Limit);
    let kind = Selection::new().key("price", "AAPL").kind("x".repeat(4090));
    assert_eq!(fixture.cache.mark_selected_stale(&kind).await.unwrap_err().kind(), ErrorKind::Limit);
    assert!(!served(&fixture.region).await.2);
}

#[tokio::test]
async fn rule_84_a_key_of_which_no_mark_can_be_kept_is_not_stale_by_the_marks_of_others() {
    let fixture = Fixture::new().await;
    let long = "x".repeat(4080);
    fixture.region.put(&*long, "value".to_owned()).await.unwrap();
    fixture.region.mark_stale("AAPL").await.unwrap();
    let later = fixture.another(|region| region).await;
    assert!(!later.region.lookup(&*long).await.unwrap().stale);
}

#[tokio::test]
async fn rule_84_of_more_keys_than_marks_are_kept_of_the_kind_is_marked_and_that_is_told() {
    let fixture = Fixture::new().await;
    put(&fixture.region).await;
    names(&fixture).put("AAPL", "Apple".to_owned()).await.unwrap();
    for id in 0..1024 {
        // The same key twice takes no more.
        fixture.region.mark_stale(&id).await.unwrap();
        fixture.region.mark_stale(&id).await.unwrap();
    }
    assert_eq!((marks_of_keys(&fixture), marked(&fixture, "kind price")), (1024, 0));
    assert!(!served(&fixture.region).await.2, "it was not named");
    fixture.region.mark_stale("one more").await.unwrap();
    assert_eq!((marks_of_keys(&fixture), marked(&fixture, "kind price")), (0, 1), "which takes one stamp");
    fixture.source.fail(ErrorKind::Unavailable);
    assert_eq!(served(&fixture.region).await, old("memory"), "too much rather than too little");
    let later = fixture.another(|region| region).await;
    assert_eq!(served(&later.region).await, old("far"));
    assert!(!names(&later).lookup("AAPL").await.unwrap().stale, "no other kind");
    // And from there on anew.
    fixture.region.mark_stale("AAPL").await.unwrap();
    assert_eq!(marks_of_keys(&fixture), 1);
    let many: Vec<u32> = (0..2000).collect();
    fixture.region.mark_many_stale(&many).await.unwrap();
    assert_eq!((marks_of_keys(&fixture), marked(&fixture, "kind price")), (0, 2));
}

#[tokio::test]
async fn rule_84_what_memory_alone_holds_is_marked_in_any_number_and_in_no_tier() {
    let fixture = Fixture::new().await;
    let alone = fixture.cache.memory_region::<u32>("alone").ttl("1h").open().unwrap();
    alone.put_many((0..3000).map(|id| (id, id))).await.unwrap();
    let many: Vec<u32> = (0..2000).collect();
    alone.mark_many_stale(&many).await.unwrap();
    assert!(alone.lookup(&1999).await.unwrap().stale);
    assert!(!alone.lookup(&2000).await.unwrap().stale);
    assert!(fixture.model.records().keys().all(|key| !key.starts_with("!stale")));
    let long = "x".repeat(4080);
    let selection = Selection::new().key("alone", &*long);
    fixture.cache.mark_selected_stale(&selection).await.unwrap();
}

/// Far more tags than are remembered, each of them marked.
#[tokio::test]
async fn rule_97_marks_of_any_number_of_tags_end_nothing() {
    let cache = Cache::builder().build().await.unwrap();
    let region = cache.region::<u32>("k").ttl("1h").open().unwrap();
    region.put("old", cache_facade::Fetched::new(1).tag("of old")).await.unwrap();
    for tag in 0..70_000 {
        cache.mark_stale(format!("tag {tag}")).await.unwrap();
    }
    assert_eq!(region.get("old").await.unwrap().as_deref(), Some(&1));
    region.put("new", cache_facade::Fetched::new(2).tag("tag 1")).await.unwrap();
    assert!(!region.lookup("new").await.unwrap().stale);
}
