//! Counts of reads: hits, misses, and the keys read most.

use std::time::Duration;

use cache_core::{Clock, Fetched, Key, Tag};
use cache_facade::{Cache, Eviction, Memory};
use tests::{Answer, Fixture, GRACE, Settings, settle};

async fn fixture(policy: Eviction, settings: impl FnOnce(Settings) -> Settings) -> Fixture {
    Fixture::built(|cache| cache.memory(Memory::builder().eviction(policy)), settings).await
}

/// Hits and misses of memory, and how many of the hits were stale.
fn counted(fixture: &Fixture) -> (u64, u64, u64) {
    let stats = fixture.cache.stats();
    (stats.memory.hits, stats.memory.misses, stats.memory_stale)
}

#[tokio::test]
async fn rule_13_each_way_to_read_counts_one_hit_a_key_and_a_look_counts_none() {
    for policy in Eviction::ALL {
        let fixture = fixture(policy, |region| region).await;
        fixture.region.put("AAPL", "x".to_owned()).await.unwrap();
        fixture.region.put("MSFT", "x".to_owned()).await.unwrap();
        let mut expected = 0;
        let mut count = |what: &str, keys: u64| {
            expected += keys;
            assert_eq!(counted(&fixture), (expected, 0, 0), "{policy}: {what}");
        };
        fixture.region.get("AAPL").await.unwrap();
        count("get by id", 1);
        fixture.region.get(&fixture.key("AAPL")).await.unwrap();
        count("get by key", 1);
        fixture.region.get_many(&["AAPL", "MSFT", "AAPL"]).await.unwrap();
        count("get_many", 3);
        fixture.region.lookup("AAPL").await.unwrap();
        count("lookup", 1);
        fixture.region.lookup_many(&["AAPL", "MSFT"]).await;
        count("lookup_many", 2);
        fixture.region.get_or_load("AAPL", async || Ok::<_, std::io::Error>(String::new())).await.unwrap();
        count("get_or_load", 1);
        assert!(fixture.peek("AAPL").is_some() && fixture.peek("none").is_none());
        assert!(fixture.cache.in_memory(&fixture.key("AAPL")));
        count("peek and in_memory", 0);
        fixture.region.put("AAPL", "y".to_owned()).await.unwrap();
        fixture.region.refresh(&["AAPL"]).await.unwrap().all().unwrap();
        fixture.region.remove("AAPL").await.unwrap();
        count("put, refresh and remove", 0);
    }
}

#[tokio::test]
async fn rule_22_a_stale_hit_counts_as_a_hit_and_as_stale_and_a_dead_one_as_a_miss() {
    for policy in Eviction::ALL {
        let fixture = fixture(policy, |region| region).await;
        fixture.get("AAPL").await;
        assert_eq!(counted(&fixture), (0, 1, 0), "{policy}: cold");
        fixture.get("AAPL").await;
        assert_eq!(counted(&fixture), (1, 1, 0), "{policy}: fresh");
        fixture.pass(61);
        fixture.get("AAPL").await;
        assert_eq!(counted(&fixture), (2, 1, 1), "{policy}: stale");
        settle().await;
        fixture.get("AAPL").await;
        assert_eq!(counted(&fixture), (3, 1, 1), "{policy}: refreshed behind");
        fixture.pass(GRACE.as_secs() + 1);
        fixture.get("AAPL").await;
        assert_eq!(counted(&fixture), (3, 2, 1), "{policy}: dead");
    }
}

#[tokio::test]
async fn rule_14_a_hit_that_is_due_to_be_refreshed_counts_once() {
    for policy in Eviction::ALL {
        let fixture = fixture(policy, |region| region.eager(0.5)).await;
        fixture.get("AAPL").await;
        fixture.pass(31);
        fixture.get("AAPL").await;
        settle().await;
        assert_eq!(counted(&fixture), (1, 1, 0), "{policy}: the refresh itself is no read");
        assert_eq!(fixture.source.calls(), 2, "{policy}");
    }
}

#[tokio::test]
async fn rule_13_to_know_that_there_is_no_such_key_is_a_hit() {
    for policy in Eviction::ALL {
        let fixture = fixture(policy, |region| region.negative(Duration::from_secs(10))).await;
        fixture.source.answer(&fixture.key("none"), Answer::Absent);
        for _ in 0..3 {
            assert_eq!(fixture.get("none").await, None);
        }
        assert_eq!(counted(&fixture), (2, 1, 0), "{policy}");
        fixture.pass(11);
        fixture.get("none").await;
        assert_eq!(counted(&fixture), (2, 2, 0), "{policy}: that is over");
    }
}

#[tokio::test]
async fn rule_45_what_was_removed_invalidated_cleared_or_skipped_is_a_miss() {
    for policy in Eviction::ALL {
        let fixture = fixture(policy, |region| region).await;
        let tag = Tag::new("tech").unwrap();
        fixture
            .source
            .answer(&fixture.key("AAPL"), Answer::Value(Fetched::new("x".to_owned()).tag(tag.clone())));
        for (misses, how) in (1..).zip(["cold", "removed", "invalidated", "cleared", "all cleared"]) {
            match how {
                "removed" => assert!(fixture.region.remove("AAPL").await.unwrap()),
                "invalidated" => fixture.cache.invalidate(&tag).await.unwrap(),
                "cleared" => fixture.region.clear().await.unwrap(),
                "all cleared" => fixture.cache.clear().await.unwrap(),
                _ => {}
            }
            fixture.get("AAPL").await;
            fixture.get("AAPL").await;
            assert_eq!(counted(&fixture), (misses, misses, 0), "{policy}: {how}");
        }
        fixture.region.with(|policy| policy.skip("memory")).get("AAPL").await.unwrap();
        assert_eq!(counted(&fixture), (5, 6, 0), "{policy}: skipped");
    }
}

#[tokio::test]
async fn rule_20_what_a_tier_answers_is_a_miss_of_memory_and_no_miss_of_the_cache() {
    let below = Fixture::new().await;
    below.region.put("AAPL", "x".to_owned()).await.unwrap();
    for policy in Eviction::ALL {
        let memory = Memory::builder().eviction(policy);
        let fixture = below.another_built(|cache| cache.memory(memory), |region| region).await;
        for _ in 0..4 {
            fixture.get("AAPL").await;
        }
        assert_eq!(counted(&fixture), (3, 1, 0), "{policy}");
        let stats = fixture.cache.stats();
        assert_eq!((stats.tiers[0].hits, stats.hit_rate()), (1, 1.0), "{policy}");
    }
}

#[tokio::test]
async fn rule_13_the_hottest_keys_are_those_read_most_found_or_not() {
    for policy in Eviction::ALL {
        let fixture = fixture(policy, |region| region).await;
        assert!(fixture.cache.hottest(10).is_empty(), "{policy}: nothing was read");
        fixture.region.put("AAPL", "x".to_owned()).await.unwrap();
        fixture.region.put("MSFT", "x".to_owned()).await.unwrap();
        // Without a loader, so that it is asked for in vain.
        let nowhere = fixture.cache.region::<u64>("nowhere").open().unwrap();
        for turn in 0..8000_u32 {
            match turn % 8 {
                0..4 => assert!(fixture.region.get("AAPL").await.unwrap().is_some()),
                4..6 => assert!(nowhere.get("none").await.unwrap().is_none()),
                6 => assert!(fixture.region.get("MSFT").await.unwrap().is_some()),
                _ => fixture.region.put(&turn.to_string(), "never read".to_owned()).await.unwrap(),
            }
        }
        let hottest = fixture.cache.hottest(10);
        let keys: Vec<&Key> = hottest.iter().map(|hot| &hot.key).collect();
        let none = nowhere.key("none").unwrap();
        assert_eq!(keys, [&fixture.key("AAPL"), &none, &fixture.key("MSFT")], "{policy}: {hottest:?}");
        for (hot, reads) in hottest.iter().zip([4000, 2000, 1000_u64]) {
            let share = reads as f64 / 7000.0;
            assert!((hot.share - share).abs() < 0.1, "{policy}: {hot:?}, its share is {share}");
            assert!(hot.reads.abs_diff(reads) < reads / 3, "{policy}: {hot:?}, of {reads} reads");
        }
        assert_eq!(fixture.cache.hottest(1), hottest[..1], "{policy}");
        assert!(fixture.cache.hottest(0).is_empty(), "{policy}");
    }
}

#[tokio::test]
async fn rule_59_of_very_many_keys_the_hottest_are_found_in_bounded_room() {
    let cache = Cache::builder().clock(Clock::manual()).build().await.unwrap();
    let region = cache.region::<u64>("n").open().unwrap();
    region.put("hot", 1).await.unwrap();
    // A tenth of the reads are of one key, the others of a hundred thousand.
    for turn in 0..100_000_u64 {
        let key = if turn % 10 == 0 { "hot".to_owned() } else { turn.to_string() };
        region.with(|policy| policy.skip("memory")).get(&key).await.unwrap();
    }
    let hottest = cache.hottest(usize::MAX);
    assert!(hottest.len() <= 1024, "{}", hottest.len());
    assert_eq!(hottest[0].key, region.key("hot").unwrap());
    assert!((0.05..0.15).contains(&hottest[0].share), "{:?}", hottest[0]);
    assert!(hottest[1..].iter().all(|cold| cold.share < 0.01), "{:?}", hottest[1]);
}
