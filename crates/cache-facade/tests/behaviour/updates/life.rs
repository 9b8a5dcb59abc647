//! Lives that are set anew: in memory, in the tiers and on other nodes, and never over what is newer.

use std::time::Duration;

use cache_core::{Operation, Tag};
use cache_facade::{Fetched, Ttl};
use tests::{Fixture, LocalBus, Moment, about, settle, soon};
use tokio::spawn;

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn rule_125_a_life_that_is_set_counts_from_now_in_memory_and_in_the_tiers() {
    for (seconds, stale) in [(50, false), (61, true)] {
        let fixture = Fixture::new().await;
        let tag = Tag::new("t").unwrap();
        let put = Fetched::new("one".to_owned()).tag(tag.clone()).etag("v1");
        fixture.region.put("AAPL", put).await.unwrap();
        fixture.pass(seconds);
        let life = Ttl::new(10 * MINUTE).grace(20 * MINUTE);
        assert!(fixture.region.set_life("AAPL", life).await.unwrap());
        let restarted = fixture.another(|region| region).await;
        for node in [&fixture, &restarted] {
            let found = node.region.lookup("AAPL").await.unwrap();
            assert_eq!(found.value.as_deref().map(String::as_str), Some("one"), "was stale: {stale}");
            assert!(!found.stale && about(found.fresh_for, 10 * MINUTE), "{found:?}");
            assert!(about(found.servable_for, 20 * MINUTE), "{found:?}");
        }
        let meta = fixture.model.entry(&fixture.key("AAPL")).unwrap().meta;
        assert_eq!((meta.tags(), meta.etag()), (&[tag.clone()][..], Some("v1")));
        fixture.cache.invalidate(&tag).await.unwrap();
        assert!(!fixture.region.set_life("AAPL", life).await.unwrap(), "what was ended stays so");
        assert_eq!(fixture.source.calls(), 0, "nothing is loaded");
    }
}

#[tokio::test]
async fn rule_125_there_is_no_life_for_what_is_not_there_and_none_removes() {
    let fixture = Fixture::new().await;
    let region = &fixture.region;
    assert!(!region.set_life("none", Ttl::new(MINUTE)).await.unwrap());
    assert_eq!((fixture.peek("none"), fixture.held("none")), (None, None));
    region.put("AAPL", "one".to_owned()).await.unwrap();
    assert!(region.set_life("AAPL", Ttl::NONE).await.unwrap());
    assert_eq!((fixture.peek("AAPL"), fixture.held("AAPL")), (None, None));
    region.put("MSFT", "one".to_owned()).await.unwrap();
    fixture.pass(601);
    assert!(!region.set_life("MSFT", Ttl::new(MINUTE)).await.unwrap(), "what is dead stays so");
}

#[tokio::test]
async fn rule_125_other_nodes_hear_of_it() {
    let bus = LocalBus::default();
    let first = Fixture::built(|cache| cache.bus(bus.clone()), |region| region).await;
    let second = first.another_built(|cache| cache.bus(bus.clone()), |region| region).await;
    settle().await;
    first.region.put("AAPL", "one".to_owned()).await.unwrap();
    assert_eq!(second.get("AAPL").await.as_deref(), Some("one"));
    first.region.set_life("AAPL", Ttl::new(10 * MINUTE)).await.unwrap();
    settle().await;
    let there = second.region.lookup("AAPL").await.unwrap();
    assert!(about(there.fresh_for, 10 * MINUTE), "{there:?}");
    assert_eq!(first.source.calls(), 0);
}

/// Another node puts a value between the look and the write.
#[tokio::test]
async fn rule_125_a_life_is_never_given_to_a_value_that_was_replaced() {
    let first = Fixture::new().await;
    let second = first.another(|region| region).await;
    first.region.put("AAPL", "old".to_owned()).await.unwrap();
    let gate = first.tier.gate(Operation::Put, Moment::Before);
    let region = first.region.clone();
    let set = spawn(async move { region.set_life("AAPL", Ttl::new(10 * MINUTE)).await });
    gate.reached(1).await;
    first.tier.ungate(Operation::Put, Moment::Before);
    second.region.put("AAPL", "new".to_owned()).await.unwrap();
    gate.open();
    assert!(soon(set).await.unwrap().unwrap(), "of what is there now");
    let found = first.region.lookup("AAPL").await.unwrap();
    assert_eq!(found.value.as_deref().map(String::as_str), Some("new"));
    assert!(about(found.fresh_for, 10 * MINUTE), "{found:?}");
    assert_eq!(first.held("AAPL").as_deref(), Some("new"));
}
