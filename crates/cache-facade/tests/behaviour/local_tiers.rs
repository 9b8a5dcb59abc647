//! Tiers of one node alone: what other nodes invalidate is invalidated there too, and entries from before a
//! gap in the messages are not served.

use std::sync::Arc;

use cache_core::Pattern;
use cache_facade::Cache;
use tests::{Fixture, LocalBus, ModelTier, settle};

/// Two nodes over one tier, each with a tier of its own in front of it; also those tiers.
async fn with_local_tiers() -> (LocalBus, [Fixture; 2], [Arc<ModelTier>; 2]) {
    let bus = LocalBus::default();
    let first = Fixture::new().await;
    let own = [(); 2].map(|()| Arc::new(ModelTier::new("own")));
    let node = |own: &Arc<ModelTier>| {
        let (bus, own, far) = (bus.clone(), Arc::clone(own), first.tier.clone());
        let clock = first.clock.clone();
        // A cache of its own making: the local tier comes first.
        move |_| Cache::builder().clock(clock).bus(bus).local_tier(own).tier(far)
    };
    let a = first.another_built(node(&own[0]), |region| region).await;
    let b = first.another_built(node(&own[1]), |region| region).await;
    settle().await;
    (bus, [a, b], own)
}

#[tokio::test]
async fn rule_34_what_others_write_or_end_is_let_go_in_tiers_of_this_node_alone() {
    let (_bus, [a, b], [_, own]) = with_local_tiers().await;
    for id in ["put", "removed", "matched", "kept"] {
        b.region.put(id, "old".to_owned()).await.unwrap();
    }
    settle().await;
    a.region.put("put", "new".to_owned()).await.unwrap();
    a.region.remove("removed").await.unwrap();
    a.cache.remove_matching(Pattern::glob("price:match*").unwrap()).await.unwrap();
    a.region.put("unheard of", "new".to_owned()).await.unwrap();
    settle().await;
    for id in ["put", "removed", "matched"] {
        assert!(own.entry(&b.key(id)).is_none(), "{id}");
    }
    assert!(!own.records().contains_key("price:unheard of"), "nothing is written for what is not held");
    assert_eq!(b.get("put").await.as_deref(), Some("new"));
    assert_eq!(b.get("kept").await.as_deref(), Some("old"));
    assert_eq!(b.get("removed").await.as_deref(), Some("removed@1"));
}

#[tokio::test]
async fn rule_37_tiers_of_this_node_alone_are_not_believed_about_what_came_before_the_gap() {
    let (bus, [a, b], [_, own]) = with_local_tiers().await;
    a.region.put("first", "x".to_owned()).await.unwrap();
    b.region.put("AAPL", "old".to_owned()).await.unwrap();
    b.region.put("MSFT", "same".to_owned()).await.unwrap();
    settle().await;
    bus.lose(1);
    a.region.put("AAPL", "new".to_owned()).await.unwrap();
    a.region.put("other", "x".to_owned()).await.unwrap();
    settle().await;
    assert!(own.entry(&b.key("AAPL")).is_some(), "it was not told");
    assert_eq!(b.get("AAPL").await.as_deref(), Some("new"));
    assert_eq!(b.get("MSFT").await.as_deref(), Some("same"), "from the tier they share");
    b.region.put("SPY", "later".to_owned()).await.unwrap();
    b.cache.clear().await.unwrap();
}
