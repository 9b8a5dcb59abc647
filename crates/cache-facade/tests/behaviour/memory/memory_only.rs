//! Regions whose values memory alone holds, of types that serde does not know.

use std::{sync::Arc, time::Duration};

use cache_core::{Clock, ErrorKind, Key, Operation};
use cache_facade::{Cache, Memory, Region};
use tests::{FaultyTier, LocalBus, LocalLease, ModelTier, settle};

/// What serde can't write: a function.
struct Rule(Box<dyn Fn(u64) -> bool + Send + Sync>);

fn more_than(least: u64) -> Rule {
    Rule(Box::new(move |number| number > least))
}

struct Node {
    cache: Cache,
    rules: Region<Rule>,
}

async fn node(clock: &Clock, tier: &Arc<FaultyTier>, bus: &LocalBus) -> Node {
    let builder = Cache::builder().clock(clock.clone()).tier(Arc::clone(tier)).bus(bus.clone());
    let cache = builder.lease(LocalLease::new(clock.clone())).build().await.unwrap();
    let rules = cache.memory_region::<Rule>("rule").ttl("1m").stale_for("1h").negative("1m");
    let rules = rules.load_one(|id: String| async move { more_than(id.len() as u64) }).open().unwrap();
    Node { cache, rules }
}

#[tokio::test]
async fn what_memory_alone_holds_is_read_put_loaded_and_removed_without_a_tier() {
    let (clock, tier, bus) =
        (Clock::manual(), Arc::new(FaultyTier::over(ModelTier::new("far"))), LocalBus::default());
    let Node { cache, rules } = node(&clock, &tier, &bus).await;
    settle().await;
    tier.forget_calls();
    rules.put("ten", more_than(10)).await.unwrap();
    let five = rules.get_or_load("five", || async { more_than(5) }).await.unwrap();
    assert!(five.0(6) && rules.get("ten").await.unwrap().is_some_and(|rule| !rule.0(6)));
    clock.advance(Duration::from_secs(4000));
    let five = rules.get_or_load("five", || async { more_than(50) }).await.unwrap();
    assert!(!five.0(6), "its life was over");
    assert!(rules.get_or_load("none", || async { None::<Rule> }).await.unwrap().is_none());
    rules.put("ten", more_than(20)).await.unwrap();
    settle().await;
    assert!(rules.remove("five").await.unwrap() && !rules.remove("five").await.unwrap());
    assert!(!rules.contains("five").await.unwrap());
    assert!(cache.remove("rule", "ten").await.unwrap());
    settle().await;
    for operation in [Operation::Get, Operation::Put, Operation::Remove] {
        let asked = tier.calls(operation);
        assert!(asked.is_empty(), "{operation:?} {asked:?}");
    }
    assert_eq!(cache.stats().codec_failures, 0);
}

/// Each node has its own, and hears only what ends it.
#[tokio::test]
async fn a_load_leaves_other_nodes_as_they_are_and_a_put_or_removal_ends_what_they_hold() {
    let (clock, tier, bus) =
        (Clock::manual(), Arc::new(FaultyTier::over(ModelTier::new("far"))), LocalBus::default());
    let (a, b) = (node(&clock, &tier, &bus).await, node(&clock, &tier, &bus).await);
    settle().await;
    for (node, least) in [(&a, 1), (&b, 2)] {
        node.rules.get_or_load("rule", move || async move { more_than(least) }).await.unwrap();
    }
    settle().await;
    assert!(a.rules.peek("rule").unwrap().0(2) && !b.rules.peek("rule").unwrap().0(2));
    clock.advance(Duration::from_secs(40));
    settle().await;
    b.rules.get_or_load("other", || async { more_than(3) }).await.unwrap();
    clock.advance(Duration::from_secs(30));
    a.rules.get_or_load("rule", || async { more_than(4) }).await.unwrap();
    a.rules.get_or_load("other", || async { more_than(4) }).await.unwrap();
    settle().await;
    assert!(b.rules.peek("other").is_some(), "loaded anew elsewhere");
    assert_eq!(a.rules.refresh(&["other"]).await.unwrap().loaded, 1);
    settle().await;
    assert!(b.rules.peek("other").unwrap().0(4), "what another node loads anew is its own");
    a.rules.put("other", more_than(5)).await.unwrap();
    settle().await;
    assert!(b.rules.peek("other").is_none() && a.rules.peek("other").is_some());
    b.rules.get_or_load("rule", || async { more_than(6) }).await.unwrap();
    settle().await;
    a.rules.remove("rule").await.unwrap();
    settle().await;
    assert!(b.rules.peek("rule").is_none());
}

#[tokio::test]
async fn a_kind_is_of_memory_alone_or_of_the_tiers_too() {
    let cache = Cache::builder().build().await.unwrap();
    let _stored = cache.region::<u64>("k").open().unwrap();
    assert_eq!(cache.memory_region::<u64>("k").open().unwrap_err().kind(), ErrorKind::Config);
}

#[tokio::test]
async fn a_value_weighs_the_size_of_its_type_unless_its_region_says_more() {
    let cache = Cache::builder().memory(Memory::mib(1)).build().await.unwrap();
    let weight_of = |cache: &Cache| cache.stats().memory.weight;
    let plain = cache.memory_region::<[u64; 64]>("plain").open().unwrap();
    plain.put("a", [0; 64]).await.unwrap();
    let by_size = weight_of(&cache);
    assert!((512..1024).contains(&by_size), "{by_size}");
    let costly = cache.memory_region::<Rule>("costly").cost(|_| 4096).open().unwrap();
    costly.put("a", more_than(1)).await.unwrap();
    assert!((4096..4096 + 512).contains(&(weight_of(&cache) - by_size)));
    assert!(cache.in_memory(&Key::new("costly", "a").unwrap()));
}

/// The bus is listened to before the cache is there, so nothing is let go right after.
#[tokio::test]
async fn what_is_put_or_loaded_right_after_a_cache_was_built_stays() {
    for _ in 0..20 {
        let cache = Cache::builder().bus(LocalBus::default()).build().await.unwrap();
        assert!(cache.health().healthy);
        let rules = cache.memory_region::<Rule>("rule").open().unwrap();
        rules.put("ten", more_than(10)).await.unwrap();
        rules.get_or_load("five", || async { more_than(5) }).await.unwrap();
        settle().await;
        assert!(rules.peek("ten").is_some() && rules.peek("five").is_some());
    }
}

#[tokio::test]
async fn a_put_is_refused_if_memory_takes_no_part_and_not_if_it_lets_go_of_the_value() {
    let bus = LocalBus::default();
    let cache = Cache::builder().bus(bus.clone()).build().await.unwrap();
    let rules = cache.memory_region::<Rule>("rule").open().unwrap();
    let error = rules.with(|policy| policy.skip("memory")).put("ten", more_than(10)).await.unwrap_err();
    assert!(error.to_string().contains("memory alone"), "{error}");
    let gate = bus.gate();
    let put = tokio::spawn({
        let rules = rules.clone();
        async move { rules.put("ten", more_than(10)).await }
    });
    gate.reached(1).await;
    assert!(rules.peek("ten").is_some());
    cache.set_memory_budget(1).unwrap();
    assert!(rules.peek("ten").is_none());
    gate.open();
    put.await.unwrap().unwrap();
}
