//! Keys brought from the tiers into memory, without a load.

use std::time::Duration;

use cache_core::Warm;
use cache_facade::Memory;
use tests::Fixture;

/// Whoever warms must not load what a tier has, whether or not memory keeps it.
#[tokio::test]
async fn rule_86_what_a_tier_has_fresh_is_there_though_memory_has_no_room_for_it() {
    let writer = Fixture::new().await;
    let ids: Vec<String> = (0..50).map(|number| number.to_string()).collect();
    writer.region.get_many(&ids).await.unwrap();
    let reader = writer.another_built(|cache| cache.memory(Memory::entries(5)), |region| region).await;
    let keys: Vec<_> = ids.iter().map(|id| reader.key(id)).collect();
    assert_eq!(reader.region.lift(&keys).await.unwrap(), [true; 50]);
    let in_memory = keys.iter().filter(|key| reader.region.fresh_for(key).is_some()).count();
    assert!(in_memory < 50, "{in_memory} are in memory");
    assert_eq!(reader.source.calls(), 1, "nothing was loaded");
}

/// Else the reads that come then would be told as hits before they are made.
#[tokio::test]
async fn rule_91_what_is_brought_to_memory_beforehand_is_nobodys_hit() {
    let writer = Fixture::new().await;
    writer.region.get_many(&["A", "B"]).await.unwrap();
    let reader = writer.another(|region| region).await;
    assert_eq!(reader.region.lift(&[reader.key("A")]).await.unwrap(), [true]);
    assert_eq!(reader.cache.stats().hit_rate(), 0.0);
    reader.get("C").await;
    let stats = reader.region.stats();
    assert_eq!((stats.hits, stats.tier_hits, stats.misses), (0, 0, 1));
    assert_eq!(reader.cache.stats().hit_rate(), 0.0);
    reader.get("A").await;
    reader.get("B").await;
    let stats = reader.region.stats();
    assert_eq!((stats.hits, stats.tier_hits, stats.misses), (1, 1, 2));
}

#[tokio::test]
async fn what_is_stale_everywhere_or_nowhere_is_not_there() {
    let writer = Fixture::new().await;
    writer.region.get_many(&["A"]).await.unwrap();
    writer.clock.advance(Duration::from_secs(61));
    let reader = writer.another(|region| region).await;
    let keys = [reader.key("A"), reader.key("B")];
    assert_eq!(reader.region.lift(&keys).await.unwrap(), [false, false]);
    assert_eq!(reader.source.calls(), 1);
}
