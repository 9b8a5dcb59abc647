//! The numbers of regions: their own, and parts of the sum; and all numbers as JSON.

use cache_core::{ErrorKind, Loaded, Pattern};
use cache_facade::{Memory, RegionStats};
use serde_json::json;
use tests::{Answer, Fixture, LIFE, LocalBus, settle};

#[tokio::test]
async fn rule_113_each_region_counts_its_own_and_the_cache_all_of_them() {
    let fixture = Fixture::new().await;
    let Fixture { cache, region, source, .. } = &fixture;
    let other = cache.region::<u32>("other").open().unwrap();
    region.put("a", "value".to_owned()).await.unwrap();
    for _ in 0..3 {
        fixture.get("a").await;
    }
    other.put_many([("x", 1), ("y", 2)]).await.unwrap();
    other.get("x").await.unwrap();
    other.get("none").await.unwrap();

    let gate = source.gate();
    let callers = [fixture.ask("b").await, fixture.ask("b").await];
    gate.open();
    for caller in callers {
        caller.await.unwrap().unwrap();
    }
    source.answer(&fixture.key("c"), Answer::Fail(ErrorKind::Load));
    assert!(region.get("c").await.is_err());
    fixture.pass(LIFE.as_secs() + 1);
    fixture.get("a").await;
    settle().await;
    assert!(region.remove("a").await.unwrap());
    region.clear().await.unwrap();
    cache.remove("other", "y").await.unwrap();
    cache.remove("closed", "y").await.unwrap();
    cache.remove_matching(&Pattern::glob("other:*").unwrap()).await.unwrap();

    let (price, rest) = (region.stats(), other.stats());
    let numbers = |stats: &RegionStats| {
        let RegionStats { hits, tier_hits, stale, misses, coalesced, .. } = *stats;
        let RegionStats { loads, loaded_keys, load_failures, puts, removals, .. } = *stats;
        ([hits, tier_hits, stale, misses, coalesced], [loads, loaded_keys, load_failures, puts, removals])
    };
    assert_eq!(numbers(&price), ([4, 0, 1, 3, 1], [3, 3, 1, 1, 2]));
    assert_eq!(numbers(&rest), ([1, 0, 0, 1, 0], [0, 0, 0, 2, 1]));
    assert_eq!(price.hit_rate(), 4.0 / 7.0);

    let all = cache.stats();
    assert_eq!(all.regions.iter().map(|region| &*region.kind).collect::<Vec<_>>(), ["other", "price"]);
    assert_eq!((all.memory.hits, all.memory.misses), (5, 4));
    assert_eq!((all.memory_stale, all.coalesced, all.loads, all.puts), (1, 1, 3, 3));
    assert_eq!(all.removals, 5, "two by no region");
}

#[tokio::test]
async fn the_hottest_key_is_that_of_all_regions() {
    let fixture = Fixture::new().await;
    let others = ["b", "c", "d"].map(|kind| fixture.cache.region::<u32>(kind).open().unwrap());
    fixture.region.put("a", "value".to_owned()).await.unwrap();
    for turn in 0..2000 {
        fixture.region.get("a").await.unwrap();
        if turn % 4 == 0 {
            others[turn / 4 % 3].get("x").await.unwrap();
        }
    }
    let hottest = &fixture.cache.hottest(1)[0];
    assert_eq!(hottest.key, fixture.key("a"));
    assert!((0.6..=0.95).contains(&hottest.share), "{hottest:?}");
}

#[tokio::test]
async fn rule_113_what_a_tier_answered_is_a_hit_of_its_region() {
    let fixture = Fixture::built(|cache| cache.memory(Memory::bytes(1)), |region| region).await;
    fixture.region.put("a", "value".to_owned()).await.unwrap();
    fixture.get("a").await;
    fixture.pass(LIFE.as_secs() + 1);
    fixture.source.fail(ErrorKind::Load);
    fixture.get("a").await;
    let stats = fixture.region.stats();
    assert_eq!((stats.hits, stats.tier_hits, stats.stale, stats.misses), (0, 2, 1, 2));
    assert_eq!(stats.hit_rate(), 1.0);
}

#[tokio::test]
async fn handles_of_one_kind_share_their_numbers() {
    let fixture = Fixture::new().await;
    let again = fixture.cache.region::<String>("price").open().unwrap();
    again.put("a", "value".to_owned()).await.unwrap();
    fixture.get("a").await;
    for stats in [fixture.region.stats(), again.stats()] {
        assert_eq!((&*stats.kind, stats.puts, stats.hits), ("price", 1, 1));
    }
}

#[tokio::test]
async fn numbers_and_health_are_written_as_they_are_and_an_error_as_its_text() {
    let bus = LocalBus::default();
    let fixture = Fixture::built(|cache| cache.bus(bus.clone()), |region| region).await;
    fixture.region.get_or_load("a", || async { Ok::<_, std::io::Error>(Loaded::Absent) }).await.unwrap();
    fixture.tier.down();
    fixture.region.put("a", "value".to_owned()).await.unwrap();
    let stats = serde_json::to_value(fixture.cache.stats()).unwrap();
    assert_eq!(stats["memory"]["eviction"], "hybrid");
    assert_eq!(stats["memory"]["evictions"]["size"], 0);
    assert_eq!(stats["regions"][0]["kind"], "price");
    assert_eq!(stats["regions"][0]["puts"], 1);
    assert_eq!((&stats["tiers"][0]["name"], &stats["tiers"][0]["pending"]), (&json!("far"), &json!(1)));
    assert_eq!(stats["bus"]["error"], json!(null));
    let health = serde_json::to_value(fixture.cache.health()).unwrap();
    let error = fixture.cache.health().tiers[0].error.clone().unwrap();
    assert_eq!(health["tiers"][0], json!({ "name": "far", "error": error.to_string() }));
    assert_eq!(health["healthy"], false);
}
