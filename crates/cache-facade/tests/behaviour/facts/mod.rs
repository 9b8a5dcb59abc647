//! What can be asked about a key without its value, of a region in numbers, and what observers are told.

mod events;
mod inspect;
mod numbers;
mod removed;

use std::time::Duration;

use cache_core::{Fetched, Loaded, Operation, Tag, Ttl};
use cache_facade::{ErrorKind, Memory, Source};
use tests::{Fixture, GRACE, LIFE, about, settle};

#[tokio::test]
async fn a_key_is_there_while_its_value_may_be_served_from_memory_or_a_tier() {
    let tag = Tag::new("tech").unwrap();
    for memory in [Memory::mib(1), Memory::bytes(1)] {
        let fixture = Fixture::built(|cache| cache.memory(memory), |region| region).await;
        let Fixture { region, cache, .. } = &fixture;
        assert!(!region.contains("a").await.unwrap());
        for id in ["a", "b"] {
            region.put(id, Fetched::new("value".to_owned()).tag(tag.clone())).await.unwrap();
        }
        assert!(region.contains("a").await.unwrap());
        fixture.pass(LIFE.as_secs() + 1);
        assert!(region.contains("a").await.unwrap(), "in grace");
        region.remove("b").await.unwrap();
        assert!(!region.contains("b").await.unwrap(), "removed");
        fixture.pass(GRACE.as_secs());
        assert!(!region.contains("a").await.unwrap(), "dead");

        region.put("a", Fetched::new("value".to_owned()).tag(tag.clone())).await.unwrap();
        cache.invalidate(&tag).await.unwrap();
        assert!(!region.contains("a").await.unwrap(), "its tag was invalidated");
        region.put("a", "value".to_owned()).await.unwrap();
        region.clear().await.unwrap();
        assert!(!region.contains("a").await.unwrap(), "cleared");

        let stats = cache.stats();
        assert_eq!(
            (stats.memory.hits, stats.memory.misses, fixture.source.calls()),
            (0, 0, 0),
            "nothing counts"
        );
        assert_eq!(stats.tiers[0].hits + stats.tiers[0].misses, 0);
    }
}

#[tokio::test]
async fn what_another_node_wrote_is_there_and_a_tier_that_fails_is_none() {
    let fixture = Fixture::new().await;
    let other = fixture.another(|region| region).await;
    other.region.put("a", "value".to_owned()).await.unwrap();
    assert!(fixture.region.contains("a").await.unwrap());
    fixture.tier.fail(Operation::Get, ErrorKind::Unavailable);
    assert!(!fixture.region.contains("a").await.unwrap(), "nobody could be asked");
    assert!(!fixture.region.contains("b").await.unwrap());
}

#[tokio::test]
async fn a_life_is_told_while_it_lasts_wherever_the_value_is() {
    for memory in [Memory::mib(1), Memory::bytes(1)] {
        let fixture = Fixture::built(|cache| cache.memory(memory), |region| region).await;
        let region = &fixture.region;
        assert_eq!(region.time_to_live("a").await.unwrap(), None);
        region.put("a", "value".to_owned()).await.unwrap();
        fixture.pass(20);
        let left = region.time_to_live("a").await.unwrap().unwrap();
        assert!(about(left, LIFE - Duration::from_secs(20)), "{left:?}");
        fixture.pass(40);
        assert_eq!(region.time_to_live("a").await.unwrap(), None, "in grace");
        assert!(region.set_life("a", Ttl::new(Duration::from_secs(5))).await.unwrap());
        assert!(about(region.time_to_live("a").await.unwrap().unwrap(), Duration::from_secs(5)));
    }
}

#[tokio::test]
async fn a_life_without_end_has_no_end() {
    let fixture = Fixture::built(|cache| cache.longest_life(Duration::MAX), |region| region).await;
    let endless = Fetched::new("value".to_owned()).ttl(Ttl::new(Duration::MAX));
    fixture.region.put("a", endless).await.unwrap();
    assert_eq!(fixture.region.time_to_live("a").await.unwrap(), Some(Duration::MAX));
}

#[tokio::test]
async fn of_a_stale_value_in_memory_and_a_fresh_one_in_a_tier_the_fresh_one_tells() {
    let fixture = Fixture::new().await;
    fixture.region.put("a", "old".to_owned()).await.unwrap();
    fixture.pass(LIFE.as_secs() + 1);
    let other = fixture.another(|region| region).await;
    other.region.put("a", "new".to_owned()).await.unwrap();
    assert!(about(fixture.region.time_to_live("a").await.unwrap().unwrap(), LIFE));
}

#[tokio::test]
async fn a_known_absence_is_told_from_what_nobody_knows() {
    let negative = Duration::from_secs(30);
    for memory in [Memory::mib(1), Memory::bytes(1)] {
        let fixture = Fixture::built(|cache| cache.memory(memory), |region| region.negative(negative)).await;
        let asked = fixture.cache.region::<String>("price").negative(negative).open().unwrap();
        let unknown = asked.lookup("a").await.unwrap();
        assert!(!unknown.is_known_absent() && unknown.source == Source::Nowhere);
        asked.get_or_load("a", || async { Ok::<_, std::io::Error>(Loaded::Absent) }).await.unwrap();
        settle().await;
        assert!(asked.lookup("a").await.unwrap().is_known_absent());
        assert!(!asked.contains("a").await.unwrap());
        assert_eq!(asked.time_to_live("a").await.unwrap(), None);
        asked.put("a", "value".to_owned()).await.unwrap();
        assert!(!asked.lookup("a").await.unwrap().is_known_absent());
    }
}
