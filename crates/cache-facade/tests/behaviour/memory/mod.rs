//! Memory within a cache: its budget, its eviction policies, protected entries, counts.

mod counts;
mod evictions;
mod held;
mod memory_only;
mod policies;
mod protection;
mod reclaim;

use std::time::Duration;

use cache_core::{Clock, Operation};
use cache_facade::{Cache, Memory, MemoryMode};
use proptest::{collection::vec, proptest};
use tests::{Fixture, settle};

const MIB: u64 = 1 << 20;

proptest! {
    #![proptest_config(proptest::test_runner::Config { cases: 12, failure_persistence: None, ..Default::default() })]

    #[test]
    fn rule_59_whatever_is_put_the_weight_stays_within_the_budget(sizes in vec(0_usize..200_000, 1..60)) {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
            let cache = Cache::builder().memory(Memory::mib(1)).clock(Clock::manual()).build().await.unwrap();
            let blobs = cache.region::<String>("blob").open().unwrap();
            for (n, size) in sizes.iter().enumerate() {
                blobs.put(&(n % 20).to_string(), "x".repeat(*size)).await.unwrap();
                let stats = cache.stats().memory;
                assert!(stats.weight <= stats.budget, "{stats:?}");
            }
            let held = (0..20).filter_map(|id| blobs.peek(&id.to_string()));
            let bytes: usize = held.map(|value| value.len()).sum();
            assert!(bytes as u64 <= MIB, "what it holds weighs at least its bytes: {bytes}");
        });
    }
}

#[tokio::test]
async fn rule_59_the_cost_given_by_the_region_is_what_a_value_weighs() {
    let cache = Cache::builder().memory(Memory::mib(1)).clock(Clock::manual()).build().await.unwrap();
    let dear = cache.region::<u64>("dear").cost(|_| 200_000).open().unwrap();
    for n in 0..50_u64 {
        dear.put(&n.to_string(), n).await.unwrap();
    }
    let stats = cache.stats().memory;
    assert!(stats.entries <= 5 && stats.weight <= MIB, "{stats:?}");
    assert!(stats.evictions.size >= 45, "{stats:?}");
}

#[tokio::test]
async fn rule_64_as_a_fallback_memory_serves_only_while_the_tier_is_unwell() {
    let fixture = Fixture::built(|cache| cache.memory_mode(MemoryMode::Fallback), |region| region).await;
    fixture.get("AAPL").await;
    settle().await;
    assert_eq!(fixture.peek("AAPL"), None, "while the tier is well it has the only say");
    assert_eq!(fixture.get("AAPL").await.as_deref(), Some("AAPL@1"));
    assert!(fixture.tier.calls_for(Operation::Get, &fixture.key("AAPL")).len() >= 2);

    fixture.tier.down();
    assert_eq!(fixture.get("AAPL").await.as_deref(), Some("AAPL@2"));
    settle().await;
    assert_eq!(fixture.get("AAPL").await.as_deref(), Some("AAPL@2"), "from memory");
    assert_eq!(fixture.source.calls(), 2);

    // Meanwhile another process has written what this one can't have seen.
    fixture.tier.up();
    let other = fixture.another(|region| region).await;
    other.region.put("AAPL", "elsewhere".to_owned()).await.unwrap();
    fixture.clock.advance(Duration::from_secs(31));
    settle().await;
    assert_eq!(fixture.get("AAPL").await.as_deref(), Some("elsewhere"));
}
