//! The near tier under load: its budget, what is protected in it, and when it is only a fallback.

use std::{
    sync::{Arc, Barrier},
    thread,
    time::Duration,
};

use cache_core::{Clock, Entry, Key, Meta, Operation, Pattern, Target, Timestamp, Tombstone, Ttl};
use cache_facade::{Cache, Eviction, Memory, MemoryMode};
use cache_memory::Value;
use proptest::{collection::vec, proptest};
use tests::{Scene, Seen, settle};

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
async fn rule_59_protected_entries_stay_under_any_load() {
    let scene =
        Scene::built(|cache| cache.memory(Memory::builder().mib(1).protected_share(0.25)), |region| region)
            .await;
    scene.cache.protect(&Pattern::glob("price:index*").unwrap()).unwrap();
    let small = |id: u32| (format!("index{id}"), "x".repeat(1000));
    scene.region.put_many((0..100).map(small)).await.unwrap();
    for round in 0..20_u32 {
        scene.region.put_many((0..100).map(|id| (format!("{round}/{id}"), "x".repeat(1000)))).await.unwrap();
    }
    let stats = scene.cache.stats().memory;
    assert!(stats.weight <= stats.budget && stats.evictions.size > 0, "{stats:?}");
    for id in 0..100 {
        assert!(scene.peek(&format!("index{id}")).is_some(), "index{id}");
    }
}

#[tokio::test]
async fn rule_59_what_finds_the_protected_share_full_is_kept_unprotected_and_said() {
    let scene =
        Scene::built(|cache| cache.memory(Memory::builder().mib(1).protected_share(0.1)), |region| region)
            .await;
    scene.cache.protect(&Pattern::glob("price:*").unwrap()).unwrap();
    scene.region.put_many((0..200).map(|id| (id.to_string(), "x".repeat(1000)))).await.unwrap();
    let refused = scene.events.count(|seen| matches!(seen, Seen::ProtectionRefused { .. }));
    let stats = scene.cache.stats().memory;
    assert!(refused > 0 && stats.protected as usize + refused == 200, "{refused} refused, {stats:?}");
    assert!(stats.weight <= stats.budget, "{stats:?}");
}

#[tokio::test]
async fn rule_59_protection_without_a_share_is_refused() {
    let scene = Scene::new().await;
    assert!(scene.cache.protect(&Pattern::glob("price:*").unwrap()).is_err());
}

#[tokio::test]
async fn rule_29_a_protected_key_that_is_removed_is_gone_and_its_loads_are_not_kept() {
    let scene =
        Scene::built(|cache| cache.memory(Memory::builder().mib(1).protected_share(0.5)), |region| region)
            .await;
    scene.cache.protect(&Pattern::glob("price:*").unwrap()).unwrap();
    scene.get("AAPL").await;
    scene.region.remove("AAPL").await.unwrap();
    assert_eq!(scene.peek("AAPL"), None);
    let gate = scene.source.gate();
    let caller = scene.ask("AAPL").await;
    scene.cache.remove_matching(&Pattern::glob("price:*").unwrap()).await.unwrap();
    gate.open();
    caller.await.unwrap().unwrap();
    settle().await;
    assert_eq!(scene.peek("AAPL"), None);
}

#[test]
fn rule_29_an_end_of_protection_does_not_bring_a_removed_key_back() {
    let at = |micros: i64| Timestamp::from_micros(1_000_000 + micros);
    let now = at(0);
    let pattern = Pattern::glob("k:*").unwrap();
    for policy in Eviction::ALL.into_iter().cycle().take(500) {
        let memory = Memory::builder().mib(1).eviction(policy).protected_share(0.5).build();
        memory.protect(Target::Matching(&pattern)).unwrap();
        let keys: Vec<Key> = (0..64).map(|id| Key::new("k", &id.to_string()).unwrap()).collect();
        for key in &keys {
            let value: Value = Arc::new(1_u8);
            memory.put(key.clone(), Entry::new(value, Meta::new(at(1), Ttl::new(Duration::MAX))), now);
        }
        let together = Barrier::new(2);
        thread::scope(|scope| {
            scope.spawn(|| {
                together.wait();
                memory.unprotect(Target::Matching(&pattern));
            });
            together.wait();
            memory.remove(&keys, Tombstone { born: at(2), dead_at: Timestamp::MAX }, now);
        });
        for key in &keys {
            assert!(memory.get(key).is_none(), "{policy}: {key} is back");
        }
    }
}

#[tokio::test]
async fn rule_64_as_a_fallback_memory_serves_only_while_the_tier_is_unwell() {
    let scene = Scene::built(|cache| cache.memory_mode(MemoryMode::Fallback), |region| region).await;
    scene.get("AAPL").await;
    settle().await;
    assert_eq!(scene.peek("AAPL"), None, "while the tier is well it has the only say");
    assert_eq!(scene.get("AAPL").await.as_deref(), Some("AAPL@1"));
    assert!(scene.tier.calls_for(Operation::Get, &scene.key("AAPL")).len() >= 2);

    scene.tier.down();
    assert_eq!(scene.get("AAPL").await.as_deref(), Some("AAPL@2"));
    settle().await;
    assert_eq!(scene.get("AAPL").await.as_deref(), Some("AAPL@2"), "from memory");
    assert_eq!(scene.source.calls(), 2);

    // Meanwhile another process has written what this one can't have seen.
    scene.tier.up();
    let other = scene.another(|region| region).await;
    other.region.put("AAPL", "elsewhere".to_owned()).await.unwrap();
    scene.clock.advance(Duration::from_secs(31));
    settle().await;
    assert_eq!(scene.get("AAPL").await.as_deref(), Some("elsewhere"));
}
